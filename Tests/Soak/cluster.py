"""Instances of `millrace serve` as operating system processes, restarted as a supervisor would."""
import dataclasses
import pathlib
import signal
import subprocess
import threading
import time

import yaml

# A graceful stop has `shutdown.deadline` and some grace; after that it has failed.
STOP_TIMEOUT_SECONDS = 40
RESTART_DELAY_SECONDS = 1


@dataclasses.dataclass
class Exit:
    """A process that ended although nobody asked it to."""
    time: float
    instance: str
    code: int
    last_lines: list


class Instance:
    """One instance id; its processes follow one another and share a log file."""

    def __init__(self, name, binary, folder, settings):
        self.name = name
        self.binary = binary
        self.log = folder / f"{name}.log"
        self.configuration = folder / f"{name}.yaml"
        self.configuration.write_text(yaml.safe_dump({**settings, "instance-id": name}), encoding="utf-8")
        self.process = None
        self.incarnation = 0
        self.is_wanted = False
        self.not_before = 0.0

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def start(self):
        self.incarnation += 1
        with open(self.log, "ab") as log:
            log.write(f"--- {self.name}: process {self.incarnation} at {time.time():.3f}\n".encode())
            log.flush()
            self.process = subprocess.Popen(
                [self.binary, "serve", "--config", str(self.configuration)], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log)

    def signal(self, number):
        if self.is_running:
            self.process.send_signal(number)

    def resident_bytes(self):
        try:
            status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        except (OSError, AttributeError):
            return None
        for line in status.splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return None

    def last_lines(self, count=6):
        with open(self.log, "rb") as log:
            log.seek(max(0, self.log.stat().st_size - 8192))
            return log.read().decode(errors="replace").splitlines()[-count:]


class Cluster:
    """Keeps the wanted instances running and remembers what they did by themselves."""

    def __init__(self, instances):
        self.instances = instances
        self.unasked_exits = []
        self.bad_stops = []
        self.memory = []
        """(time, instance, incarnation, resident bytes)"""
        # Held by whoever starts, kills or stops a process.
        self.lock = threading.RLock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def start(self, count):
        for instance in self.instances[:count]:
            instance.is_wanted = True
            instance.start()
        self._thread.start()

    def running(self):
        return [i for i in self.instances if i.is_wanted and i.is_running]

    def kill(self, instance, delay):
        """kill -9, and a new process after `delay` seconds."""
        with self.lock:
            instance.not_before = time.time() + delay
            instance.process.kill()
            instance.process.wait()
            instance.process = None

    def join(self, instance):
        with self.lock:
            instance.is_wanted = True
            instance.start()

    def leave(self, instance):
        """SIGTERM; the supervisor sees to it that the process ends."""
        with self.lock:
            instance.is_wanted = False
            instance.signal(signal.SIGTERM)
            process = instance.process
        threading.Thread(target=self._await_stop, args=(instance, process), daemon=True).start()

    def _await_stop(self, instance, process):
        try:
            code = process.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        if code != 0:
            self.bad_stops.append(Exit(time.time(), instance.name, code, instance.last_lines()))

    def _watch(self):
        while not self._stop.wait(0.25):
            now = time.time()
            with self.lock:
                for instance in self.instances:
                    self._watch_one(instance, now)

    def _watch_one(self, instance, now):
        if instance.process is not None and instance.is_wanted and not instance.is_running:
            self.unasked_exits.append(
                Exit(now, instance.name, instance.process.returncode, instance.last_lines()))
            instance.process = None
            instance.not_before = now + RESTART_DELAY_SECONDS
        if instance.process is None and instance.is_wanted and now >= instance.not_before:
            instance.start()
        resident = instance.resident_bytes() if instance.is_running else None
        if resident:
            self.memory.append((now, instance.name, instance.incarnation, resident))

    def stop(self):
        """Stops all gracefully."""
        self._stop.set()
        self._thread.join()
        stopping = [i for i in self.instances if i.is_running]
        for instance in stopping:
            instance.is_wanted = False
            instance.signal(signal.SIGCONT)
            instance.signal(signal.SIGTERM)
        for instance in stopping:
            self._await_stop(instance, instance.process)

    def abandon(self):
        """Leaves no process behind, whatever happened."""
        self._stop.set()
        for instance in self.instances:
            if instance.is_running:
                instance.process.kill()
                instance.process.wait()
