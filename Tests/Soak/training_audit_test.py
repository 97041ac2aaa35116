"""The auditor must find what it is there for: one fault of each kind, put into an otherwise perfect run."""
import hashlib
import json
import pathlib
import tempfile
import unittest

from audit import Record
from training_audit import JOB_HEADER, Bundles, TrainingAudit

MODEL = "m"
TOPIC = "t.requests"
JOBS = 4
FOLDS = 2
WEIGHTS = hashlib.sha256(b"weights").hexdigest()
DATASET = "d" * 64


def digest(number):
    return hashlib.sha256(str(number).encode()).hexdigest()


def name(job):
    return f"job-{job}"


class PerfectRun:
    """What a faultless service would leave: one partition of requests and of events, and a registry."""

    def __init__(self, store):
        self.store = pathlib.Path(store)
        self.requests, self.events, self.registry = [], [], []
        self.aborted_events, self.aborted_registry = set(), set()
        for job in range(JOBS):
            self.request(name(job))
            self.event(name(job), "accepted", attempt=1)
            for fold in range(FOLDS):
                self.event(name(job), "progress", fit=f"t0-f{fold}")
                self.event(name(job), "evaluated", fit=f"t0-f{fold}")
            self.complete(name(job), job + 1)
        self.offsets = {0: JOBS}

    @staticmethod
    def append(records, key, document, headers=None):
        value = json.dumps(document).encode() if document is not None else None
        # Control records have offsets too.
        offset = records[-1].offset + (2 if len(records) % 3 == 0 else 1) if records else 0
        records.append(Record(0, offset, 1000, key.encode(), value, headers or {}))
        return offset

    def request(self, job, promotes=True, **members):
        document = {"model": MODEL, **({"promotion": {"alias": "champion"}} if promotes else {}), **members}
        self.append(self.requests, MODEL, document, {JOB_HEADER: job.encode()})

    def event(self, job, event, **members):
        return self.append(self.events, job, {"job": job, "model": MODEL, "event": event, **members})

    def completed(self, job, number, **members):
        said = {"version": number, "bundle": digest(number), "weights": WEIGHTS, "dataset": DATASET,
                "metrics": {"accuracy": 0.98}, "folds": {"accuracy": {"values": [0.97, 0.99]}}, **members}
        return self.event(job, "completed", **said)

    def version(self, number, **members):
        document = {"model": MODEL, "version": number, "digest": digest(number), "weightsSHA256": WEIGHTS, **members}
        return self.append(self.registry, f"version/{MODEL}/{number}", document)

    def alias(self, number, previous):
        document = {"model": MODEL, "alias": "champion", "version": number}
        return self.append(self.registry, f"alias/{MODEL}/champion",
                           document if previous is None else {**document, "previous": previous})

    def bundle(self, job, number, weights=b"weights"):
        folder = self.store / "bundles" / digest(number)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "manifest.json").write_text(json.dumps({"training": {"job": job}}), encoding="utf-8")
        (folder / "weights.safetensors").write_bytes(weights)

    def complete(self, job, number):
        self.bundle(job, number)
        self.version(number)
        self.alias(number, number - 1 or None)
        self.append(self.registry, f"instance/i/{MODEL}/{number}", {"model": MODEL, "version": number})
        self.completed(job, number)

    def remove(self, records, predicate):
        """Removes the last record of which the predicate is true of its document."""
        index = max(i for i, r in enumerate(records) if predicate(json.loads(r.value)))
        return records.pop(index)

    def change(self, records, predicate, **members):
        index = max(i for i, r in enumerate(records) if predicate(json.loads(r.value)))
        record = records[index]
        records[index] = record._replace(value=json.dumps({**json.loads(record.value), **members}).encode())

    def audit(self, in_doubt=(), failing=()):
        audit = TrainingAudit(Bundles(self.store), MODEL, failing)
        for record in self.requests:
            audit.add_request(record, TOPIC)
        for add, records, aborted in ((audit.add_events, self.events, self.aborted_events),
                                      (audit.add_registry, self.registry, self.aborted_registry)):
            add(records, {(r.partition, r.offset) for r in records if r.offset not in aborted})
        for killed, jobs in in_doubt:
            audit.add_in_doubt(killed, jobs)
        audit.add_offsets(self.offsets, {0: len(self.requests)})
        audit.finish()
        return audit


def is_end(job):
    return lambda document: document.get("job") == job and document["event"] == "completed"


class TrainingAuditTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.run_ = PerfectRun(folder.name)

    def counts(self, **arguments):
        audit = self.run_.audit(**arguments)
        self.assertEqual(audit.is_clean, not any(audit.counts.values()))
        return {kind: count for kind, count in audit.counts.items() if count}

    def test_a_perfect_run_is_clean(self):
        self.assertEqual(self.counts(), {})
        audit = self.run_.audit()
        self.assertEqual(len(audit.versions), JOBS)
        self.assertEqual(audit.attempts("job-1"), 1)

    def test_nothing_is_no_perfect_run(self):
        audit = TrainingAudit(Bundles("nowhere"), MODEL)
        audit.finish()
        self.assertEqual(audit.counts["no_end"], 1)

    def test_missing_end_event(self):
        self.run_.remove(self.run_.events, is_end("job-2"))
        self.assertEqual(self.counts(), {"no_end": 1, "version_without_completed": 1})

    def test_two_end_events(self):
        self.run_.completed("job-2", 3)
        self.assertEqual(self.counts(), {"duplicate_end": 1})

    def test_two_different_end_events(self):
        self.run_.event("job-2", "failed", code="INTERNAL", message="x")
        self.assertEqual(self.counts(), {"duplicate_end": 1, "wrong_end": 1})

    def test_a_failure_where_none_belongs(self):
        self.run_.request("job-4")
        self.run_.offsets = {0: JOBS + 1}
        self.run_.event("job-4", "failed", code="DIVERGED", message="x")
        self.assertEqual(self.counts(), {"wrong_end": 1})
        self.assertEqual(self.counts(failing=["job-4"]), {})

    def test_a_job_that_fails_as_it_should_not_complete(self):
        self.assertEqual(self.counts(failing=["job-0"]), {"wrong_end": 1})

    def test_an_event_after_the_end(self):
        self.run_.event("job-2", "accepted", attempt=2)
        self.assertEqual(self.counts(), {"after_end": 1})

    def test_two_versions_of_a_job(self):
        self.run_.bundle("job-3", JOBS + 1)
        self.run_.version(JOBS + 1)
        self.assertEqual(self.counts(), {"duplicate_version": 1})

    def test_a_number_twice(self):
        self.run_.version(JOBS)
        self.assertEqual(self.counts(), {"duplicate_version": 2})

    def test_completed_without_version(self):
        self.run_.remove(self.run_.registry, lambda d: "digest" in d and d["version"] == JOBS)
        self.run_.remove(self.run_.registry, lambda d: "alias" in d)
        self.assertEqual(self.counts(), {"completed_without_version": 1})

    def test_version_without_completed(self):
        self.run_.request("job-4")
        self.run_.offsets = {0: JOBS + 1}
        self.run_.bundle("job-4", JOBS + 1)
        self.run_.version(JOBS + 1)
        self.run_.alias(JOBS + 1, JOBS)
        self.assertEqual(self.counts(), {"no_end": 1, "version_without_completed": 1})

    def test_differing_weights(self):
        self.run_.bundle("job-3", JOBS, b"other weights")
        other = hashlib.sha256(b"other weights").hexdigest()
        self.run_.change(self.run_.registry, lambda d: d.get("digest") == digest(JOBS), weightsSHA256=other)
        self.run_.change(self.run_.events, is_end("job-3"), weights=other)
        self.assertEqual(self.counts(), {"differing_weights": 1})

    def test_differing_rows(self):
        self.run_.change(self.run_.events, is_end("job-3"), dataset="e" * 64)
        self.assertEqual(self.counts(), {"differing_weights": 1})

    def test_differing_folds(self):
        self.run_.change(self.run_.events, is_end("job-3"), folds={"accuracy": {"values": [0.97, 0.9900000001]}})
        self.assertEqual(self.counts(), {"differing_metrics": 1})

    def test_weights_in_the_store_that_are_not_the_registrys(self):
        self.run_.bundle("job-3", JOBS, b"other weights")
        self.assertEqual(self.counts(), {"disagreeing": 1})

    def test_completed_names_another_version(self):
        self.run_.change(self.run_.events, is_end("job-3"), version=1)
        self.assertEqual(self.counts(), {"disagreeing": 1})

    def test_a_version_without_its_bundle(self):
        (self.run_.store / "bundles" / digest(JOBS) / "manifest.json").unlink()
        self.run_.remove(self.run_.registry, lambda d: "alias" in d)
        self.assertEqual(self.counts(), {"disagreeing": 1, "completed_without_version": 1})

    def test_an_event_under_another_key(self):
        self.run_.events[1] = self.run_.events[1]._replace(key=b"x")
        self.assertEqual(self.counts(), {"disagreeing": 1})

    def test_events_and_versions_of_jobs_that_nobody_asked_for(self):
        self.run_.event("job-9", "accepted", attempt=1)
        self.run_.bundle("job-9", JOBS + 1)
        self.run_.version(JOBS + 1)
        self.assertEqual(self.counts(), {"stray": 2})

    def test_records_of_aborted_transactions_do_not_count(self):
        run = self.run_
        run.aborted_events.add(run.completed("job-2", JOBS + 1))
        run.bundle("job-2", JOBS + 1)
        run.aborted_registry |= {run.version(JOBS + 1), run.alias(JOBS + 1, JOBS)}
        self.assertEqual(self.counts(), {})
        self.assertEqual(run.audit().aborted, {"events": 1, "registry": 2})

    def test_an_aborted_end_is_no_end(self):
        run = self.run_
        run.aborted_events.add(run.events[-1].offset)
        self.assertEqual(self.counts(), {"no_end": 1, "version_without_completed": 1})

    def test_an_aborted_version_is_no_version(self):
        run = self.run_
        run.aborted_registry |= {r.offset for r in run.registry[-3:]}
        self.assertEqual(self.counts(), {"completed_without_version": 1})

    def test_aliases(self):
        run = self.run_
        run.alias(1, JOBS)
        self.assertEqual(self.counts(), {"wrong_alias": 1})

    def test_an_alias_that_did_not_come(self):
        self.run_.remove(self.run_.registry, lambda d: d.get("alias") and d["version"] == 2)
        self.assertEqual(self.counts(), {"wrong_alias": 1})

    def test_an_alias_with_another_predecessor(self):
        self.run_.change(self.run_.registry, lambda d: "alias" in d, previous=1)
        self.assertEqual(self.counts(), {"wrong_alias": 1})

    def test_an_alias_behind_the_next_version(self):
        run = self.run_
        alias = run.remove(run.registry, lambda d: "alias" in d and d["version"] == JOBS - 1)
        place = next(i for i, r in enumerate(run.registry) if json.loads(r.value).get("digest") == digest(JOBS))
        run.registry.insert(place + 1, alias._replace(offset=run.registry[place].offset))
        run.registry[place] = run.registry[place]._replace(offset=run.registry[place].offset - 1)
        self.assertEqual(self.counts(), {"wrong_alias": 1})

    def test_no_alias_without_a_promotion(self):
        run = self.run_
        run.request("job-4", promotes=False)
        run.offsets = {0: JOBS + 1}
        run.bundle("job-4", JOBS + 1)
        run.version(JOBS + 1)
        run.completed("job-4", JOBS + 1)
        self.assertEqual(self.counts(), {})
        run.alias(JOBS + 1, JOBS)
        self.assertEqual(self.counts(), {"wrong_alias": 1})

    def test_offsets_behind(self):
        self.run_.offsets = {0: JOBS - 1}
        self.assertEqual(self.counts(), {"offset_behind": 1})
        self.run_.offsets = {}
        self.assertEqual(self.counts(), {"offset_behind": 1})

    def test_in_doubt_is_only_the_job_that_was_killed(self):
        self.assertEqual(self.counts(in_doubt=[("job-1", {"job-1"})]), {})
        self.assertEqual(self.counts(in_doubt=[("job-1", {"job-0", "job-1"})]), {"in_doubt": 1})

    def test_a_request_twice_is_refused(self):
        self.run_.request("job-0")
        with self.assertRaises(ValueError):
            self.run_.audit()

    def test_a_retired_version_is_no_second_one(self):
        self.run_.version(1, retired=True, createdOffset=0)
        self.assertEqual(self.counts(), {})


if __name__ == "__main__":
    unittest.main()
