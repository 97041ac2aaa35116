"""Stratified folds of the digits network, from a topic."""
from training_plan import request
from training_service import TrainingRun


def add_arguments(add):
    add("--folds", type=int, default=5)
    add("--epochs", type=int, default=25)
    add("--required", type=float, default=0.98, help="mean accuracy over the folds")
    add("--patience", type=float, default=240, help="seconds that the job may take")


def run(options, digits):
    with TrainingRun(options, "training-accuracy", 1) as run:
        ends = run.topics.put_rows(digits.images, digits.labels)
        run.cluster.start(1)
        job = run.train("accuracy", request(run.topics.rows, options.folds, options.epochs, options.seed, ends),
                        options.patience)
        audit = run.audit()
        run.judge_instances()
        accuracy = job.end.get("folds", {}).get("accuracy", {})
        values, mean = accuracy.get("values", []), accuracy.get("mean", 0.0)
        if len(values) != options.folds:
            run.problems.append(f"{len(values)} folds, expected {options.folds}")
        if mean < options.required:
            run.problems.append(f"accuracy {mean:.4f}, required {options.required}")
        lines = ["".join(f"{name:>10}" for name in [*(f"fold {n}" for n in range(len(values))), "mean", "deviation"]),
                 "".join(f"{value:>10.4f}" for value in [*values, mean, accuracy.get("standard_deviation", 0.0)])]
        facts = {"rows": len(digits.images), "seconds": round(job.seconds, 1),
                 "weights": job.end.get("weights", "none")}
        return {"scenario": "accuracy", "lines": lines, "facts": facts, "audit": audit, "jobs": [],
                "problems": run.problems, "run": run}
