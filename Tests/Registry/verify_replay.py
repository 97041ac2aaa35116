#!/usr/bin/env python3
"""Replays requests that were answered under varying load with promotions in between, and compares every bit.

  Tests/Registry/verify_replay.py --bootstrap localhost:9092 --millrace .build/release/millrace

Requests come in bursts of random size while three other versions, each with weights of its own, are promoted one after
another. Then: `replay --verify` has to find no difference; a version in which one weight was moved by one ulp has to be told
from the recorded one, with the offset of the first difference; and answering the same backlog again is timed, live by `serve`
and by `replay --output-topic`, from the times at which the broker appended the results. Needs a real broker, confluent-kafka, h5py.
"""
import argparse
import json
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import uuid

import h5py
import numpy
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MODEL = ROOT / "Sources/MillraceCommand/Resources/digits/mlp.h5"
PARTITIONS = 4
VERSIONS = 4


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--millrace", default=str(ROOT / ".build/release/millrace"))
    parser.add_argument("--requests", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3, help="of the timed part")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def kernels(file):
    """The float32 matrices of a Keras file, in the order of their names."""
    found = []
    file.visititems(lambda name, item: found.append(item) if isinstance(item, h5py.Dataset) and item.ndim == 2 else None)
    return found


def variant(target, change):
    """A copy of the model with `change` applied to its last matrix."""
    target.write_bytes(MODEL.read_bytes())
    with h5py.File(target, "r+") as file:
        matrix = kernels(file)[-1]
        values = matrix[...]
        change(values)
        matrix[...] = values
    return target


def one_ulp(values):
    values[0, 0] = numpy.nextafter(values[0, 0], numpy.float32(numpy.inf), dtype=numpy.float32)


class Run:
    def __init__(self, options, folder):
        self.options, self.folder, self.name = options, folder, f"verify-{uuid.uuid4().hex[:8]}"
        self.binary = str(pathlib.Path(options.millrace).resolve())
        self.admin = AdminClient({"bootstrap.servers": options.bootstrap})
        self.topics = []
        self.log = open(folder / "serve.log", "wb")

    def topic(self, suffix):
        name = f"{self.name}.{suffix}"
        self.topics.append(name)
        for future in self.admin.create_topics([NewTopic(name, PARTITIONS, 1)]).values():
            future.result()
        return name

    def settings(self, application, results, registry="models"):
        values = {
            "application-id": f"{self.name}-{application}", "topics.requests": f"{self.name}.requests",
            "topics.results": results, "topics.models": f"{self.name}.{registry}",
            "models.store": self.folder / registry, "gateway.port": 0,
            "recovery.directory": self.folder / f"state-{application}"}
        made = ["--bootstrap-servers", self.options.bootstrap]
        for key, value in values.items():
            made += ["--set", f"{key}={value}"]
        return made

    def serve(self, application, results):
        return subprocess.Popen([self.binary, "serve", *self.settings(application, results)],
                                stdout=self.log, stderr=self.log, cwd=self.folder)

    def command(self, *arguments, expected=(0,)):
        done = subprocess.run([self.binary, *map(str, arguments)], capture_output=True, text=True, cwd=self.folder)
        if done.returncode not in expected:
            sys.exit(f"{' '.join(map(str, arguments[:4]))} ended with {done.returncode}: {done.stderr.strip()}")
        return done

    def results(self, topic, count, limit=120):
        """(request, version, append time in ms) of the committed results; waits until there are `count`."""
        consumer = Consumer({"bootstrap.servers": self.options.bootstrap, "group.id": f"{topic}-audit",
                             "isolation.level": "read_committed", "enable.auto.commit": False})
        consumer.assign([TopicPartition(topic, p, 0) for p in range(PARTITIONS)])
        found, deadline = [], time.time() + limit
        while len(found) < count and time.time() < deadline:
            for message in consumer.consume(2000, 0.2):
                if not message.error():
                    headers = dict(message.headers())
                    found.append((headers["millrace-source"], int(headers.get("millrace-version", b"0")),
                                  message.timestamp()[1]))
        consumer.close()
        if len(found) != count or len({entry[0] for entry in found}) != count:
            sys.exit(f"{topic}: found {len(found)} results, expected {count}, each once")
        return found

    def wait_for_log_end(self, topic, count, process):
        """Without reading: what the log holds, markers included, is at least `count`, and stands still."""
        consumer = Consumer({"bootstrap.servers": self.options.bootstrap, "group.id": f"{topic}-watch"})
        deadline, previous = time.time() + 120, -1
        while time.time() < deadline and process.poll() is None:
            time.sleep(0.5)
            try:
                end = sum(consumer.get_watermark_offsets(TopicPartition(topic, p))[1] for p in range(PARTITIONS))
            except KafkaException:  # a new topic's leader may not be there yet
                continue
            if end >= count and end == previous:
                break
            previous = end
        consumer.close()


def stop(process):
    process.send_signal(signal.SIGTERM)
    code = process.wait(60)
    if code:
        sys.exit(f"the service ended with {code}")


def rate(found):
    times = sorted(entry[2] for entry in found)
    first = sum(1 for t in times if t == times[0])
    return (len(times) - first) / max(times[-1] - times[0], 1) * 1000


def main():
    options = parse()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="millrace-verify-") as name:
        run = Run(options, pathlib.Path(name))
        try:
            return check(options, chance, run)
        finally:
            run.admin.delete_topics(run.topics + [f"{run.name}.models", f"{run.name}.ulp"])
            time.sleep(0.5)


def check(options, chance, run):
    requests, results = run.topic("requests"), run.topic("results")
    run.topic("requests-dlt")
    live = run.settings("live", results)
    files = []
    for number in range(VERSIONS):
        noise = numpy.random.default_rng(number).normal(0, 0.01 * number, size=4096).astype(numpy.float32)
        files.append(variant(run.folder / f"v{number}.h5", lambda v: v.__iadd__(noise[:v.size].reshape(v.shape))))
        run.command("models", "import", files[-1], "--name", "digits", *live)
    run.command("models", "promote", "digits", 1, *live)
    service = run.serve("live", results)
    producer = Producer({"bootstrap.servers": options.bootstrap, "linger.ms": 2, "queue.buffering.max.messages": 200_000})
    sent, promoted = 0, 1
    while sent < options.requests:
        for _ in range(min(chance.choice([1, 7, 60, 500, 4000]), options.requests - sent)):
            row = [chance.randrange(17) / 16 for _ in range(64)]
            body = {"id": str(sent), "inputs": [{"name": "pixels", "shape": [1, 64], "datatype": "FP32", "data": row}]}
            producer.produce(requests, json.dumps(body), key=str(sent % 1000), partition=sent % PARTITIONS,
                             headers={"millrace-model": "digits"})
            producer.poll(0)
            sent += 1
        producer.flush()
        time.sleep(chance.choice([0.001, 0.01, 0.1, 0.4]))
        if promoted < VERSIONS and sent >= options.requests * promoted / VERSIONS:
            promoted += 1
            run.command("models", "promote", "digits", promoted, *live)
    versions = {}
    for _, version, _ in run.results(results, options.requests):
        versions[version] = versions.get(version, 0) + 1
    stop(service)
    print(f"answered live: {options.requests} requests, by version {dict(sorted(versions.items()))}", flush=True)
    if set(versions) != set(range(1, VERSIONS + 1)):
        sys.exit("expected answers of every version")

    verify = ["replay", "--topic", requests, "--from", "earliest", "--verify", *live]
    started = time.time()
    done = run.command(*verify, "--output", "json")
    seconds = time.time() - started
    print(f"verify: exit 0 in {seconds:.2f} s with start; {done.stdout.strip()[-400:]}", flush=True)

    # A registry of its own, whose version 1 differs in one weight by one ulp. That headers name other weights is known before.
    other = run.settings("live", results, registry="ulp")
    for file in [variant(run.folder / "ulp.h5", one_ulp), *files[1:]]:
        run.command("models", "import", file, "--name", "digits", *other)
    done = run.command("replay", "--topic", requests, "--from", "earliest", "--verify", *other,
                       "--ignore-header", "millrace-weights", expected=(1,))
    line = next((l for l in (done.stdout + done.stderr).splitlines() if "DIFFERENCE" in l), "")
    print(f"one ulp: exit 1; {line}", flush=True)
    if not re.search(rf"DIFFERENCE {re.escape(requests)}/\d+/\d+: .*digits@1 differs: outputs\[0\]", line):
        sys.exit("expected the offset and the element of the first difference")

    # A version is promoted only if enough of it agrees with what was answered; the one that answered agrees with itself.
    bound = f"{requests}@earliest..latest>="
    refused = run.command("models", "promote", "digits", 4, "--alias", "candidate", "--if-agreement", f"{bound}1", *live,
                          expected=(5,))
    print(f"agreement: exit 5; {refused.stderr.strip()}", flush=True)
    done = run.command("models", "promote", "digits", 4, "--alias", "candidate", "--if-agreement", f"{bound}25%", *live)
    print(f"agreement: exit 0; {done.stdout.splitlines()[0]}", flush=True)

    ratios = []
    for turn in range(options.rounds):
        found = {}
        for kind in (("live", "replay"), ("replay", "live"))[turn % 2]:
            topic = run.topic(f"{kind}-{turn}")
            if kind == "live":
                process = run.serve(f"again-{turn}", topic)
                run.wait_for_log_end(topic, options.requests, process)
                stop(process)
            else:
                run.command("replay", "--topic", requests, "--from", "earliest", "--output-topic", topic, *live)
            found[kind] = rate(run.results(topic, options.requests))
        ratios.append(found["replay"] / found["live"])
        print(f"requests/s: live {found['live']:,.0f}, replay {found['replay']:,.0f}, ratio {ratios[-1]:.2f}", flush=True)
    print(f"PASSED; median ratio {sorted(ratios)[len(ratios) // 2]:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
