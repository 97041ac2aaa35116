"""When each result became visible to a `read_committed` reader, noted while the run goes on."""
import threading
import time

from confluent_kafka import Consumer, TopicPartition


class Arrivals(threading.Thread):
    def __init__(self, bootstrap, topic, partitions):
        super().__init__(name="arrivals", daemon=True)
        self.times = [{} for _ in range(partitions)]
        """For each partition: offset of the result to wall-clock seconds."""
        self.error = None
        self._stopping = threading.Event()
        self._consumer = Consumer({
            "bootstrap.servers": bootstrap, "group.id": f"{topic}-arrivals", "enable.auto.commit": False,
            "isolation.level": "read_committed", "auto.offset.reset": "earliest", "fetch.wait.max.ms": 10,
            "reconnect.backoff.max.ms": 1000, "log_level": 3,
        })
        self._consumer.assign([TopicPartition(topic, p, 0) for p in range(partitions)])

    def stop(self):
        self._stopping.set()
        self.join()
        self._consumer.close()

    def run(self):
        try:
            while not self._stopping.is_set():
                messages = self._consumer.consume(500, 0.02)
                now = time.time()
                for message in messages:
                    if message.error() is None:
                        self.times[message.partition()][message.offset()] = now
        except Exception as error:  # Without it the latencies would be wrong in silence.
            self.error = error
