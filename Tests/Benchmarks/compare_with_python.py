"""Runs `millrace serve` and the plain Python worker in turns on the same backlog and prints both and their ratios.

    python3 -m venv venv && venv/bin/pip install -r Tests/Benchmarks/requirements.txt
    make build && venv/bin/python Tests/Benchmarks/compare_with_python.py --bootstrap localhost:9092

Both answer exactly once. Progress is the offsets that the group has committed, so measuring costs neither of them
anything; processor time is the worker process's own, read at the same moments. Every answer is counted afterwards, and
the probabilities of both are compared.
"""

import argparse
import json
import os
import pathlib
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid

import orjson
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

import digits_onnx

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / "Sources/MillraceCommand/Resources/digits/mlp.h5"
TICK = 0.02
PATIENCE = 300
TOLERANCE = 1e-4


def processor_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Bench:
    def __init__(self, arguments, folder):
        self.arguments = arguments
        self.folder = folder
        self.prefix = f"millrace-peers-{uuid.uuid4().hex[:8]}"
        self.requests = f"{self.prefix}.requests"
        self.admin = AdminClient({"bootstrap.servers": arguments.bootstrap})
        self.topics = []
        self.onnx = str(folder / "mlp.onnx")
        digits_onnx.convert(str(MODEL), self.onnx)
        subprocess.run(
            [arguments.millrace, "models", "import", str(MODEL), "--name", "digits", "--set",
             f"models.store={folder}/models"], check=True, stdout=subprocess.DEVNULL)

    def create(self, *names):
        self.topics += names
        new = [NewTopic(name, self.arguments.partitions, 1) for name in names]
        for future in self.admin.create_topics(new).values():
            future.result()

    def fill(self):
        self.create(self.requests, self.requests + "-dlt")
        generator = random.Random(2)
        rows = [",".join(f"{generator.randrange(16000) / 1000:.3f}" for _ in range(64)) for _ in range(256)]
        producer = Producer({"bootstrap.servers": self.arguments.bootstrap, "linger.ms": 5})
        for index in range(self.arguments.requests):
            body = (f'{{"id":"{index}","inputs":[{{"name":"pixels","shape":[1,64],"datatype":"FP32",'
                    f'"data":[{rows[index % len(rows)]}]}}]}}')
            producer.produce(
                self.requests, body, key=str(index), partition=index % self.arguments.partitions,
                headers=[("millrace-model", b"digits")])
            if index % 1000 == 0:
                producer.poll(0)
        if producer.flush(60) > 0:
            raise SystemExit("the requests could not be sent")

    def command(self, kind, group, results):
        if kind == "python":
            return [sys.executable, str(pathlib.Path(__file__).with_name("python_worker.py")), "--bootstrap",
                    self.arguments.bootstrap, "--requests", self.requests, "--results", results, "--group", group,
                    "--model", self.onnx]
        settings = {
            "application-id": group, "instance-id": "bench", "topics.requests": self.requests,
            "topics.results": results, "models.store": f"{self.folder}/models", "gateway.enabled": "false",
            "delivery": "exactly-once",
        }
        command = [self.arguments.millrace, "serve", "--bootstrap-servers", self.arguments.bootstrap, "--log-level",
                   "error"]
        for key, value in settings.items():
            command += ["--set", f"{key}={value}"]
        return command

    def committed(self, group):
        wanted = [TopicPartition(self.requests, p) for p in range(self.arguments.partitions)]
        future = self.admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group, wanted)])[group]
        try:
            return sum(max(0, one.offset) for one in future.result(timeout=10).topic_partitions)
        except Exception as error:  # the group is not there yet
            if "UNKNOWN" in str(error) or "COORDINATOR" in str(error):
                return 0
            raise

    def run(self, kind, number):
        group, results = f"{self.prefix}-{number}", f"{self.prefix}.results-{number}"
        self.create(results)
        started = time.monotonic()
        process = subprocess.Popen(self.command(kind, group, results))
        try:
            first = last = None
            while last is None or last[1] < self.arguments.requests:
                time.sleep(TICK)
                if process.poll() is not None or time.monotonic() - started > PATIENCE:
                    raise SystemExit(f"{kind}: ended or too slow at {last}")
                count = self.committed(group)
                if count > (last[1] if last else 0):
                    last = (time.monotonic() - started, count, processor_seconds(process.pid))
                    first = first or last
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
        seconds, count = last[0] - first[0], last[1] - first[1]
        answers = self.read(results)
        if sorted(answers) != list(range(self.arguments.requests)):
            raise SystemExit(f"{kind}: found {len(answers)} different answers, expected {self.arguments.requests}")
        return answers, {
            "steady_throughput": count / seconds if seconds else float("nan"),
            "throughput_from_start": last[1] / last[0],
            "processor_ms_per_1000": (last[2] - first[2]) / count * 1e6 if count else float("nan"),
            "processor_ms_per_1000_from_start": last[2] / last[1] * 1e6,
        }

    def read(self, results):
        """The probabilities of every answer by request; an answer that comes twice ends the comparison."""
        consumer = Consumer({
            "bootstrap.servers": self.arguments.bootstrap, "group.id": f"{self.prefix}-reader",
            "enable.auto.commit": False, "isolation.level": "read_committed", "auto.offset.reset": "earliest",
            "enable.partition.eof": False,
        })
        consumer.assign([TopicPartition(results, p, 0) for p in range(self.arguments.partitions)])
        answers, silent = {}, 0
        while len(answers) < self.arguments.requests and silent < 20:
            messages = consumer.consume(5000, 0.5)
            silent = 0 if messages else silent + 1
            for message in messages:
                if message.error():
                    raise SystemExit(message.error())
                index = int(message.key())
                if index in answers:
                    raise SystemExit(f"request {index} is answered twice")
                answers[index] = orjson.loads(message.value())["outputs"][0]["data"]
        consumer.close()
        return answers

    def close(self):
        for future in self.admin.delete_topics(self.topics).values():
            future.result()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bootstrap", default="localhost:9092")
    parser.add_argument("--requests", type=int, default=50_000)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--millrace", default=str(ROOT / ".build/release/millrace"))
    arguments = parser.parse_args()
    figures = {"python": [], "millrace": []}
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(arguments, pathlib.Path(folder))
        try:
            bench.fill()
            for number in range(arguments.rounds):
                kinds = list(figures) if number % 2 == 0 else list(figures)[::-1]
                answers = {}
                for kind in kinds:
                    answers[kind], found = bench.run(kind, f"{number}-{kind}")
                    figures[kind].append(found)
                    print(kind, json.dumps({k: round(v, 1) for k, v in found.items()}), file=sys.stderr, flush=True)
                difference = max(
                    abs(a - b) for index in range(arguments.requests)
                    for a, b in zip(answers["python"][index], answers["millrace"][index]))
                if not difference <= TOLERANCE:
                    raise SystemExit(f"the probabilities differ by {difference}, expected at most {TOLERANCE}")
        finally:
            bench.close()
    print(f"{'':34}{'PYTHON':>10}{'MILLRACE':>10}{'RATIO':>8}")
    for name in figures["python"][0]:
        medians = [statistics.median(run[name] for run in figures[kind]) for kind in figures]
        ratio = statistics.median(
            ours[name] / theirs[name] for ours, theirs in zip(figures["millrace"], figures["python"]))
        print(f"{name.replace('_', ' '):34}{medians[0]:10.0f}{medians[1]:10.0f}{ratio:8.2f}")


if __name__ == "__main__":
    main()
