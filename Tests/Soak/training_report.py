"""What a scenario found, as text and as data."""
import json


def rules(report):
    """What was violated, one line each."""
    audit = report.get("audit")
    found = list(report["problems"])
    if audit:
        found += [f"{kind.replace('_', ' ')}: {count}" for kind, count in audit.counts.items() if count]
    return found


def text(report):
    """The scenario's own table, its facts, the audit's counts, and what was violated."""
    lines = [f"{report['scenario']}: run {report['run'].name}, seed {report['run'].options.seed}", ""]
    lines += [f"  {line}" for line in report["lines"]]
    lines += [""] if report["lines"] else []
    for name, value in report["facts"].items():
        lines.append(f"  {name:<34}{value if isinstance(value, (str, int, float)) else json.dumps(value)}")
    audit = report.get("audit")
    if audit:
        for kind, count in audit.counts.items():
            lines.append(f"  {kind.replace('_', ' '):<34}{count}")
        for example in audit.examples:
            lines.append(f"  {example['kind'].replace('_', ' ')}: {example['what'][:400]}")
    for problem in report["problems"]:
        lines.append(f"  problem: {problem}")
    lines += ["", "FAILED" if rules(report) else "PASSED", ""]
    return "\n".join(lines)


def document(report):
    """For `--output json` and the run's `report.json`."""
    audit = report.get("audit")
    return {
        "scenario": report["scenario"], "run": report["run"].name, "seed": report["run"].options.seed,
        "passed": not rules(report), "facts": report["facts"], "jobs": report.get("jobs", []),
        "audit": {"counts": dict(audit.counts), "examples": audit.examples} if audit else None,
        "problems": report["problems"],
    }
