"""Kills, freezes, joins, leaves and broker restarts at random times from one seed."""
import dataclasses
import random
import signal
import subprocess
import threading
import time


@dataclasses.dataclass
class Event:
    time: float
    kind: str
    """`kill`, `freeze`, `join`, `leave` or `broker`."""
    target: str


@dataclasses.dataclass
class Pace:
    """Seconds between events of a kind, on average; 0 for none."""
    kill: float
    membership: float
    freeze: float
    freeze_length: float
    broker: float
    broker_command: str
    broker_count: int


class Chaos:
    """One thread for the instances, one for the brokers. The number of instances goes between three and four."""

    def __init__(self, cluster, pace, seed, log_path):
        self.cluster, self.pace, self.log_path = cluster, pace, log_path
        self.events = []
        self.broker_failures = []
        self._random = random.Random(f"chaos/{seed}")
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._disturb_instances, name="chaos", daemon=True)]
        if pace.broker and pace.broker_command:
            self._threads.append(threading.Thread(target=self._restart_brokers, name="brokers", daemon=True))

    def start(self):
        for thread in self._threads:
            thread.start()

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def count(self, *kinds):
        return sum(event.kind in kinds for event in self.events)

    def _note(self, kind, target):
        self.events.append(Event(time.time(), kind, target))

    def _next(self, mean):
        return time.monotonic() + self._random.uniform(0.6, 1.4) * mean if mean else float("inf")

    # Instances

    def _disturb_instances(self):
        due = {"kill": self._next(self.pace.kill), "membership": self._next(self.pace.membership),
               "freeze": self._next(self.pace.freeze)}
        thaws = []
        while not self._stop.wait(0.05):
            now = time.monotonic()
            for thaw in [thaw for thaw in thaws if thaw[0] <= now]:
                thaws.remove(thaw)
                thaw[1].signal(signal.SIGCONT)
            frozen = [instance for _, instance in thaws]
            for kind in [kind for kind, at in due.items() if at <= now]:
                due[kind] = self._next(getattr(self.pace, kind))
                candidates = [i for i in self.cluster.running() if i not in frozen]
                if not candidates:
                    continue
                if kind == "kill":
                    self._kill(self._random.choice(candidates))
                elif kind == "membership":
                    self._change_membership(candidates)
                elif not frozen:
                    instance = self._random.choice(candidates)
                    self._note("freeze", instance.name)
                    instance.signal(signal.SIGSTOP)
                    thaws.append((now + self.pace.freeze_length, instance))
        for _, instance in thaws:
            instance.signal(signal.SIGCONT)

    def _kill(self, instance):
        with self.cluster.lock:
            if not instance.is_running:
                return
            self._note("kill", instance.name)
            self.cluster.kill(instance, self._random.uniform(0, 2))

    def _change_membership(self, candidates):
        absent = [i for i in self.cluster.instances if not i.is_wanted and not i.is_running]
        wanted = sum(i.is_wanted for i in self.cluster.instances)
        if wanted < len(self.cluster.instances):
            if absent:
                self._note("join", absent[0].name)
                self.cluster.join(absent[0])
        else:
            instance = self._random.choice(candidates)
            self._note("leave", instance.name)
            self.cluster.leave(instance)

    # Brokers

    def _restart_brokers(self):
        broker = 0
        due = time.monotonic() + self.pace.broker
        # One at a time, however long a restart takes.
        while not self._stop.wait(max(0, due - time.monotonic())):
            due += self.pace.broker
            broker = broker % self.pace.broker_count + 1
            command = self.pace.broker_command.replace("{n}", str(broker))
            self._note("broker", str(broker))
            with open(self.log_path, "ab") as log:
                code = subprocess.run(command, shell=True, stdin=subprocess.DEVNULL, stdout=log, stderr=log).returncode
            if code != 0:
                self.broker_failures.append(f"{command}: exit code {code}")
