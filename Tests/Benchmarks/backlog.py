"""How fast a worker answers a topic that was filled before it started."""
import contextlib
import time

from command_line import Failure, note
from figures import steady_throughput

TICK = 0.02
QUIET = 0.5
"""Seconds without progress after which the answers are counted."""
PATIENCE = 120


class Progress:
    """Looks at a results topic from outside, and at the processor time of whoever writes it."""

    def __init__(self, topics, results, process):
        self._topics, self._results, self._process = topics, results, process
        self.first = self.last = None
        """(seconds since the start of the process, visible offsets, its processor seconds)"""

    def begin(self):
        self.first = self.last = self._now(self._topics.visible(self._results) or 0)

    def wait(self, count, deadline):
        """Until as many answers are visible, transaction markers included, and no more come."""
        while self.last is None or self.last[1] < count or self._seconds() - self.last[0] < QUIET:
            time.sleep(TICK)
            self._process.require_running()
            visible = self._topics.visible(self._results) or 0
            if visible > (self.last[1] if self.last else 0):
                self.last = self._now(visible)
                self.first = self.first or self.last
            elif time.monotonic() > deadline:
                self._process.fail(f"{self.last[1] if self.last else 0} of {count} answers within {PATIENCE} s")

    def _now(self, visible):
        return self._seconds(), visible, self._process.processor_seconds()

    def _seconds(self):
        return time.monotonic() - self._process.started


def measure(topics, process, results, count, with_values=False, once=True, fill=None):
    """Waits for all answers, stops the process and gives its answers and figures.

    `once` makes an answer that comes twice a failure, too; a missing one always is. `fill` sends the requests now, to a
    worker that is ready and has answered nothing but probes.
    """
    keys = [str(index) for index in range(count)]
    deadline = time.monotonic() + PATIENCE
    progress = Progress(topics, results, process)
    with process:
        before = 0
        if fill:
            progress.begin()
            before = progress.first[1]
            fill()
        while True:
            progress.wait(before + count, deadline)
            answers = topics.read(results, with_values)
            if not answers.missing(keys):
                break
            if time.monotonic() > deadline:
                process.fail(f"{answers.missing(keys)} of {count} requests have no answer")
    if once and answers.duplicated(keys):
        raise Failure(f"{process.name}: {answers.duplicated(keys)} of {count} requests are answered twice")
    first, last = progress.first, progress.last
    steady = before + count - first[1]
    return answers, {
        "steady_throughput": steady_throughput(answers.appended),
        "throughput_from_start": count / (last[0] - (first[0] if fill else 0)),
        "processor_ms_per_1000": (last[2] - first[2]) / steady * 1e6 if steady > 0 else float("nan"),
        "processor_ms_per_1000_from_start": last[2] / count * 1e6,
    }


@contextlib.contextmanager
def results_topic(topics, name):
    """A results topic for one run, deleted after it so that the broker's disk does not fill."""
    full = topics.create(name)
    try:
        yield full
    finally:
        topics.delete([full])


def report(name, figures):
    note(f"{name}: " + ", ".join(f"{key.replace('_', ' ')} {value:,.1f}" for key, value in figures.items()))
