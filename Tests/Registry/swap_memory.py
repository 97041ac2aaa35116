#!/usr/bin/env python3
"""Swaps two versions under load, over and over, and reports what memory the service keeps.

  Tests/Registry/swap_memory.py --bootstrap localhost:9092 --millrace .build/release/millrace

A service answers paced requests while two versions are promoted in turn. After some swaps that fill the allocator's arenas, its
resident memory is noted at the start and after each tenth of the swaps; the last has to lie within 5 % of the first. Needs a real broker, confluent-kafka, h5py.
"""
import argparse
import json
import pathlib
import sys
import tempfile
import threading
import time

import numpy
from confluent_kafka import Producer


from verify_replay import ROOT, Run, stop, variant


def resident(process):
    """In MiB."""
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--millrace", default=str(ROOT / ".build/release/millrace"))
    parser.add_argument("--swaps", type=int, default=200)
    parser.add_argument("--warm-up", type=int, default=50, help="swaps before the first figure")
    parser.add_argument("--rate", type=int, default=500, help="requests per second")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="millrace-swaps-") as name:
        run = Run(options, pathlib.Path(name))
        requests, results = run.topic("requests"), run.topic("results")
        run.topic("requests-dlt")
        live = run.settings("live", results)
        for number in range(2):
            noise = numpy.float32(0.01 * number)
            file = variant(run.folder / f"v{number}.h5", lambda v: v.__iadd__(noise))
            run.command("models", "import", file, "--name", "digits", *live)
        run.command("models", "promote", "digits", 1, *live)
        service = run.serve("live", results)
        ended = threading.Event()

        def load():
            producer = Producer({"bootstrap.servers": options.bootstrap, "linger.ms": 2})
            body = json.dumps({"inputs": [{"name": "pixels", "shape": [1, 64], "datatype": "FP32", "data": [0.5] * 64}]})
            start, sent = time.time(), 0
            while not ended.is_set():
                while sent < (time.time() - start) * options.rate:
                    producer.produce(requests, body, headers={"millrace-model": "digits"})
                    sent += 1
                producer.poll(0.005)
            producer.flush()

        thread = threading.Thread(target=load)
        thread.start()
        figures = []
        try:
            time.sleep(5)
            for swap in range(-options.warm_up, options.swaps + 1):
                run.command("models", "promote", "digits", 2 - swap % 2, *live)
                if swap >= 0 and swap % max(1, options.swaps // 10) == 0:
                    time.sleep(1)
                    figures.append(resident(service))
                    print(f"{swap} swaps: {figures[-1]:.1f} MiB", flush=True)
        finally:
            ended.set()
            thread.join()
            stop(service)
            run.admin.delete_topics(run.topics + [f"{run.name}.models"])
            time.sleep(0.5)
    change = figures[-1] / figures[0] - 1
    print(f"change from the first to the last: {change:+.1%}")
    if abs(change) > 0.05:
        sys.exit("expected at most 5 %")
    print("PASSED")
    return 0


if __name__ == "__main__":
    sys.exit(main())
