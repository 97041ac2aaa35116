"""Folds over three instances, one of which is killed in the middle of a fold and stays away."""
import time

from training_audit import ENDS
from training_plan import request
from training_service import Job, TrainingRun, is_event

INSTANCES = 3
FOREVER = float("inf")


def add_arguments(add):
    add("--folds", type=int, default=5)
    add("--epochs", type=int, default=40)
    add("--patience", type=float, default=240, help="seconds that a job may take")


def run(options, digits):
    # Two are killed for good and the group is three each time.
    with TrainingRun(options, "training-folds", INSTANCES + 1) as run:
        return Folding(run, options, digits).execute()


class Folding:
    def __init__(self, run, options, digits):
        self.run, self.options, self.digits = run, options, digits
        self.rows = []

    def execute(self):
        run, options = self.run, self.options
        ends = run.topics.put_rows(self.digits.images, self.digits.labels)
        document = request(run.topics.rows, options.folds, options.epochs, options.seed, ends)
        run.cluster.start(1)
        job = run.train("one-instance", document, options.patience)
        self._note(job, "nobody")
        for instance in run.cluster.instances[1:INSTANCES]:
            run.cluster.join(instance)
        self._wait_for_group()
        self._note(run.train("three-instances", document, options.patience), "nobody")
        self._disturb("worker-killed", document, kills_coordinator=False)
        run.cluster.join(run.cluster.instances[INSTANCES])
        self._wait_for_group()
        self._disturb("coordinator-killed", document, kills_coordinator=True)
        audit = run.audit("one-instance")
        run.judge_instances()
        return self._report(audit)

    def _wait_for_group(self):
        """Until all instances that run have partitions of both topics: what is killed then has work to lose."""
        run = self.run
        run.topics.wait_for_members(run.group, INSTANCES)
        run.topics.wait_for_members(run.task_group, INSTANCES)

    def _disturb(self, name, document, kills_coordinator):
        run = self.run
        # Nothing moves until somebody is killed.
        owners = {**run.topics.owners(run.group), **run.topics.owners(run.task_group)}
        job = Job(name, time.time(), run.bundles.digests())
        partition = run.topics.submit(name, document)
        victim, fit = self._victim(job, owners, owners[run.topics.jobs, partition], kills_coordinator)
        run.cluster.kill(victim, FOREVER)
        run.say(f"{name}: killed {victim.name} in {fit}")
        run.wait_for_end(job, self.options.patience)
        self._note(job, f"{victim.name} in {fit}")

    def _victim(self, job, owners, coordinator, kills_coordinator):
        """An instance that is in the middle of a fold: `progress` was seen of it and no `evaluated`."""
        run = self.run
        deadline = time.monotonic() + self.options.patience
        while time.monotonic() < deadline:
            if run.everything.find(lambda s: is_event(s, job.name, *ENDS)):
                raise RuntimeError(f"{job.name}: ended before the right instance was seen in a fold; try more epochs")
            tasks = {s.document["fit"]: owners.get((s.topic, s.record.partition))
                     for s in run.everything.all(run.topics.tasks) if s.document["job"] == job.name}
            events = run.everything.events(job.name)
            judged = {e.document["fit"] for e in events if e.document["event"] == "evaluated"}
            for event in (e.document for e in events if e.document["event"] == "progress"):
                # Not at its end, so that it is not over when the signal comes.
                is_middle = 0.1 < event["step"] / max(1, event["steps"]) < 0.7
                if not is_middle or event["fit"] in judged or event["fit"] not in tasks:
                    continue
                owner = tasks[event["fit"]]
                if (owner == coordinator) == kills_coordinator:
                    return next(i for i in run.cluster.instances if i.name == owner), event["fit"]
            time.sleep(0.01)
        raise TimeoutError(f"{job.name}: no instance was seen in a fold")

    def _note(self, job, killed):
        events = self.run.committed.events(job.name)
        judged = [e.document["fit"] for e in events if e.document["event"] == "evaluated"]
        self.rows.append({
            "job": job.name, "killed": killed, "running": sum(i.is_running for i in self.run.cluster.instances),
            "folds": len(set(judged)), "evaluated": len(judged), "seconds": job.seconds, "end": job.end["event"],
            "version": job.end.get("version"), "weights": job.end.get("weights", "")})
        if len(set(judged)) != self.options.folds:
            self.run.problems.append(f"{job.name}: {len(set(judged))} of {self.options.folds} folds were judged")
        self.run.say(f"{job.name}: {job.end['event']} in {job.seconds:.1f} s")

    def _report(self, audit):
        lines = [f"{'job':<20}{'killed':<24}{'left':>5}{'folds':>7}{'evaluated':>11}{'seconds':>9}  "
                 f"{'end':<11}{'version':>7}  weights"]
        for row in self.rows:
            lines.append(
                f"{row['job']:<20}{row['killed']:<24}{row['running']:>5}{row['folds']:>7}{row['evaluated']:>11}"
                f"{row['seconds']:>9.1f}  {row['end']:<11}{row['version'] or '-':>7}  {row['weights'][:12]}")
        facts = {"jobs": len(audit.jobs), "versions": sum(map(len, audit.versions.values())),
                 "weights": (audit.completion("one-instance") or {}).get("weights", "none"),
                 "aborted records": dict(audit.aborted)}
        return {"scenario": "folds", "lines": lines, "facts": facts, "audit": audit, "jobs": self.rows,
                "problems": self.run.problems, "run": self.run}
