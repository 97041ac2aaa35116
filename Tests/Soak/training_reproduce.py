"""A version that a service trained, trained again by `millrace models reproduce`; refused when the rows are others."""
import json
import subprocess
import time

from training_plan import MODEL, request, row
from training_service import TrainingRun

SAME, DIFFERENT, GONE = 0, 1, 5
COMMAND_SECONDS = 300
PARTITION = 0
DELETED = 100
DELETED_JOB = "deleted"


def add_arguments(add):
    add("--folds", type=int, default=2)
    add("--epochs", type=int, default=15)
    add("--patience", type=float, default=240, help="seconds that the job may take")


def run(options, digits):
    with TrainingRun(options, "training-reproduce", 1) as run:
        return Reproducing(run, options, digits).execute()


class Reproducing:
    def __init__(self, run, options, digits):
        self.run, self.options, self.digits = run, options, digits
        self.rows = []

    def execute(self):
        run, options, digits = self.run, self.options, self.digits
        ends = run.topics.put_rows(digits.images, digits.labels)
        document = request(run.topics.rows, options.folds, options.epochs, options.seed, ends)
        run.cluster.start(1)
        job = run.train("reproduce", document, options.patience)
        self.recorded = job.end
        if job.end["event"] == "completed":
            self._reproduce(ends, document)
        audit = run.audit(failing=[DELETED_JOB])
        run.judge_instances()
        return self._report(audit)

    def _reproduce(self, ends, document):
        run, digits = self.run, self.digits
        weights, rows = self.recorded["weights"], self.recorded["dataset"]
        self._check("the same rows", SAME, [], lambda found: found["equal"] and found["weights"]["made"] == weights)
        archive = run.folder / "rows.jsonl"
        self._archive(archive, digits.images)
        self._check("an archive of the rows", SAME, ["--dataset", str(archive)],
                    lambda found: found["equal"] and found["weights"]["made"] == weights)
        changed = [list(image) for image in digits.images]
        changed[len(changed) // 2][0] += 1
        self._archive(archive, changed)

        def is_refused(found):
            return not found["equal"] and found["weights"]["made"] is None and found["dataset"]["recorded"] == rows \
                and found["dataset"]["found"] != rows

        self._check("an archive with one pixel changed", DIFFERENT, ["--dataset", str(archive)], is_refused)
        run.topics.delete_rows(PARTITION, DELETED)
        self._check(f"offsets before {DELETED} of a partition deleted", GONE, [],
                    text=[f"{run.topics.rows}/{PARTITION}", str(DELETED)])
        self._check_refusal({**document, "dataset": {
            **document["dataset"], "from": {"offsets": {str(PARTITION): 0}}}})
        run.topics.replace_rows(changed, digits.labels)
        self._check("the topic made anew, one pixel changed", DIFFERENT, [], is_refused)
        run.topics.replace_rows(digits.images[:-1], digits.labels[:-1])
        self._check("the topic made anew, the last row missing", GONE, [], text=[run.topics.rows])
        run.topics.replace_rows(digits.images, digits.labels)
        self._check("the topic made anew with the same rows", SAME, [],
                    lambda found: found["equal"] and found["weights"]["made"] == weights)

    def _archive(self, path, images):
        """In the order of training: partition by partition."""
        count = self.options.partitions
        order = [n for partition in range(count) for n in range(partition, len(images), count)]
        path.write_text("".join(f"{row(images[n], self.digits.labels[n])}\n" for n in order), encoding="utf-8")

    def _check(self, what, expected, arguments, is_right=None, text=()):
        """Runs the command: its exit code, its document, or what its message must name."""
        run = self.run
        started = time.time()
        [instance] = run.cluster.instances
        done = subprocess.run(
            [self.options.millrace, "models", "reproduce", MODEL, "1", "--config", instance.configuration, "--output",
             "json", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=COMMAND_SECONDS)
        said = done.stderr.strip().splitlines()[-1:] or [""]
        problem = None
        if done.returncode != expected:
            problem = f"exit code {done.returncode}, expected {expected}: {said[0] or done.stdout.strip()}"
        elif is_right and not is_right(json.loads(done.stdout)):
            problem = f"found {done.stdout.strip()}"
        elif missing := [part for part in text if part not in done.stderr]:
            problem = f"the message does not name {missing}: {done.stderr.strip()}"
        if problem:
            run.problems.append(f"{what}: {problem}")
        if is_right and done.returncode in (SAME, DIFFERENT):
            found = json.loads(done.stdout)
            said = [f"weights {(found['weights']['made'] or 'not made')[:12]}, rows {found['dataset']['found'][:12]}"]
        self._note(what, done.returncode, expected, time.time() - started, said[0])

    def _check_refusal(self, document):
        """A new job for rows that are deleted fails, and says so."""
        run = self.run
        job = run.train(DELETED_JOB, document, self.options.patience)
        if (job.end["event"], job.end.get("code")) != ("failed", "DATA_UNAVAILABLE") or \
                run.topics.rows not in job.end["message"] or str(DELETED) not in job.end["message"]:
            run.problems.append(f"a job for deleted rows: {job.end}")
        self._note("a job for deleted rows", job.end["event"], "failed", job.seconds, job.end.get("message", ""))

    def _note(self, what, found, expected, seconds, said):
        self.rows.append({"what": what, "found": found, "expected": expected, "seconds": seconds, "said": said})
        self.run.say(f"{what}: {found}, expected {expected}; {said}")

    def _report(self, audit):
        lines = [f"{'rows':<46}{'found':>7}{'expected':>10}{'seconds':>9}  what was said"]
        for entry in self.rows:
            lines.append(f"{entry['what']:<46}{entry['found']:>7}{entry['expected']:>10}{entry['seconds']:>9.1f}  "
                         f"{entry['said'][:300]}")
        facts = {"weights of the version": self.recorded.get("weights", "none"),
                 "digest of the rows": self.recorded.get("dataset", "none")}
        return {"scenario": "reproduce", "lines": lines, "facts": facts, "audit": audit, "jobs": self.rows,
                "problems": self.run.problems, "run": self.run}
