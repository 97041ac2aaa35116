"""The same job many times, its only instance killed each time: one version, one last event, the same bits."""
import json
import random
import time

from training_plan import TRIGGERS, kills, request
from training_service import Job, TrainingRun, is_event

JOBS = "job-{:02}"
MORE_ROWS = 60


def add_arguments(add):
    add("--jobs", type=int, default=20, help="that an instance is killed in")
    add("--folds", type=int, default=3)
    add("--epochs", type=int, default=30)
    add("--triggers", nargs="+", choices=sorted(set(TRIGGERS)), default=TRIGGERS, help="of the kills, in turns")
    add("--patience", type=float, default=240, help="seconds that a job may take over all restarts")


def run(options, digits):
    with TrainingRun(options, "training-kill", 1) as run:
        return Killing(run, options, digits).execute()


class Killing:
    def __init__(self, run, options, digits):
        self.run, self.options, self.digits = run, options, digits
        self.rows = []
        self.in_doubt = []
        """(killed job, jobs that records were undecided of, their events)"""

    def execute(self):
        run, options = self.run, self.options
        ends = run.topics.put_rows(self.digits.images, self.digits.labels)
        # A request is the same to the last byte in every job.
        self.request = request(run.topics.rows, options.folds, options.epochs, options.seed, ends)
        run.cluster.start(1)
        undisturbed = run.train("undisturbed", self.request, options.patience)
        run.say(f"undisturbed: {undisturbed.end['event']} in {undisturbed.seconds:.1f} s")
        # The first job also waited for the group to form; the second says how long one takes.
        warm = self._submit("undisturbed-again", self.request)
        bundle = run.wait_for_bundle(warm, options.patience)
        run.wait_for_end(warm, options.patience)
        ending = warm.submitted + warm.seconds - bundle
        run.say(f"undisturbed again: {warm.end['event']} in {warm.seconds:.1f} s, {ending * 1000:.0f} ms of them "
                "behind the bundle")
        plan = kills(options.seed, options.jobs, warm.seconds, ending, options.folds, options.triggers)
        for number, kill in enumerate(plan):
            self._disturb(JOBS.format(number), self.request, kill)
        self._move_the_end(warm.seconds)
        audit = run.audit("undisturbed")
        for killed, jobs, _ in self.in_doubt:
            audit.add_in_doubt(killed, jobs)
        run.judge_instances()
        return self._report(audit, warm)

    def _move_the_end(self, duration):
        """`latest` means what it meant when the job was accepted, whatever is appended and however often it begins."""
        run, options = self.run, self.options
        open_ended = request(run.topics.rows, options.folds, options.epochs, options.seed)
        chance = random.Random(f"training-end/{options.seed}")
        job = self._submit("moving-end", open_ended)
        run.everything.wait(lambda s: is_event(s, job.name, "accepted"), options.patience, "accepted")
        run.topics.put_rows(self.digits.images[:MORE_ROWS], self.digits.labels[:MORE_ROWS])
        time.sleep(chance.uniform(0, duration / 2))
        self._kill_and_wait(job, "time", 0.5)

    def _submit(self, name, document):
        job = Job(name, time.time(), self.run.bundles.digests())
        self.run.topics.submit(name, document)
        return job

    def _disturb(self, name, document, kill):
        job = self._submit(name, document)
        self._wait_for(kill, job)
        time.sleep(kill.delay)
        self._kill_and_wait(job, kill.trigger, kill.away)

    def _wait_for(self, kill, job):
        """Until the trigger; or the job's end, when it came without."""
        run, patience = self.run, self.options.patience

        def wait(predicate):
            run.everything.find(lambda s: predicate(s) or is_event(s, job.name, "completed", "failed"), patience)

        if kill.trigger == "accepted":
            wait(lambda s: is_event(s, job.name, "accepted"))
        elif kill.trigger == "evaluated":
            wait(lambda s: is_event(s, job.name, "evaluated")
                 and len({e.document["fit"] for e in run.everything.events(job.name)
                          if e.document["event"] == "evaluated"}) > kill.fold)
        elif kill.trigger == "bundle":
            run.wait_for_bundle(job, patience)
        elif kill.trigger == "transaction":
            # Whichever of its records is the first to be in the log.
            wait(lambda s: (s.record.key or b"").startswith(b"version/") and s.document
                 and s.document.get("digest") not in job.bundles)

    def _kill_and_wait(self, job, trigger, away):
        run = self.run
        [instance] = run.cluster.instances
        before = [s.document["event"] for s in run.everything.events(job.name)]
        was_over = run.committed.find(lambda s: is_event(s, job.name, "completed", "failed")) is not None
        killed_at = time.time()
        run.cluster.kill(instance, away)
        undecided = [(topic, record) for topic, record in run.topics.undecided()]
        jobs = self._jobs_of(undecided)
        if undecided:
            self.in_doubt.append((job.name, jobs, len(undecided)))
        run.wait_for_end(job, self.options.patience)
        events = run.committed.events(job.name)
        accepted = sum(e.document["event"] == "accepted" for e in events)
        self.rows.append({
            "job": job.name, "trigger": trigger, "after": killed_at - job.submitted, "state": state(before),
            "over": was_over, "in_doubt": len(undecided), "attempts": accepted,
            "recovered": max(0.0, events_end(events) - killed_at), "end": job.end["event"],
            "weights": job.end.get("weights", "")})
        row = self.rows[-1]
        run.say(f"{job.name}: {trigger}, killed after {row['after']:.2f} s ({row['state']}, {row['in_doubt']} records "
                f"in doubt), {row['end']} {row['recovered']:.1f} s later at attempt {row['attempts']}")

    def _jobs_of(self, undecided):
        """The jobs of records behind the last stable offset. Those of the registry are their bundle's."""
        jobs = set()
        for topic, record in undecided:
            document = json.loads(record.value) if record.value else {}
            if topic == self.run.topics.events:
                jobs.add(document["job"])
            elif (record.key or b"").startswith(b"version/"):
                bundle = self.run.bundles.get(document["digest"])
                jobs.add(bundle[0] if bundle else f"of bundle {document['digest']}")
        return jobs

    def _report(self, audit, warm):
        completion = audit.completion("undisturbed") or {}
        lines = [f"{'job':<12}{'killed':<13}{'after s':>8}  {'in state':<12}{'in doubt':>8}{'attempts':>9}"
                 f"{'end after s':>12}  {'end':<11}weights"]
        for row in self.rows:
            lines.append(
                f"{row['job']:<12}{row['trigger']:<13}{row['after']:>8.2f}  {row['state']:<12}{row['in_doubt']:>8}"
                f"{row['attempts']:>9}{row['recovered']:>12.1f}  {row['end']:<11}{row['weights'][:12]}")
        weights = {version.weights for versions in audit.versions.values() for version in versions}
        facts = {
            "jobs": len(audit.jobs), "killed before their end": sum(not row["over"] for row in self.rows),
            "kills with records in doubt": len(self.in_doubt),
            "seconds of a job left alone": round(warm.seconds, 1),
            "versions": sum(map(len, audit.versions.values())), "different weights": len(weights),
            "weights": completion.get("weights", "none"),
            "aborted records": dict(audit.aborted),
            "bundles that no version has": len(self.run.bundles.digests()
                                               - {v.digest for vs in audit.versions.values() for v in vs}),
        }
        return {"scenario": "kill", "lines": lines, "facts": facts, "audit": audit, "jobs": self.rows,
                "problems": self.run.problems, "run": self.run}


def state(events):
    """The last of the events that say how far a job is, and how often it came."""
    steps = [event for event in events if event != "progress"]
    if not steps:
        return "requested"
    count = steps.count(steps[-1])
    return f"{steps[-1]} {count}" if steps[-1] == "evaluated" else steps[-1]


def events_end(events):
    return next(e.time for e in events if e.document["event"] in ("completed", "failed", "cancelled"))
