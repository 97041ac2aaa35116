"""How long partitions stay without answers after `kill -9` of one of two `millrace serve`.

    make compare BOOTSTRAP=localhost:9092 WITH=recovery

takeover: default settings, the survivor takes the partitions over; the killed one is started again for the next round.
restart: kafka.static-membership, the killed instance is started again at once and keeps its partitions.

For every partition, the gap is from the kill to the first answer, as a `read_committed` consumer sees it, to a request
that was due after the kill; the longest latency is that of any request due from two seconds before the kill on. A round
is its worst partition. Takes about two and a half minutes.
"""
import statistics
import tempfile
import time

from confluent_kafka import ConsumerGroupState, KafkaException
from confluent_kafka.admin import AdminClient

from command_line import Failure, note, parser, positive, require, run
from figures import show, table
from paced import Pacer, Watcher
from topics import Topics
from workers import Workers

INSTANCES = ("a", "b")
SCENARIOS = {"takeover": {}, "restart": {"kafka.static-membership": "true"}}
TARGETS = {"takeover": 7, "restart": 2}
CALM = 2.0
"""Seconds of load before a kill, and before which latencies are looked at."""
PATIENCE = 60


def arguments():
    made = parser(__doc__, rounds=5)
    made.add_argument("--rate", type=positive, default=400, metavar="N", help="requests/s (default: %(default)s)")
    made.add_argument("--delivery", choices=("exactly-once", "at-least-once"), default="exactly-once",
                      help="(default: %(default)s)")
    made.add_argument("--scenario", choices=SCENARIOS, help="only this one (default: both)")
    return made.parse_args()


class Pair:
    """Two instances of one application under a load."""

    def __init__(self, chosen, workers, topics, scenario, watcher, requests, results):
        self.topics, self.workers, self.scenario, self.watcher = topics, workers, scenario, watcher
        self.requests, self.results = requests, results
        self.delivery = chosen.delivery
        self.group = f"{topics.prefix}-{scenario}"
        self.pacer = Pacer(topics, requests, chosen.rate, scenario)
        self.processes = {}
        self._admin = AdminClient({"bootstrap.servers": chosen.bootstrap, "log_level": 3})

    def start(self, instance):
        settings = {"instance-id": instance, "delivery": self.delivery, **SCENARIOS[self.scenario]}
        self.processes[instance] = self.workers.start(
            "millrace", self.group, self.requests, self.results, name=f"{self.group}-{instance}", **settings)

    def stop(self):
        for process in self.processes.values():
            process.stop()

    def _until(self, condition, problem):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            for process in self.processes.values():
                process.require_running()
            if time.monotonic() > deadline:
                raise Failure(f"{self.scenario}: {problem} within {PATIENCE} s")
            time.sleep(0.05)

    def _shares(self):
        """Both instances are members and have partitions."""
        try:
            [future] = self._admin.describe_consumer_groups([self.group], request_timeout=10).values()
            group = future.result(15)
        except KafkaException:
            return False
        return group.state == ConsumerGroupState.STABLE and len(group.members) == len(INSTANCES) and all(
            member.assignment and member.assignment.topic_partitions for member in group.members)

    def wait_until_calm(self):
        self._until(self._shares, "the group was not shared by both instances")
        sent = self.pacer.sent
        self._until(lambda: self._answered(0, sent), "the load was not answered")
        time.sleep(CALM)

    def _answered(self, first, end):
        return self.watcher.count([self.pacer.key(index) for index in range(first, end)]) == end - first

    def kill(self, instance, restart):
        """(gap, longest latency) in seconds of the worst partition."""
        killed = time.monotonic()
        self.processes.pop(instance).kill()
        if restart:
            self.start(instance)
        after = max(0, int((killed - self.pacer.begun) * self.pacer.rate) + 1)
        partitions = range(self.topics.partitions)
        gaps = {}

        def all_have_answers():
            end = self.pacer.sent
            for index in range(after, end):
                arrival = self.watcher.arrivals.get(self.pacer.key(index))
                if arrival is not None:
                    partition = index % self.topics.partitions
                    gaps[partition] = min(gaps.get(partition, arrival), arrival)
            return len(gaps) == len(partitions)

        self._until(all_have_answers, "a partition was not answered after the kill")
        before, end = max(0, after - int(CALM * self.pacer.rate)), self.pacer.sent
        self._until(lambda: self._answered(before, end), "requests around the kill were not answered")
        latency = max(
            self.watcher.arrivals[self.pacer.key(index)] - self.pacer.due(index) for index in range(before, end))
        gap = max(gaps.values()) - killed
        note(f"{self.scenario}, {instance} killed: gaps by partition "
             + ", ".join(f"{p}: {gaps[p] - killed:.2f} s" for p in partitions) + f"; longest latency {latency:.2f} s")
        return gap, latency


def measure(chosen, workers, topics, scenario):
    requests, results = topics.create_requests(f"requests-{scenario}"), topics.create(f"results-{scenario}")
    found = []
    with Watcher(topics, results) as watcher:
        pair = Pair(chosen, workers, topics, scenario, watcher, requests, results)
        try:
            for instance in INSTANCES:
                pair.start(instance)
            pair.pacer.begin()
            for number in range(chosen.rounds):
                pair.wait_until_calm()
                instance = INSTANCES[number % len(INSTANCES)]
                found.append(pair.kill(instance, restart=scenario == "restart"))
                if instance not in pair.processes:
                    pair.start(instance)
        finally:
            try:
                pair.pacer.stop()
            finally:
                pair.stop()
    return found, watcher.duplicates


def main():
    chosen = arguments()
    require(chosen)
    if chosen.partitions < len(INSTANCES):
        raise Failure(f"--partitions: found {chosen.partitions}, expected at least one for each of 2 instances")
    rows = []
    with tempfile.TemporaryDirectory() as folder, Topics(chosen.bootstrap, chosen.partitions) as topics:
        workers = Workers(chosen, folder)
        for scenario in [chosen.scenario] if chosen.scenario else SCENARIOS:
            found, duplicates = measure(chosen, workers, topics, scenario)
            gaps, latencies = zip(*found)
            rows.append([scenario, *(show(value) for value in (
                statistics.median(gaps), max(gaps), statistics.median(latencies), max(latencies))),
                TARGETS[scenario], f"{max(gaps) / TARGETS[scenario]:.2f}", duplicates])
    print(table(["SECONDS", "GAP MEDIAN", "WORST", "LATENCY MEDIAN", "WORST", "TARGET", "WORST GAP/TARGET",
                 "DUPLICATES"], rows))


if __name__ == "__main__":
    run(main)
