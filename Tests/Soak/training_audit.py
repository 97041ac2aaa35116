"""Every training job against its events, its version, its bundle and its offset. Knows records, not brokers."""
import collections
import hashlib
import json
import os
import pathlib
import re
import typing

JOB_HEADER = "millrace-job"
ENDS = ("completed", "failed", "cancelled")
MAXIMUM_EXAMPLES = 10
DIGEST = re.compile("[0-9a-f]{64}")


class Version(typing.NamedTuple):
    """A `version/<model>/<number>` record that says that the version was created."""
    model: str
    number: int
    digest: str
    weights: str
    offset: int


class Bundles:
    """Who a bundle of the artifact store was made by, and the SHA-256 of its weights as they are on the disk."""

    def __init__(self, store):
        self.folder = pathlib.Path(store) / "bundles"

    def digests(self):
        """Of whole bundles; one that is being written has another name."""
        try:
            return {name for name in os.listdir(self.folder) if DIGEST.fullmatch(name)}
        except FileNotFoundError:
            return set()

    def get(self, digest):
        """(job, weights) or None when there is no such bundle."""
        folder = self.folder / digest
        try:
            manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
            weights = hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
        except FileNotFoundError:
            return None
        return manifest.get("training", {}).get("job"), weights


class TrainingAudit:
    """Feed it the topics with `add_…`, then `finish`.

    Of events and registry it takes what a `read_uncommitted` reader gets and the positions that a `read_committed` one
    gets: the rest are records of aborted transactions, which count for nothing.
    """

    KINDS = ("no_end", "duplicate_end", "wrong_end", "after_end", "duplicate_version", "version_without_completed",
             "completed_without_version", "disagreeing", "differing_weights", "differing_metrics", "wrong_alias",
             "stray", "in_doubt", "offset_behind")

    def __init__(self, bundles, model, failing=()):
        self.bundles, self.model, self.failing = bundles, model, frozenset(failing)
        self.counts = collections.Counter({kind: 0 for kind in self.KINDS})
        self.examples = []
        self.jobs = []
        """In the order of their requests."""
        self.events = collections.defaultdict(list)
        """For each job its committed events, in order."""
        self.versions = collections.defaultdict(list)
        """For each job its versions."""
        self.aliases = []
        """(offset, document) of the model's champion."""
        self.aborted = collections.Counter()
        self.promotes = {}
        self._ends = {}

    @property
    def is_clean(self):
        return not any(self.counts.values())

    def found(self, kind, text):
        self.counts[kind] += 1
        if sum(example["kind"] == kind for example in self.examples) < MAXIMUM_EXAMPLES:
            self.examples.append({"kind": kind, "what": text})

    # What the topics have

    def add_request(self, record, topic):
        """A request, not a cancellation."""
        document = json.loads(record.value)
        if "cancel" in document:
            return
        name = record.headers.get(JOB_HEADER, b"").decode() or f"{topic}/{record.partition}/{record.offset}"
        if name in self._ends:
            raise ValueError(f"the log holds the request of job {name} twice")
        self._ends[name] = (record.partition, record.offset)
        self.jobs.append(name)
        self.promotes[name] = "promotion" in document

    def add_events(self, uncommitted, committed):
        """All records of the event topic, in the order of each partition; the positions that are committed."""
        for record in self._visible("events", uncommitted, committed):
            document = json.loads(record.value)
            job = document["job"]
            place = f"event {record.partition}/{record.offset} ({document['event']})"
            if job not in self._ends:
                self.found("stray", f"{place}: no request of job {job}")
                continue
            if record.key != job.encode():
                self.found("disagreeing", f"{place}: key {record.key} of job {job}")
            self.events[job].append((record, document))

    def add_registry(self, uncommitted, committed):
        """All records of the registry, likewise."""
        for record in self._visible("registry", uncommitted, committed):
            kind, _, rest = (record.key or b"").decode().partition("/")
            if kind not in ("version", "alias") or record.value is None:
                continue
            model, _, name = rest.rpartition("/")
            document = json.loads(record.value)
            if model != self.model:
                continue
            if kind == "alias":
                if name == "champion":
                    self.aliases.append((record.offset, document))
            elif "digest" in document and not document.get("retired"):
                self._add_version(Version(
                    model, int(name), document["digest"], document["weightsSHA256"], record.offset))

    def _visible(self, name, uncommitted, committed):
        for record in uncommitted:
            if (record.partition, record.offset) in committed:
                yield record
            else:
                self.aborted[name] += 1

    def _add_version(self, version):
        what = f"{version.model}@{version.number} (registry offset {version.offset})"
        bundle = self.bundles.get(version.digest)
        if bundle is None:
            self.found("disagreeing", f"{what}: no bundle {version.digest} in the store")
            return
        job, weights = bundle
        if job not in self._ends:
            self.found("stray", f"{what}: of job {job}, which nobody asked for")
            return
        if weights != version.weights:
            self.found("disagreeing", f"{what}: weights {weights} in the store, {version.weights} in the registry")
        for other in (other for versions in self.versions.values() for other in versions):
            if other.number == version.number:
                self.found("duplicate_version", f"{what}: created at registry offset {other.offset} already")
        self.versions[job].append(version)

    def add_in_doubt(self, killed_job, jobs):
        """What a kill left undecided: the jobs that records between the last stable offset and the end belong to."""
        for job in sorted(jobs - {killed_job}):
            self.found("in_doubt", f"killed during job {killed_job}: records of job {job} were undecided")

    def add_offsets(self, committed, ends):
        """The group's offsets on the request topic and the ends of the partitions."""
        for partition, end in sorted(ends.items()):
            if committed.get(partition, 0) != end:
                self.found("offset_behind", f"partition {partition}: {committed.get(partition, 0)} of {end}")

    # Judgement

    def finish(self, reference=None):
        """Judges every job; the weights and metrics of `reference`, the first job by default, are those of all."""
        reference = reference or (self.jobs[0] if self.jobs else None)
        if reference is None:
            self.found("no_end", "there was no job")
            return
        for job in self.jobs:
            self._judge(job)
        expected = self.completion(reference)
        for job in self.jobs:
            completion = self.completion(job)
            if completion is None or expected is None:
                continue
            for member in ("weights", "dataset"):
                if completion.get(member) != expected.get(member):
                    self.found("differing_weights", f"job {job}: {member} {completion.get(member)}, "
                                                    f"those of {reference}: {expected.get(member)}")
            for member in ("metrics", "folds"):
                if completion.get(member) != expected.get(member):
                    self.found("differing_metrics", f"job {job}: {member} are not those of {reference}")
        self._judge_aliases()

    def completion(self, job):
        """The job's `completed` event, or None."""
        return next((document for _, document in self.events[job] if document["event"] == "completed"), None)

    def attempts(self, job):
        return sum(document["event"] == "accepted" for _, document in self.events[job])

    def _judge(self, job):
        events = self.events[job]
        places = [index for index, (_, document) in enumerate(events) if document["event"] in ENDS]
        ends = [events[index][1] for index in places]
        if not ends:
            self.found("no_end", f"job {job}: {len(events)} events, none is a last one")
        elif len(ends) > 1:
            self.found("duplicate_end", f"job {job}: {', '.join(end['event'] for end in ends)}")
        if places:
            for record, document in events[places[0] + 1:]:
                if document["event"] not in ENDS:
                    self.found("after_end", f"job {job}: {document['event']} {document.get('fit', '')} at "
                                            f"{record.partition}/{record.offset}, after its end")
        for end in ends:
            if end["event"] != ("failed" if job in self.failing else "completed"):
                self.found("wrong_end", f"job {job}: {end['event']} {end.get('code', '')} {end.get('message', '')}")
        self._judge_version(job, [end for end in ends if end["event"] == "completed"])

    def _judge_version(self, job, completions):
        versions = self.versions[job]
        if len(versions) > 1:
            self.found("duplicate_version", f"job {job}: versions {', '.join(str(v.number) for v in versions)}")
        if versions and not completions:
            self.found("version_without_completed", f"job {job}: version {versions[0].number}")
        if completions and not versions:
            self.found("completed_without_version", f"job {job}: says version {completions[0].get('version')}")
        for completion in completions:
            for version in versions[:1]:
                said = (completion["version"], completion["bundle"], completion["weights"])
                if said != (version.number, version.digest, version.weights):
                    self.found("disagreeing", f"job {job}: completed says {said}, the registry {version}")

    def _judge_aliases(self):
        """Each promoted version becomes the champion once, in its own transaction, in the order of the versions."""
        promoted = sorted((v.number, v.offset) for job, versions in self.versions.items() if self.promotes.get(job)
                          for v in versions[:1])
        found = [document["version"] for _, document in self.aliases]
        if found != [number for number, _ in promoted]:
            self.found("wrong_alias", f"the champion was {found}, expected {[number for number, _ in promoted]}")
            return
        created = sorted(version.offset for versions in self.versions.values() for version in versions)
        previous = None
        for (offset, document), (number, version_offset) in zip(self.aliases, promoted):
            if document.get("previous") != previous:
                self.found("wrong_alias", f"champion {number}: previous {document.get('previous')}, "
                                          f"expected {previous}")
            # One writer at a time: no other version comes between the two records of a transaction.
            before = [other for other in created if other < offset]
            if not before or before[-1] != version_offset:
                self.found("wrong_alias", f"champion {number}: at offset {offset}, its version at {version_offset}")
            previous = number
