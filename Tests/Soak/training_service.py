"""Instances that train, and the state of a job as its events tell it."""
import dataclasses
import os
import shutil
import sys
import time

from audit import Record
from cluster import Cluster, Instance
from training_audit import ENDS, Bundles, TrainingAudit
from training_plan import MODEL
from training_topics import Follower, TrainingTopics

POLL_SECONDS = 0.0005


class TrainingRun:
    """A scenario's topics, instances and readers. Use it as a context: it leaves no process behind."""

    def __init__(self, options, scenario, instances, settings=None):
        self.options, self.scenario = options, scenario
        self.name = f"soak-{scenario}-{time.strftime('%m%d-%H%M%S')}-{os.getpid()}"
        self.folder = options.runs / self.name
        self.folder.mkdir(parents=True)
        self.store = self.folder / "models"
        self.bundles = Bundles(self.store)
        self.topics = TrainingTopics(options.bootstrap, self.name, options.partitions, options.replication)
        self.cluster = Cluster([
            Instance(name, options.millrace, self.folder, self._settings(name, settings or {}))
            for name in (f"instance-{n + 1}" for n in range(instances))])
        self.problems = []
        self.group, self.task_group = f"{self.name}-training", f"{self.name}-training-tasks"
        self.committed = self.everything = None

    def _settings(self, instance, more):
        topics = self.topics
        values = {
            "application-id": self.name,
            # The broker tells the client's id of the owner of each partition.
            "kafka": {"bootstrap-servers": self.options.bootstrap.split(","), "client-id": instance},
            "topics": {"requests": [topics.requests], "results": topics.results, "models": topics.models},
            "models": {"store": str(self.store)},
            "gateway": {"enabled": False},
            "pipeline": {"threads": 1},
            "recovery": {"directory": str(self.folder / instance / "state")},
            # Not shared: another instance has to begin a fit anew, and to come to the same bits.
            "training": {"enabled": True, "requests": topics.jobs, "events": topics.events, "tasks": topics.tasks,
                         "checkpoints": str(self.folder / instance / "training")},
        }
        for section, members in more.items():
            values[section] = {**values[section], **members} if isinstance(members, dict) else members
        for setting in self.options.set:
            path, _, value = setting.partition("=")
            *parents, last = path.split(".")
            section = values
            for parent in parents:
                section = section.setdefault(parent, {})
            section[last] = value
        return values

    def __enter__(self):
        self.say(f"run {self.name}, seed {self.options.seed}, logs in {self.folder}")
        self.topics.create()
        names = [self.topics.events, self.topics.models, self.topics.tasks]
        self.committed = Follower(self.topics, names, "read_committed")
        self.everything = Follower(self.topics, names, "read_uncommitted")
        for follower in (self.committed, self.everything):
            follower.start()
        return self

    def __exit__(self, *_):
        self.cluster.abandon()
        for follower in (self.committed, self.everything):
            follower.stop()

    def say(self, message):
        print(f"{time.strftime('%H:%M:%S')} {message}", file=sys.stderr, flush=True)

    def clean_up(self):
        self.topics.delete()
        shutil.rmtree(self.folder)

    # Jobs

    def train(self, job, request, patience):
        """Submits a job and waits for its end. Returns its `Job`."""
        started = Job(job, time.time(), set(self.bundles.digests()))
        self.topics.submit(job, request)
        return self.wait_for_end(started, patience)

    def wait_for_end(self, job, patience):
        """Until a `read_committed` reader sees the job's last event."""
        seen = self.committed.wait(
            lambda s: is_event(s, job.name, *ENDS), patience, f"{job.name}: the last event")
        job.end, job.seconds = seen.document, seen.time - job.submitted
        return job

    def wait_for_bundle(self, job, seconds):
        """When the store had a bundle that it had not before the job; None if the job's end or the time comes first.

        It looks often: the transaction follows within milliseconds.
        """
        deadline = time.monotonic() + seconds
        checked = time.monotonic()
        while (now := time.monotonic()) < deadline:
            if self.bundles.digests() - job.bundles:
                return time.time()
            if now - checked > 0.5:
                checked = now
                if self.everything.find(lambda s: is_event(s, job.name, *ENDS)):
                    return None
            time.sleep(POLL_SECONDS)
        return None

    # The end

    def audit(self, reference=None, failing=()):
        """Waits for the offsets, stops the instances, reads everything back.

        `failing`: the jobs that have to fail.
        """
        topics = self.topics
        ends = topics.ends(topics.jobs)
        deadline = time.monotonic() + 20
        while (committed := topics.committed(self.group, topics.jobs)) != ends and time.monotonic() < deadline:
            time.sleep(0.2)
        self.cluster.stop()
        self.say("reading everything back")
        audit = TrainingAudit(self.bundles, MODEL, failing)
        requests = sorted(self._records(topics.jobs), key=lambda record: (record.timestamp, record.offset))
        for record in requests:
            audit.add_request(record, topics.jobs)
        for topic, add in ((topics.events, audit.add_events), (topics.models, audit.add_registry)):
            visible = {(record.partition, record.offset) for record in self._records(topic)}
            add(self._records(topic, "read_uncommitted"), visible)
            if topics.ends(topic, committed=True) != topics.ends(topic):
                audit.found("in_doubt", f"{topic}: a transaction was left open")
        audit.add_offsets(committed, ends)
        return audit

    def _records(self, topic, isolation="read_committed"):
        return [Record.of(message) for message in self.topics.read(topic, isolation)]

    def judge_instances(self):
        """Ends that nobody asked for are a failure here: nothing gives an instance a reason."""
        for ended in self.cluster.unasked_exits + self.cluster.bad_stops:
            self.problems.append(f"{ended.instance} ended with {ended.code}: {' | '.join(ended.last_lines[-3:])[:400]}")


@dataclasses.dataclass
class Job:
    name: str
    submitted: float
    bundles: set
    """Digests that the store had before."""
    end: dict = None
    """The last event."""
    seconds: float = 0


def is_event(seen, job, *events):
    document = seen.document
    return bool(document) and document.get("job") == job and document.get("event") in events
