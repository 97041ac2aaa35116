#!/usr/bin/env python3
"""Promotes, splits and rolls back a model while requests come at a pace, and audits every answer.

  Tests/Registry/change_under_load.py --bootstrap localhost:9092 --millrace .build/release/millrace

Phases of equal length: version 1 alone; version 2 promoted; 10 % of the keys back on version 1; rolled back. Checked are: every
request answered once, the version each phase calls for once the change has settled, keys that keep their version under the
canary, its share, and that each partition's answers change over once, not back and forth. Latency is from the moment at
which a request was due to its receipt by a read_committed consumer. Needs a real broker and confluent-kafka.
"""
import argparse
import collections
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MODEL = ROOT / "Sources/MillraceCommand/Resources/digits/mlp.h5"
PARTITIONS = 4
KEYS = 1000
PHASES = ["version 1", "version 2 promoted", "canary of version 1", "rolled back"]
# Loading a version takes its time; what is in flight ends on the version it was bound to.
SETTLING = 3.0


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--millrace", default=str(ROOT / ".build/release/millrace"))
    parser.add_argument("--rate", type=int, default=2000)
    parser.add_argument("--seconds", type=int, default=12, help="length of a phase")
    return parser.parse_args()


class Service:
    def __init__(self, options, run, folder):
        self.options, self.store = options, folder / "models"
        self.binary = str(pathlib.Path(options.millrace).resolve())
        self.settings = {
            "application-id": run, "topics.requests": f"{run}.requests", "topics.results": f"{run}.results",
            "topics.models": f"{run}.models", "models.store": self.store, "gateway.port": 0,
            "recovery.directory": folder / "state"}
        self.common = ["--bootstrap-servers", options.bootstrap]
        for key, value in self.settings.items():
            self.common += ["--set", f"{key}={value}"]
        self.log = open(folder / "serve.log", "wb")

    def models(self, *arguments):
        command = [self.binary, "models", *arguments, *self.common]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.store.parent)
        if done.returncode:
            sys.exit(f"models {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def start(self):
        self.process = subprocess.Popen(
            [self.binary, "serve", *self.common], stderr=self.log, stdout=self.log, cwd=self.store.parent)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


class Arrivals(threading.Thread):
    """Every committed result: request id, version, partition, time of receipt."""

    def __init__(self, options, run):
        super().__init__(daemon=True)
        self.consumer = Consumer({
            "bootstrap.servers": options.bootstrap, "group.id": f"{run}-audit", "isolation.level": "read_committed",
            "fetch.wait.max.ms": 10, "enable.auto.commit": False})
        self.consumer.assign([TopicPartition(f"{run}.results", p, 0) for p in range(PARTITIONS)])
        self.found, self.running = [], True

    def run(self):
        while self.running:
            for message in self.consumer.consume(500, 0.05):
                if message.error():
                    continue
                now, headers = time.time(), dict(message.headers())
                number = int(headers.get("millrace-version", b"0"))
                self.found.append((json.loads(message.value()).get("id"), number, message.partition(), now,
                                   headers.get("millrace-activation", b"").decode()))
        self.consumer.close()


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


def main():
    options = parse()
    run = f"change-{uuid.uuid4().hex[:8]}"
    folder = pathlib.Path(tempfile.mkdtemp(prefix="millrace-change-"))
    admin = AdminClient({"bootstrap.servers": options.bootstrap})
    topics = [f"{run}.requests", f"{run}.results", f"{run}.requests-dlt"]
    for future in admin.create_topics([NewTopic(t, PARTITIONS, 1) for t in topics]).values():
        future.result()
    service = Service(options, run, folder)
    for _ in range(2):
        service.models("import", str(MODEL), "--name", "digits")
    service.models("promote", "digits", "1")
    service.start()
    arrivals = Arrivals(options, run)
    arrivals.start()
    producer = Producer({"bootstrap.servers": options.bootstrap, "linger.ms": 1})
    row = [0.5] * 64

    def send(identity, number):
        body = {"id": identity, "inputs": [{"name": "pixels", "shape": [1, 64], "datatype": "FP32", "data": row}]}
        key = number % KEYS
        producer.produce(
            topics[0], json.dumps(body), key=str(key), partition=key % PARTITIONS,
            headers={"millrace-model": "digits"})
        producer.poll(0)

    # The service is there when it answers.
    for number in range(PARTITIONS):
        send(f"first-{number}", number)
    producer.flush()
    deadline = time.time() + 60
    while len(arrivals.found) < PARTITIONS:
        if time.time() > deadline or service.process.poll() is not None:
            sys.exit(f"the service does not answer; its log is {folder}/serve.log")
        time.sleep(0.05)

    due, changes = {}, []
    actions = [
        None, ("promote", "digits", "2"), ("traffic", "digits", "--canary", "1", "--share", "10%"),
        ("traffic", "digits", "--clear")]

    def change(action):
        started = time.time()
        service.models(*action)
        if action[-1] == "--clear":
            service.models("rollback", "digits")
        changes.append((action[0], time.time() - started))

    begin, count, worker = time.time() + 0.5, 0, None
    total = options.rate * options.seconds * len(PHASES)
    phase = 0
    while count < total:
        now = time.time()
        wanted = min(total, int((now - begin) * options.rate))
        while count < wanted:
            identity = str(count)
            due[identity] = begin + count / options.rate
            send(identity, count)
            count += 1
        if phase + 1 < len(PHASES) and now - begin >= (phase + 1) * options.seconds:
            phase += 1
            worker = threading.Thread(target=change, args=(actions[phase],))
            worker.start()
        time.sleep(0.0005)
    producer.flush()
    worker.join()
    deadline = time.time() + 30
    while len(arrivals.found) < total + PARTITIONS and time.time() < deadline:
        time.sleep(0.1)
    time.sleep(1)
    code = service.stop()
    arrivals.running = False
    arrivals.join()
    problems = audit(options, begin, due, arrivals.found, total)
    for action, seconds in changes:
        print(f"{action:10} took {seconds:.2f} s")
    if code:
        problems.append(f"the service ended with {code}")
    for problem in problems:
        print(problem)
    admin.delete_topics(topics + [f"{run}.models"])
    print("FAILED" if problems else "PASSED")
    return 1 if problems else 0


def audit(options, begin, due, found, total):
    problems = []
    answers = collections.Counter(entry[0] for entry in found if entry[0] in due)
    lost, doubled = total - len(answers), sum(1 for n in answers.values() if n > 1)
    print(f"requests {total}, lost {lost}, duplicated {doubled}")
    if lost or doubled:
        problems.append("requests lost or duplicated")
    by_phase = collections.defaultdict(list)
    keys = collections.defaultdict(set)
    flips = collections.Counter()
    previous, order = {}, {}
    for identity, version, partition, arrival, activation in found:
        if identity not in due:
            continue
        at = due[identity] - begin
        phase = min(int(at / options.seconds), len(PHASES) - 1)
        by_phase[phase].append((at - phase * options.seconds, version, arrival - due[identity], activation))
        if order.get(partition, -1) > int(identity):
            problems.append(f"partition {partition} out of order at {identity}")
        order[partition] = int(identity)
        if phase == 2 and at - phase * options.seconds > SETTLING:
            keys[int(identity) % KEYS].add(version)
        if phase in (0, 1):
            if previous.get(partition, version) != version:
                flips[partition] += 1
            previous[partition] = version
    print(f"{'phase':22}{'p50 ms':>8}{'p99 ms':>8}{'max ms':>8}  versions after {SETTLING:.0f} s, activations")
    for phase, name in enumerate(PHASES):
        entries = by_phase[phase]
        latencies = [e[2] * 1000 for e in entries if phase or e[0] > 1]
        versions = collections.Counter(e[1] for e in entries if e[0] > SETTLING)
        activations = sorted({e[3] for e in entries if e[0] > SETTLING})
        print(f"{name:22}{percentile(latencies, 0.5):8.1f}{percentile(latencies, 0.99):8.1f}{max(latencies):8.1f}  "
              f"{dict(versions)} {activations}")
        expected = [{1}, {2}, {1, 2}, {1}][phase]
        if set(versions) != expected:
            problems.append(f"{name}: found versions {sorted(versions)}, expected {sorted(expected)}")
    if any(n != 1 for n in flips.values()) or len(flips) != PARTITIONS:
        problems.append(f"partitions changed over {dict(flips)} times, expected once each")
    torn = sum(1 for versions in keys.values() if len(versions) != 1)
    share = sum(1 for versions in keys.values() if versions == {1}) / max(len(keys), 1)
    print(f"canary: {share:.1%} of {len(keys)} keys, {torn} keys met both versions")
    if torn or not 0.06 <= share <= 0.14:
        problems.append("the canary did not split by key")
    return problems


if __name__ == "__main__":
    sys.exit(main())
