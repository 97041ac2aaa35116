#!/usr/bin/env python3
"""Proves on real brokers that training is exactly once, reproducible and beside inference.

Each scenario makes its own topics, prints a table, and ends with 0 when no rule was violated, 1 when one was, and 2
when it could not be run.
"""
import argparse
import json
import pathlib
import random
import sys
import traceback

import training_accuracy
import training_folds
import training_kill
import training_latency
import training_report
import training_reproduce
from digits import TrainingDigits

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCENARIOS = {
    "kill": training_kill, "folds": training_folds, "reproduce": training_reproduce, "accuracy": training_accuracy,
    "latency": training_latency,
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parsers = parser.add_subparsers(dest="scenario", required=True, metavar="scenario")
    for name, scenario in [*SCENARIOS.items(), ("all", None)]:
        what = scenario.__doc__ if scenario else "All of them with their defaults, one after the other."
        one = parsers.add_parser(
            name, help=what, description=what, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        add = one.add_argument
        add("--bootstrap", required=True, help="brokers, host:port separated by commas; real ones")
        add("--millrace", default=str(ROOT / ".build/release/millrace"), help="the binary")
        add("--partitions", type=int, default=6, help="of all topics but the registry")
        add("--replication", type=int, default=1)
        add("--seed", type=int, default=None, help="default: a random one, printed")
        add("--set", action="append", default=[], metavar="KEY=VALUE", help="a configuration key of the instances")
        add("--runs", type=pathlib.Path, default=ROOT / ".build-soak", help="where the run's folder goes")
        add("--keep", action="store_true", help="keep logs and topics of a run that passed")
        add("--output", choices=["table", "json"], default="table")
        if scenario:
            scenario.add_arguments(add)
    return parsers, parser.parse_args()


def run(name, options, digits):
    """0, 1 or 2."""
    try:
        report = SCENARIOS[name].run(options, digits)
    except (Exception, KeyboardInterrupt) as error:
        traceback.print_exc()
        print(f"{name} could not be run: {error!r}; logs are in {options.runs}", file=sys.stderr)
        return 2
    document = training_report.document(report)
    (report["run"].folder / "report.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
    print(json.dumps(document, indent=1) if options.output == "json" else training_report.text(report), flush=True)
    if not document["passed"]:
        report["run"].say(f"logs are in {report['run'].folder}, topics {report['run'].name}.*")
        return 1
    if not options.keep:
        report["run"].clean_up()
    return 0


def main():
    parsers, options = arguments()
    if options.seed is None:
        options.seed = random.randrange(1 << 31)
    digits = TrainingDigits(ROOT / "Sources/MillraceCommand/Resources/digits")
    if options.scenario != "all":
        return run(options.scenario, options, digits)
    codes = []
    for name in SCENARIOS:
        defaults = vars(parsers.choices[name].parse_args(["--bootstrap", options.bootstrap]))
        codes.append(run(name, argparse.Namespace(**{**defaults, **vars(options)}), digits))
    return max(codes)


sys.exit(main())
