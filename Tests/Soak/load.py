"""A paced stream of requests, several keys, each key's ids counting up on one partition."""
import threading
import time

from confluent_kafka import Producer

from plan import encode

TICK_SECONDS = 0.01


class Load(threading.Thread):
    """Produces until stopped. An idempotent producer: the log holds each request once, in the order of its key."""

    def __init__(self, bootstrap, topic, partitions, keys, rate, plan, digits):
        super().__init__(name="load", daemon=True)
        self.topic, self.partitions, self.keys, self.rate = topic, partitions, keys, rate
        self.plan, self.digits = plan, digits
        self.sent = 0
        self.rows = 0
        self.acknowledged = 0
        self.failures = []
        self.error = None
        self._stopping = threading.Event()
        self._producer = Producer({
            "bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 5,
            # Longer than any broker is away: a request that was given up may or may not be in the log.
            "message.timeout.ms": 600_000, "reconnect.backoff.max.ms": 1000, "log_level": 3,
        })

    def stop(self):
        """Ends the stream and waits until the brokers have acknowledged it."""
        self._stopping.set()
        self.join()
        unsent = self._producer.flush(120)
        if unsent:
            self.failures.append(f"{unsent} requests were never acknowledged")

    def run(self):
        try:
            self._produce()
        except Exception as error:  # Shown by the run, which cannot pass without its load.
            self.error = error

    def _produce(self):
        start = time.monotonic()
        while not self._stopping.is_set():
            due = int((time.monotonic() - start) * self.rate)
            while self.sent < due and not self._stopping.is_set():
                self._send_one()
            self._producer.poll(0)
            time.sleep(TICK_SECONDS)

    def _send_one(self):
        key, sequence = self.sent % self.keys, self.sent // self.keys
        request = self.plan.request(f"k{key}-{sequence}")
        value, headers = encode(request, self.digits)
        while True:
            try:
                self._producer.produce(
                    self.topic, value, f"k{key}", key % self.partitions, self._delivered, headers=headers)
                break
            except BufferError:
                self._producer.poll(0.05)
        self.sent += 1
        self.rows += len(request.images)

    def _delivered(self, error, message):
        if error is None:
            self.acknowledged += 1
        elif len(self.failures) < 20:
            self.failures.append(str(error))
