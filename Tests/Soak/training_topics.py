"""The topics of a run that trains: the rows, the jobs, and what is watched of them while the run goes on."""
import json
import threading
import time
import typing

from confluent_kafka import Consumer, ConsumerGroupState, KafkaException, Producer, TopicPartition

from audit import Record
from topics import Topics
from training_audit import JOB_HEADER
from training_plan import row

ADMIN_SECONDS = 30


class TrainingTopics(Topics):
    """Beside those of inference: rows, training requests, events, tasks, and the registry with its one partition."""

    def __init__(self, bootstrap, prefix, partitions, replication):
        super().__init__(bootstrap, prefix, partitions, replication)
        self.rows = f"{prefix}.rows"
        self.jobs = f"{prefix}.training.requests"
        self.events = f"{prefix}.training.events"
        self.tasks = f"{prefix}.training.tasks"
        self.models = f"{prefix}.models"
        self._producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 5,
                                   "log_level": 3})

    @property
    def all(self):
        return super().all + [self.rows, self.jobs, self.events, self.tasks, self.models]

    def partitions_of(self, topic):
        return 1 if topic == self.models else self.partitions

    def configuration_of(self, topic):
        return {"cleanup.policy": "compact"} if topic == self.models else {}

    def create(self):
        """Until every partition has a leader that knows it: the command line does not wait for one."""
        super().create()
        self._until(self._are_there, "leaders of the new topics")

    def _are_there(self):
        try:
            return all(len(self.ends(name)) == self.partitions_of(name) for name in self.all)
        except KafkaException:
            return False

    # Rows

    def put_rows(self, images, labels):
        """Row n on partition n modulo their number. Returns the ends of the partitions."""
        for number, (image, label) in enumerate(zip(images, labels)):
            self._send(self.rows, row(image, label), partition=number % self.partitions)
        self._flush()
        return self.ends(self.rows)

    def delete_rows(self, partition, before):
        """What retention would delete."""
        [future] = self._admin.delete_records([TopicPartition(self.rows, partition, before)]).values()
        future.result(ADMIN_SECONDS)

    def replace_rows(self, images, labels):
        """Other rows at the same offsets: the topic is made anew."""
        self._admin.delete_topics([self.rows])[self.rows].result(ADMIN_SECONDS)
        self._until(lambda: self.rows not in self._admin.list_topics(timeout=ADMIN_SECONDS).topics, "topic's end")
        self._create([self.rows])
        return self.put_rows(images, labels)

    # Jobs

    def submit(self, job, request):
        """Returns the request's partition."""
        places = []
        self._send(self.jobs, json.dumps(request), places, key=request["model"], headers=[(JOB_HEADER, job.encode())])
        self._flush()
        return places[0]

    def cancel(self, job, model):
        self._send(self.jobs, json.dumps({"cancel": job}), key=model)
        self._flush()

    def _send(self, topic, value, places=None, **where):
        def delivered(error, message):
            if error is not None:
                raise RuntimeError(f"{topic}: {error}")
            if places is not None:
                places.append(message.partition())
        while True:
            try:
                self._producer.produce(topic, value, on_delivery=delivered, **where)
                self._producer.poll(0)
                return
            except BufferError:
                self._producer.poll(0.05)

    def _flush(self):
        if self._producer.flush(60):
            raise RuntimeError("the brokers acknowledge nothing")

    # What brokers say

    def undecided(self):
        """Records of the event topic and the registry behind the last stable offset: those of open transactions, and
        whatever came behind them."""
        found = []
        for topic in (self.events, self.models):
            stable, ends = self.ends(topic, committed=True), self.ends(topic)
            ranges = {p: (stable[p], end) for p, end in ends.items() if stable[p] < end}
            if ranges:
                found += [(topic, Record.of(m)) for m in self.read_ranges(topic, ranges)]
        return found

    def read_ranges(self, topic, ranges):
        for message in self.read(topic, "read_uncommitted", {p: start for p, (start, _) in ranges.items()}):
            if message.offset() < ranges[message.partition()][1]:
                yield message

    def owners(self, group):
        """(topic, partition) to the instance that owns it; empty while the group rebalances."""
        [future] = self._admin.describe_consumer_groups([group], request_timeout=20).values()
        description = future.result(ADMIN_SECONDS)
        if description.state != ConsumerGroupState.STABLE:
            return {}
        return {(tp.topic, tp.partition): member.client_id.removesuffix("-training")
                for member in description.members for tp in member.assignment.topic_partitions}

    def wait_for_members(self, group, count, seconds=60):
        """Waits until so many members share the group's partitions."""
        self._until(lambda: len(set(self.owners(group).values())) == count, f"{count} members of {group}", seconds)

    @staticmethod
    def _until(condition, what, seconds=60):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what}: not within {seconds} s")
            time.sleep(0.1)


class Seen(typing.NamedTuple):
    time: float
    topic: str
    record: Record
    document: typing.Optional[dict]


class Follower(threading.Thread):
    """Keeps what it reads of some topics, from their beginning, with the time at which it saw each record."""

    def __init__(self, topics, names, isolation):
        super().__init__(name=f"follower {isolation}", daemon=True)
        self.seen = []
        self.error = None
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._consumer = Consumer({
            "bootstrap.servers": topics.bootstrap, "group.id": f"{names[0]}-follower", "enable.auto.commit": False,
            "isolation.level": isolation, "auto.offset.reset": "earliest", "fetch.wait.max.ms": 5, "log_level": 3,
            # A waiting reader must not wait longer than a transaction is open.
            "fetch.queue.backoff.ms": 5,
        })
        self._consumer.assign([TopicPartition(n, p, 0) for n in names for p in range(topics.partitions_of(n))])

    def stop(self):
        self._stopping.set()
        self.join()
        self._consumer.close()

    def run(self):
        try:
            while not self._stopping.is_set():
                # One at a time: a batch would be waited for, and whoever kills at the sight of a record be late.
                message = self._consumer.poll(0.1)
                if message is not None and message.error() is None:
                    self._take(message)
        except Exception as error:  # Whoever waits for a record is told.
            with self._changed:
                self.error = error
                self._changed.notify_all()

    def _take(self, message):
        try:
            document = json.loads(message.value()) if message.value() else None
        except ValueError:
            document = None
        with self._changed:
            self.seen.append(Seen(time.time(), message.topic(), Record.of(message), document))
            self._changed.notify_all()

    def wait(self, predicate, seconds, what):
        """The first record, seen before or later, of which the predicate is true."""
        found = self.find(predicate, seconds)
        if found is None:
            raise TimeoutError(f"{what}: not within {seconds} s")
        return found

    def find(self, predicate, seconds=0, start=0):
        """Likewise, from a position in `seen` on; None when none has come in time."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                while start < len(self.seen):
                    if predicate(self.seen[start]):
                        return self.seen[start]
                    start += 1
                left = deadline - time.monotonic()
                if self.error:
                    raise self.error
                if left <= 0:
                    return None
                self._changed.wait(left)

    def all(self, topic):
        """What was seen of a topic so far."""
        with self._changed:
            return [s for s in self.seen if s.topic == topic and s.document]

    def events(self, job):
        """The job's events so far."""
        with self._changed:
            return [s for s in self.seen if s.document and s.document.get("job") == job and "event" in s.document]
