"""The run's topics: made, waited for, and read from their beginning to their end."""
import time

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, IsolationLevel, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

READ_TIMEOUT_SECONDS = 300


class Topics:
    def __init__(self, bootstrap, prefix, partitions, replication):
        self.bootstrap, self.partitions, self.replication = bootstrap, partitions, replication
        self.requests = f"{prefix}.requests"
        self.results = f"{prefix}.results"
        self.dead_letters = f"{prefix}.requests-dlt"
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 3})

    @property
    def all(self):
        return [self.requests, self.results, self.dead_letters]

    def partitions_of(self, topic):
        return self.partitions

    def configuration_of(self, topic):
        return {}

    def create(self):
        self._create(self.all)

    def _create(self, names):
        topics = [
            NewTopic(name, self.partitions_of(name), self.replication, config=self.configuration_of(name))
            for name in names]
        for future in self._admin.create_topics(topics).values():
            future.result(30)

    def delete(self):
        for future in self._admin.delete_topics(self.all).values():
            future.result(30)

    def ends(self, topic, committed=False):
        """The offset after the last record of each partition; after the last committed one if `committed`."""
        wanted = {TopicPartition(topic, p): OffsetSpec.latest() for p in range(self.partitions_of(topic))}
        level = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
        found = self._admin.list_offsets(wanted, isolation_level=level, request_timeout=20)
        return {partition.partition: future.result(30).offset for partition, future in found.items()}

    def committed(self, group, topic=None):
        """The group's offsets on a topic, the request topic by default; 0 where there is none."""
        topic = topic or self.requests
        wanted = ConsumerGroupTopicPartitions(
            group, [TopicPartition(topic, p) for p in range(self.partitions_of(topic))])
        [future] = self._admin.list_consumer_group_offsets([wanted], request_timeout=20).values()
        return {tp.partition: max(tp.offset, 0) for tp in future.result(30).topic_partitions}

    def wait_for_drain(self, group, timeout):
        """Waits until every request is counted as answered and no transaction is open.

        Returns what is still missing after `timeout` seconds: partition to (committed, end), and open transactions as
        topic/partition to (last stable offset, end).
        """
        deadline = time.monotonic() + timeout
        while True:
            try:
                ends, committed = self.ends(self.requests), self.committed(group)
                lag = {p: (committed.get(p, 0), end) for p, end in ends.items() if committed.get(p, 0) != end}
                open_transactions = {} if lag else self._open_transactions()
            except Exception as error:  # Brokers may be on their way back.
                lag, open_transactions = {-1: (str(error), "brokers")}, {}
            if not lag and not open_transactions or time.monotonic() > deadline:
                return lag, open_transactions
            time.sleep(0.5)

    def _open_transactions(self):
        found = {}
        for topic in (self.results, self.dead_letters):
            stable, ends = self.ends(topic, committed=True), self.ends(topic)
            found |= {f"{topic}/{p}": (stable[p], end) for p, end in ends.items() if stable[p] != end}
        return found

    def read(self, topic, isolation="read_committed", starts=None):
        """Every record of a topic, committed ones unless told otherwise, partitions interleaved, each in offset order.

        `starts`: the offsets to begin at, only of the partitions that are wanted.
        """
        consumer = Consumer({
            "bootstrap.servers": self.bootstrap, "group.id": f"{topic}-audit", "enable.auto.commit": False,
            "isolation.level": isolation, "auto.offset.reset": "error", "enable.partition.eof": True,
            "log_level": 3,
        })
        if starts is None:
            starts = dict.fromkeys(range(self.partitions_of(topic)), 0)
        consumer.assign([TopicPartition(topic, p, offset) for p, offset in starts.items()])
        open_partitions = set(starts)
        deadline = time.monotonic() + READ_TIMEOUT_SECONDS
        try:
            while open_partitions:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{topic}: not read within {READ_TIMEOUT_SECONDS} s")
                for message in consumer.consume(1000, 1):
                    error = message.error()
                    if error is None:
                        yield message
                    elif error.code() == KafkaError._PARTITION_EOF:
                        open_partitions.discard(message.partition())
                    elif not error.retriable() and error.code() != KafkaError._ALL_BROKERS_DOWN:
                        raise RuntimeError(f"{topic}: {error}")
        finally:
            consumer.close()
