"""The topics of one comparison: made, filled, watched, read, and deleted at the end."""
import collections
import time
import uuid

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from command_line import Failure
from workload import HEADERS, Workload

TIMEOUT = 30
PASSING = {
    KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.REQUEST_TIMED_OUT, KafkaError._TIMED_OUT, KafkaError._TRANSPORT, KafkaError._NOENT,
}
"""What a broker answers about a topic that it does not know yet, or while it is busy."""


class Answers:
    """What a `read_committed` consumer finds on a results topic."""

    def __init__(self):
        self.counts = collections.Counter()
        """Answers by key."""
        self.appended = collections.Counter()
        """Answers by the broker's append time in milliseconds, without those to probes, whose keys are no numbers."""
        self.values = {}
        """The first answer by key, where asked for."""

    def missing(self, keys):
        return sum(key not in self.counts for key in keys)

    def duplicated(self, keys):
        return sum(self.counts[key] > 1 for key in keys)


class Topics:
    def __init__(self, bootstrap, partitions):
        self.bootstrap, self.partitions = bootstrap, partitions
        self.prefix = f"millrace-compare-{uuid.uuid4().hex[:8]}"
        self.workload = Workload()
        self._admin = self._client()
        self._created = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.delete(self._created)

    def create(self, name):
        """A topic whose records bear the time at which the broker appended them; returns its full name."""
        full = f"{self.prefix}.{name}"
        settings = {"message.timestamp.type": "LogAppendTime"}
        for future in self._admin.create_topics(
                [NewTopic(full, self.partitions, 1, config=settings)], operation_timeout=TIMEOUT).values():
            future.result(TIMEOUT)
        self._created.append(full)
        # The controller answers before every broker knows the topic. A client that asked too early remembers that there
        # was none: the offsets are asked for once the topic is listed, and then by a new client.
        deadline = time.monotonic() + TIMEOUT
        while not (self._is_listed(full) and self.visible(full) is not None):
            if time.monotonic() > deadline:
                raise Failure(f"the topic {full} did not appear within {TIMEOUT} s")
            time.sleep(0.1)
            self._admin = self._client()
        return full

    def _client(self):
        return AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 3})

    def _is_listed(self, topic):
        found = self._admin.list_topics(topic, timeout=TIMEOUT).topics[topic]
        leaders = [partition.leader for partition in found.partitions.values()]
        return found.error is None and len(leaders) == self.partitions and min(leaders) >= 0

    def create_requests(self, name):
        """A request topic and the one for its dead letters."""
        self.create(name + "-dlt")
        return self.create(name)

    def delete(self, names):
        names = list(names)
        self._created = [name for name in self._created if name not in names]
        for future in self._admin.delete_topics(names).values() if names else ():
            future.exception(TIMEOUT)

    def producer(self, **settings):
        return Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 5, "log_level": 3, **settings})

    def send(self, producer, topic, index, key=None, headers=HEADERS):
        """Hands one request over; waits when the producer's queue is full."""
        key = str(index) if key is None else key
        deadline = time.monotonic() + TIMEOUT
        while True:
            try:
                producer.produce(topic, self.workload.body(index, key), key, index % self.partitions, headers=headers)
                return
            except BufferError:
                if time.monotonic() > deadline:
                    raise Failure(f"the broker took no request for {TIMEOUT} s") from None
                producer.poll(0.05)

    def fill(self, topic, indices, headers=HEADERS):
        failures = []
        producer = self.producer(on_delivery=lambda error, _: failures.append(error) if error else None)
        for index in indices:
            self.send(producer, topic, index, headers=headers)
            if index % 1000 == 0:
                producer.poll(0)
        left = producer.flush(TIMEOUT)
        if left or failures:
            raise Failure(f"requests could not be sent: {failures[0] if failures else f'{left} are left'}")

    def visible(self, topic):
        """How far a `read_committed` reader could get: the sum of the last stable offsets.

        Asking costs the measured process nothing. The markers of transactions are counted too, so this says that
        something moved, not how many records there are. None when the broker cannot say just now.
        """
        wanted = {TopicPartition(topic, p): OffsetSpec.latest() for p in range(self.partitions)}
        found = self._admin.list_offsets(wanted, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=TIMEOUT)
        try:
            return sum(future.result(TIMEOUT).offset for future in found.values())
        except KafkaException as exception:
            if exception.args[0].code() in PASSING:
                return None
            raise

    def consumer(self, topic, position, **settings):
        """A consumer at `position` (an offset or a logical one) of every partition."""
        consumer = Consumer({
            "bootstrap.servers": self.bootstrap, "group.id": f"{topic}-reader", "enable.auto.commit": False,
            "isolation.level": "read_committed", "auto.offset.reset": "error", "log_level": 3, **settings,
        })
        consumer.assign([TopicPartition(topic, p, position) for p in range(self.partitions)])
        return consumer

    def read(self, topic, with_values=False):
        """Every committed record of a topic."""
        consumer = self.consumer(topic, 0, **{"enable.partition.eof": True})
        answers, open_partitions = Answers(), set(range(self.partitions))
        deadline = time.monotonic() + TIMEOUT * 2
        try:
            while open_partitions:
                if time.monotonic() > deadline:
                    raise Failure(f"{topic} was not read within {TIMEOUT * 2} s")
                for message in consumer.consume(5000, 0.1):
                    error = message.error()
                    if error is None:
                        key = message.key().decode()
                        answers.counts[key] += 1
                        if key.isdigit():
                            answers.appended[message.timestamp()[1]] += 1
                        if with_values:
                            answers.values.setdefault(key, message.value())
                    elif error.code() == KafkaError._PARTITION_EOF:
                        open_partitions.discard(message.partition())
                    elif error.fatal():
                        raise Failure(f"{topic} cannot be read: {error.str()}")
        finally:
            consumer.close()
        return answers
