"""A measured program as an operating system process, with everything that it starts in turn."""
import os
import pathlib
import signal
import subprocess
import time

from command_line import Failure

TICKS = os.sysconf("SC_CLK_TCK")
GRACE = 30
RESCAN = 1.0
"""Seconds after which new processes of a worker are looked for again."""


class Process:
    """Started with a process group of its own, so that a signal reaches its children too."""

    def __init__(self, name, command, log, folder=None, ignores_sigterm=False):
        self.name, self.log = name, pathlib.Path(log)
        self.started = time.monotonic()
        self._ignores_sigterm = ignores_sigterm
        self._members, self._scanned = [], -RESCAN
        with open(self.log, "ab") as output:
            try:
                self._process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, cwd=folder)
            except OSError as error:
                raise Failure(f"{name} does not start: {error}") from error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def require_running(self):
        code = self._process.poll()
        if code is not None:
            raise Failure(f"{self.name} ended with code {code}; its last lines:\n{self._last_lines()}")

    def fail(self, problem):
        raise Failure(f"{self.name}: {problem}; its last lines:\n{self._last_lines()}")

    def processor_seconds(self):
        """User and system time of all its processes until now."""
        if time.monotonic() - self._scanned > RESCAN:
            self._members, self._scanned = self._group(), time.monotonic()
        return sum(self._processor_seconds(pid) for pid in self._members)

    def kill(self):
        """kill -9, of its children too."""
        self._signal(signal.SIGKILL)
        self._process.wait(GRACE)

    def stop(self):
        """SIGTERM, and kill -9 for what ignores it."""
        if self._process.poll() is None and not self._ignores_sigterm:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(GRACE)
            except subprocess.TimeoutExpired:
                pass
        self._signal(signal.SIGKILL)
        self._process.wait(GRACE)

    def _signal(self, number):
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            pass

    def _group(self):
        """The leader first: the others may be gone before they are asked."""
        found = []
        for folder in pathlib.Path("/proc").iterdir():
            if folder.name.isdigit():
                fields = self._fields(int(folder.name))
                if fields and int(fields[2]) == self._process.pid:
                    found.append(int(folder.name))
        return sorted(found, key=lambda pid: pid != self._process.pid)

    @staticmethod
    def _fields(pid):
        """/proc/PID/stat (proc(5)) from its third field on, or None when the process is gone."""
        try:
            text = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
            return text.rpartition(")")[2].split()
        except OSError:
            return None

    def _processor_seconds(self, pid):
        fields = self._fields(pid)
        return sum(int(field) for field in fields[11:13]) / TICKS if fields else 0.0

    def _last_lines(self, count=12):
        text = self.log.read_bytes()[-8192:].decode(errors="replace").splitlines()
        return "\n".join(text[-count:]) or "(none)"
