#!/usr/bin/env python3
"""Does `millrace offsets reset` leave the same offsets as Apache Kafka's own tool?

    compare_offsets.py BOOTSTRAP MILLRACE_BINARY KAFKA_CONSUMER_GROUPS [--jobs N]

KAFKA_CONSUMER_GROUPS is the command of Kafka's tool, kafka-consumer-groups.sh of a Kafka distribution. Makes topics of its
own (records of several days, empty partitions, deleted records, compacted gaps, an open transaction), then gives every
case to both tools with --execute, each with a group of its own that has committed the same, and compares what is
committed afterwards. Exits with 1 when any case differs. Needs the packages of .ci/requirements.txt.
"""
import argparse
import concurrent.futures
import csv
import datetime
import io
import pathlib
import shlex
import subprocess
import sys
import tempfile
import time
import uuid

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

DAY = 86_400_000
NOW = int(time.time() * 1000)


class Cluster:
    """Topics of every shape, and groups made for a case."""

    def __init__(self, bootstrap):
        self.bootstrap = bootstrap
        self.admin = AdminClient({"bootstrap.servers": bootstrap})
        self.run = uuid.uuid4().hex[:8]
        self.plain, self.trimmed, self.compacted, self.open = (
            f"cmp-{self.run}-{kind}" for kind in ("plain", "trimmed", "compacted", "open"))
        # A name of more than 24 characters: Kafka's tool puts those between quotation marks.
        self.long = f"cmp-{self.run}-a-topic-with-a-rather-long-name"
        self.topics = [self.plain, self.trimmed, self.compacted, self.open, self.long]
        self.groups = []

    def make(self):
        compaction = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01", "segment.ms": "100",
                      "max.compaction.lag.ms": "1000"}
        kept = {"retention.ms": "-1"}
        new = [NewTopic(self.plain, 3, 1, config=kept), NewTopic(self.trimmed, 2, 1, config=kept),
               NewTopic(self.compacted, 1, 1, config=compaction), NewTopic(self.open, 1, 1, config=kept),
               NewTopic(self.long, 2, 1, config=kept)]
        for future in self.admin.create_topics(new).values():
            future.result()
        producer = Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 5})

        def send(topic, partition, count, key=None, times=None):
            for i in range(count):
                producer.produce(topic, b"x", key=key(i) if key else None, partition=partition,
                                 timestamp=times(i) if times else NOW)
            assert producer.flush(30) == 0

        # Half of the records three days ago, a second apart; half an hour ago. Partition 2 stays empty.
        send(self.plain, 0, 100, times=lambda i: NOW - (3 * DAY if i < 50 else 3_600_000) + i * 1000)
        send(self.plain, 1, 50, times=lambda i: NOW - 2 * DAY + i)
        send(self.trimmed, 0, 100, times=lambda i: NOW - DAY + i * 1000)
        send(self.trimmed, 1, 60)
        send(self.long, 0, 10)
        send(self.long, 1, 10)
        for future in self.admin.delete_records(
                [TopicPartition(self.trimmed, 0, 40), TopicPartition(self.trimmed, 1, 60)]).values():
            future.result()
        for _ in range(4):
            send(self.compacted, 0, 50, key=lambda i: f"{i % 5}".encode())
            time.sleep(0.3)
        self.transactions()

    def transactions(self):
        """A committed one, whose marker takes an offset, and one that stays open until the end."""
        self.transactional = Producer({"bootstrap.servers": self.bootstrap, "transactional.id": f"cmp-{self.run}",
                                       "transaction.timeout.ms": 900_000})
        self.transactional.init_transactions(30)
        for count, commit in ((10, True), (5, False)):
            self.transactional.begin_transaction()
            for _ in range(count):
                self.transactional.produce(self.open, b"x", partition=0)
            assert self.transactional.flush(30) == 0
            if commit:
                self.transactional.commit_transaction(30)

    def has_gaps(self):
        """Waits until the cleaner has been at work; the broker looks every 15 seconds."""
        deadline = time.time() + 90
        while time.time() < deadline:
            consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": f"cmp-{self.run}-reader",
                                 "enable.auto.commit": False, "enable.partition.eof": True})
            consumer.assign([TopicPartition(self.compacted, 0, 0)])
            count = 0
            while (message := consumer.poll(10)) is not None and not message.error():
                count += 1
            consumer.close()
            if count < 200:
                return True
            time.sleep(3)
        return False

    def committed_at_first(self):
        offsets = {(self.plain, 0): 50, (self.plain, 1): 10, (self.plain, 2): 0, (self.trimmed, 0): 20,
                   (self.trimmed, 1): 60, (self.compacted, 0): 77, (self.open, 0): 3, (self.long, 0): 5}
        return [TopicPartition(topic, partition, offset) for (topic, partition), offset in offsets.items()]

    def group(self, name, fresh=False):
        if not fresh:
            request = ConsumerGroupTopicPartitions(name, self.committed_at_first())
            for future in self.admin.alter_consumer_group_offsets([request]).values():
                future.result()
        self.groups.append(name)
        return name

    def committed(self, name):
        (future,) = self.admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(name)]).values()
        return {(p.topic.replace(self.run, ""), p.partition): p.offset for p in future.result().topic_partitions}

    def remove(self):
        self.transactional.abort_transaction(30)
        for delete in (self.admin.delete_consumer_groups, self.admin.delete_topics):
            names = self.groups if delete == self.admin.delete_consumer_groups else self.topics
            for future in delete(names).values():
                try:
                    future.result()
                except Exception:  # A case that failed may not have made its group.
                    pass


def at(milliseconds, zone=datetime.timezone.utc, suffix=None):
    moment = datetime.datetime.fromtimestamp(milliseconds / 1000, zone)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{milliseconds % 1000:03d}" + (suffix or "Z")


def scenarios():
    east = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
    middle = NOW - 3 * DAY + 20_000
    yield from (["--to-earliest"], ["--to-latest"], ["--to-current"])
    yield from (["--to-offset", str(n)] for n in (0, 45, 60, 1000, -5))
    yield from (["--shift-by", str(n)] for n in (0, 5, -5, 1000, -1000))
    yield ["--to-datetime", at(NOW - 30 * DAY)]
    yield ["--to-datetime", at(NOW + 30 * DAY)]
    yield ["--to-datetime", at(middle)]
    yield ["--to-datetime", at(middle + 1)]
    yield ["--to-datetime", at(NOW - DAY + 70_500, east, "+05:30")]
    yield ["--to-datetime", at(NOW - 2 * DAY, datetime.timezone(datetime.timedelta(hours=-8)), "-08")]
    yield from (["--by-duration", d] for d in ("P1D", "P2DT12H", "PT2H", "PT0S", "P400D", "PT59M30.5S"))


def scopes(cluster):
    yield ["--topic", cluster.plain]
    yield ["--topic", f"{cluster.plain}:0,2", "--topic", cluster.trimmed]
    yield ["--topic", f"{cluster.compacted}:0", "--topic", cluster.open, "--topic", f"{cluster.long}:0"]
    yield ["--all-topics"]


class Comparison:
    def __init__(self, cluster, millrace, kafka, folder):
        self.cluster, self.folder = cluster, folder
        self.millrace = [millrace, "offsets", "reset", "--bootstrap-servers", cluster.bootstrap]
        self.kafka = [*shlex.split(kafka), "--bootstrap-server", cluster.bootstrap, "--reset-offsets"]

    def call(self, tool, arguments):
        done = subprocess.run([*tool, *arguments], capture_output=True, text=True, timeout=300)
        return done.returncode, done.stdout, done.stderr

    def case(self, number, arguments, fresh=False, file=None):
        """One case for both tools; a failure of a tool is compared by what it left."""
        outcomes = []
        for tool, mark in ((self.kafka, "k"), (self.millrace, "m")):
            group = self.cluster.group(f"cmp-{self.cluster.run}-{number}-{mark}", fresh)
            given = ["--group", group, *arguments]
            if file:
                path = self.folder / f"{number}-{mark}.csv"
                path.write_text(file.replace("GROUP", group))
                given += ["--from-file", str(path)]
            output = self.call(tool, [*given, "--execute"])
            outcomes.append((self.cluster.committed(group), output))
        (theirs, their_output), (ours, our_output) = outcomes
        label = " ".join([*arguments, *(["--from-file"] if file else []), *(["(fresh)"] if fresh else [])])
        return theirs == ours, label.replace(self.cluster.run, ""), theirs, ours, their_output, our_output

    def exports(self):
        """What one tool exports of several groups, the other one takes; and the same numbers stand in both files."""
        groups = [self.cluster.group(f"cmp-{self.cluster.run}-export-{i}") for i in range(2)]
        options = [word for group in groups for word in ("--group", group)]
        files = []
        for tool, option in ((self.kafka, "--dry-run"), (self.millrace, "--dry-run")):
            _, text, errors = self.call(tool, [*options, "--all-topics", "--shift-by", "2", "--export", option])
            rows = sorted(row for row in csv.reader(io.StringIO(text)) if len(row) == 4)
            files.append((rows, text, errors))
        path = self.folder / "kafka.csv"
        path.write_text(files[0][1])
        self.call(self.millrace, [*options, "--from-file", str(path), "--execute"])
        taken = [self.cluster.committed(group) for group in groups]
        path.write_text(files[1][1])
        for group in groups:
            self.cluster.group(group)
        self.call(self.kafka, [*options, "--from-file", str(path), "--execute"])
        given = [self.cluster.committed(group) for group in groups]
        return [(bool(files[0][0]) and files[0][0] == files[1][0], "--export of two groups", *files[:2], "", ""),
                (taken == given and taken[0] == taken[1], "--from-file of the other tool's export", taken, given, "", "")]

    def active(self):
        """A group at work is left alone by both."""
        name = self.cluster.group(f"cmp-{self.cluster.run}-active")
        before = self.cluster.committed(name)
        consumer = Consumer({"bootstrap.servers": self.cluster.bootstrap, "group.id": name, "enable.auto.commit": False})
        consumer.subscribe([self.cluster.plain])
        deadline = time.time() + 30
        while not consumer.assignment() and time.time() < deadline:
            consumer.poll(0.2)
        arguments = ["--group", name, "--all-topics", "--to-earliest", "--execute"]
        code, _, _ = self.call(self.millrace, arguments)
        ours = self.cluster.committed(name)
        self.call(self.kafka, arguments)
        theirs = self.cluster.committed(name)
        consumer.close()
        return ours == theirs == before and code == 5, "an active group", theirs, ours, "", f"exit code {code}"


def files(cluster):
    yield f"{cluster.plain},0,7\n{cluster.plain},1,1000\n{cluster.trimmed},0,3\n\"{cluster.long}\",1,4\n"
    yield f"GROUP,{cluster.plain},2,5\nGROUP,{cluster.trimmed},1,-1\nanother,{cluster.plain},0,1\n"
    yield f"{cluster.compacted},0,33\n{cluster.open},0,16\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bootstrap")
    parser.add_argument("millrace")
    parser.add_argument("kafka")
    parser.add_argument("--jobs", type=int, default=2, help="cases at the same time")
    options = parser.parse_args()
    cluster = Cluster(options.bootstrap)
    cluster.make()
    if not cluster.has_gaps():
        print("note: the broker has not compacted the topic in time; its log has no gaps", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        comparison = Comparison(cluster, options.millrace, options.kafka, pathlib.Path(folder))
        cases = [([*scope, *scenario], False, None) for scenario in scenarios() for scope in scopes(cluster)]
        cases += [(["--topic", cluster.plain, *scenario], True, None) for scenario in
                  (["--to-current"], ["--shift-by", "1"], ["--to-earliest"], ["--to-latest"])]
        cases += [([], False, file) for file in files(cluster)]
        try:
            with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
                results = list(pool.map(lambda pair: comparison.case(pair[0], *pair[1]), enumerate(cases)))
            results += [*comparison.exports(), comparison.active()]
        finally:
            cluster.remove()
    different = [result for result in results if not result[0]]
    for _, label, theirs, ours, their_output, our_output in different:
        print(f"DIFFERENT {label}\n  kafka    {theirs}\n  millrace {ours}\n  {their_output}\n  {our_output}")
    print(f"{len(results) - len(different)} of {len(results)} cases equal")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
