"""A paced load and a `read_committed` reader of the answers, in one process and so by one clock."""
import threading
import time

from command_line import Failure
from workload import HEADERS

READY_TIMEOUT = 60
PROBE_INTERVAL = 0.5


class Watcher(threading.Thread):
    """Notes when each answer could be read, by `time.monotonic()`."""

    def __init__(self, topics, results):
        super().__init__(name="watcher", daemon=True)
        self.arrivals, self.duplicates = {}, 0
        """First arrival by key."""
        self.error = None
        self._stopping = threading.Event()
        self._consumer = topics.consumer(results, 0, **{"fetch.wait.max.ms": 10})

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self.join()
        self._consumer.close()

    def run(self):
        try:
            # One at a time: consume(n) would wait for n of them.
            while not self._stopping.is_set():
                message = self._consumer.poll(0.1)
                now = time.monotonic()
                if message is None or message.error():
                    continue
                key = message.key().decode()
                if key in self.arrivals:
                    self.duplicates += 1
                else:
                    self.arrivals[key] = now
        except Exception as error:  # Without it the latencies would be wrong in silence.
            self.error = error

    def count(self, keys):
        if self.error:
            raise Failure(f"the answers cannot be read: {self.error}")
        return sum(key in self.arrivals for key in keys)

    def wait(self, keys, timeout, process=None, share=1.0):
        """Until `share` of the keys are answered; whether that happened within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while self.count(keys) < share * len(keys):
            if process:
                process.require_running()
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True


class Pacer(threading.Thread):
    """Sends request i when it is due, `start` + i / rate.

    A late one is sent at once and keeps its due time, so that a stall of the sender counts as latency too.
    """

    def __init__(self, topics, requests, rate, prefix, headers=HEADERS):
        super().__init__(name="pacer", daemon=True)
        self.rate, self.prefix, self.sent, self.error = rate, prefix, 0, None
        self._topics, self._requests, self._headers = topics, requests, headers
        self._stopping = threading.Event()
        self._limit = None
        self._failures = []
        self._producer = topics.producer(**{
            "linger.ms": 0, "on_delivery": lambda error, _: self._failures.append(error) if error else None})

    def begin(self, limit=None):
        """Starts the load, which ends after `limit` requests or at `stop`."""
        self._limit = limit
        self.begun = time.monotonic() + 0.1
        self.start()

    def key(self, index):
        return f"{self.prefix}-{index}"

    def due(self, index):
        return self.begun + index / self.rate

    def stop(self):
        self._stopping.set()
        self.join()
        if self._producer.flush(READY_TIMEOUT) or self._failures or self.error:
            raise Failure(f"the load could not be sent: {self.error or self._failures or 'no acknowledgement'}")

    def run(self):
        try:
            while not self._stopping.is_set() and (self._limit is None or self.sent < self._limit):
                wanted = int((time.monotonic() - self.begun) * self.rate) + 1
                if self._limit is not None:
                    wanted = min(wanted, self._limit)
                while self.sent < wanted:
                    self._topics.send(self._producer, self._requests, self.sent, self.key(self.sent), self._headers)
                    self.sent += 1
                self._producer.poll(0)
                time.sleep(0.0005)
        except Exception as error:
            self.error = error


def wait_until_ready(topics, process, watcher, requests, name, headers=HEADERS):
    """Sends a request to every partition twice a second until one round of them is answered completely.

    A worker that starts at a topic's end, and not at the group's offsets, is thereby known to read all partitions.
    """
    producer = topics.producer(**{"linger.ms": 0})
    deadline = time.monotonic() + READY_TIMEOUT
    number = 0
    while time.monotonic() < deadline:
        keys = [f"{name}-ready-{number}-{partition}" for partition in range(topics.partitions)]
        for partition, key in enumerate(keys):
            topics.send(producer, requests, partition, key, headers)
        producer.flush(READY_TIMEOUT)
        number += 1
        if watcher.wait(keys, PROBE_INTERVAL, process):
            return
    process.fail(f"not ready within {READY_TIMEOUT} s")
