"""Inference at a steady rate, without training and with jobs back to back, in turns on the same instance."""
import itertools
import subprocess
import threading
import time

from arrivals import Arrivals
from audit import Record
from load import Load
from plan import MODEL as SERVED
from plan import Plan
from report import percentiles
from training_plan import MODEL, request
from training_service import Job, TrainingRun, is_event

SHARES = (50, 99, 99.9)
SETTLING_SECONDS = 3
WARMING_SECONDS = 10
READY_SECONDS = 60
DRAIN_SECONDS = 30


def add_arguments(add):
    add("--rate", type=float, default=500, help="requests a second, at times of their own (open loop)")
    add("--seconds", type=float, default=60, help="that each phase is measured for")
    add("--rounds", type=int, default=3, help="phases without and with training")
    add("--maximum-ratio", type=float, default=2, help="of the p99 with training to the one without")
    add("--epochs", type=int, default=15)
    add("--folds", type=int, default=3)
    add("--keys", type=int, default=24)
    add("--patience", type=float, default=240, help="seconds that a job may take")


def run(options, digits):
    with TrainingRun(options, "training-latency", 1) as run:
        return Measuring(run, options, digits).execute()


class BackToBack(threading.Thread):
    """Submits a job when the one before has ended, until stopped; the last one is cancelled."""

    def __init__(self, run, document, names, patience):
        super().__init__(name="jobs", daemon=True)
        self.run_, self.document, self.names, self.patience = run, document, names, patience
        self.completed = 0
        self.problem = None
        self._stopping = threading.Event()

    def stop(self):
        self._stopping.set()
        self.join()

    def run(self):
        run = self.run_
        try:
            while not self._stopping.is_set():
                job = Job(next(self.names), time.time(), set())
                run.topics.submit(job.name, self.document)
                while not run.committed.find(lambda s: is_event(s, job.name, "completed", "failed"), 0.1):
                    if self._stopping.is_set():
                        run.topics.cancel(job.name, self.document["model"])
                        break
                    if time.time() - job.submitted > self.patience:
                        raise TimeoutError(f"{job.name}: no end within {self.patience} s")
                run.wait_for_end(job, self.patience)
                self.completed += job.end["event"] == "completed"
                if job.end["event"] == "failed":
                    raise RuntimeError(f"{job.name}: {job.end}")
        except Exception as error:  # A phase without training would be measured as one with.
            self.problem = error


class Measuring:
    def __init__(self, run, options, digits):
        self.run, self.options, self.digits = run, options, digits
        self.phases = []
        """(round, whether with training, start, end, jobs completed)"""
        self.names = (f"job-{number:03}" for number in itertools.count())

    def execute(self):
        run, options = self.run, self.options
        subprocess.run(
            [options.millrace, "models", "import", self.digits.model, "--name", SERVED, "--config",
             run.cluster.instances[0].configuration], check=True, stdout=subprocess.DEVNULL)
        ends = run.topics.put_rows(self.digits.images, self.digits.labels)
        document = request(run.topics.rows, options.folds, options.epochs, options.seed, ends)
        plan = Plan(options.seed, self.digits.count, 0, 0)
        load = Load(options.bootstrap, run.topics.requests, options.partitions, options.keys, options.rate, plan,
                    self.digits)
        arrivals = Arrivals(options.bootstrap, run.topics.results, options.partitions)
        run.cluster.start(1)
        arrivals.start()
        load.start()
        self._wait_for_results(arrivals)
        # What has piled up while the instance started is none of the latencies.
        time.sleep(WARMING_SECONDS)
        for number in range(options.rounds):
            # In turns which comes first, so that what drifts is not taken for training's.
            for trains in ((False, True) if number % 2 == 0 else (True, False)):
                self._measure(number, trains, document, load, arrivals)
        load.stop()
        run.problems += load.failures
        lag, _ = run.topics.wait_for_drain(run.name, DRAIN_SECONDS)
        if lag:
            run.problems.append(f"requests without an answer: {lag}")
        time.sleep(1)
        arrivals.stop()
        run.cluster.stop()
        run.judge_instances()
        return self._report(load, arrivals)

    def _wait_for_results(self, arrivals):
        deadline = time.time() + READY_SECONDS
        while not any(arrivals.times):
            if time.time() > deadline:
                raise RuntimeError(f"no result within {READY_SECONDS} s; see {self.run.folder}")
            time.sleep(0.1)

    def _measure(self, number, trains, document, load, arrivals):
        run, options = self.run, self.options
        jobs = BackToBack(run, document, self.names, options.patience) if trains else None
        if jobs:
            jobs.start()
        time.sleep(SETTLING_SECONDS)
        before = jobs.completed if jobs else 0
        start = time.time()
        while time.time() < start + options.seconds:
            time.sleep(0.2)
            for thread in (load, arrivals):
                if thread.error:
                    raise thread.error
        end = time.time()
        completed = jobs.completed - before if jobs else 0
        if jobs:
            jobs.stop()
            if jobs.problem:
                raise jobs.problem
        self.phases.append((number, trains, start, end, completed))
        run.say(f"round {number + 1}, {'with' if trains else 'without'} training: {completed} jobs, {load.sent} sent")

    def _latencies(self, arrivals):
        """For each phase the seconds from a request's timestamp to its result's being visible."""
        run = self.run
        asked = {(m.partition(), m.offset()): m.timestamp()[1] / 1000 for m in run.topics.read(run.topics.requests)}
        found = [[] for _ in self.phases]
        answered, failed = set(), 0
        for message in run.topics.read(run.topics.results):
            record = Record.of(message)
            partition, offset = record.headers["millrace-source"].decode().split("/")[1:]
            place = int(partition), int(offset)
            failed += record.headers["millrace-status"] != b"ok"
            if place in answered:
                run.problems.append(f"request {place} was answered twice")
            answered.add(place)
            arrival = arrivals.times[record.partition].get(record.offset)
            for phase, latencies in zip(self.phases, found):
                if phase[2] <= asked[place] < phase[3]:
                    latencies.append(arrival - asked[place])
        if failed or len(answered) != len(asked):
            run.problems.append(f"{len(asked)} requests, {len(answered)} answered, {failed} of them with an error")
        return found

    def _report(self, load, arrivals):
        options = self.options
        latencies = self._latencies(arrivals)
        lines = [f"{'round':>5}  {'training':<9}{'requests':>9}{'rate/s':>8}{'jobs':>6}"
                 + "".join(f"{f'p{share:g} ms':>11}" for share in SHARES)]
        pooled = {False: [], True: []}
        jobs = []

        def line(name, kind, values, seconds, completed):
            shares = {share: value * 1000 for share, value in percentiles(values, SHARES).items()}
            lines.append(f"{name:>5}  {kind:<9}{len(values):>9}{len(values) / seconds:>8.1f}{completed:>6}"
                         + "".join(f"{value:>11.2f}" for value in shares.values()))
            return shares

        seconds, completed = {False: 0, True: 0}, {False: 0, True: 0}
        for (number, trains, start, end, count), values in zip(self.phases, latencies):
            pooled[trains] += values
            seconds[trains] += end - start
            completed[trains] += count
            shares = line(number + 1, "with" if trains else "without", values, end - start, count)
            jobs.append({"round": number + 1, "training": trains, "jobs": count, "milliseconds": shares})
            if len(values) < 0.97 * options.rate * (end - start):
                self.run.problems.append(f"round {number + 1}: {len(values)} requests, the load fell behind its rate")
        without = line("all", "without", pooled[False], seconds[False], 0)
        with_ = line("all", "with", pooled[True], seconds[True], completed[True])
        ratios = {share: with_[share] / without[share] for share in with_}
        by_round = [
            next(j for j in jobs if j["round"] == n + 1 and j["training"])["milliseconds"]["p99"]
            / next(j for j in jobs if j["round"] == n + 1 and not j["training"])["milliseconds"]["p99"]
            for n in range(options.rounds)]
        facts = {f"ratio of {share}": round(ratio, 2) for share, ratio in ratios.items()}
        facts |= {"ratio of p99 by round": [round(ratio, 2) for ratio in by_round], "requests sent": load.sent}
        if ratios["p99"] > options.maximum_ratio:
            self.run.problems.append(f"p99 with training is {ratios['p99']:.2f} of the one without, at most "
                                     f"{options.maximum_ratio:g} is allowed")
        if not completed[True]:
            self.run.problems.append("no job was completed while inference was measured")
        return {"scenario": "latency", "lines": lines, "facts": facts, "jobs": jobs, "problems": self.run.problems,
                "run": self.run}
