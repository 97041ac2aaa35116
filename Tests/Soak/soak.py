#!/usr/bin/env python3
"""A soak test of exactly-once delivery: paced load, instances killed and moved about, then an audit of every record.

Ends with 0 when nothing was lost, duplicated, out of order or wrong, 1 otherwise, 2 when the run could not be made.
"""
import argparse
import dataclasses
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time

from answers import Answers
from arrivals import Arrivals
from audit import Audit, Record
from chaos import Chaos, Pace
from cluster import Cluster, Instance
from digits import Digits
from load import Load
from plan import MAXIMUM_BATCH_ROWS, MODEL, Plan
from report import memory, percentiles, recoveries, text
from topics import Topics

ROOT = pathlib.Path(__file__).resolve().parents[2]
INSTANCES = 3
SPARE_INSTANCES = 1
READY_TIMEOUT_SECONDS = 60


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    add = parser.add_argument
    add("--bootstrap", required=True, help="brokers, host:port separated by commas; real ones")
    add("--minutes", type=float, default=15, help="of load and chaos")
    add("--calm-minutes", type=float, default=0, help="of load without chaos afterwards, to watch the memory")
    add("--millrace", default=str(ROOT / ".build/release/millrace"), help="the binary")
    add("--rate", type=float, default=400, help="requests a second")
    add("--partitions", type=int, default=6)
    add("--replication", type=int, default=1)
    add("--keys", type=int, default=24)
    add("--bad-share", type=float, default=0.04, help="of the requests that must get an error")
    add("--multi-row-share", type=float, default=0.1, help="of the requests with 2 to 40 rows")
    add("--kill-seconds", type=float, default=8, help="between kills, on average; 0 for none")
    add("--membership-seconds", type=float, default=20, help="between a join and a leave; 0 for none")
    add("--freeze-seconds", type=float, default=60, help="between SIGSTOPs that outlast the session; 0 for none")
    add("--freeze-length", type=float, default=9, help="seconds that a frozen instance stands still")
    add("--broker-restart-command", default="", help="shell command that restarts broker {n}")
    add("--broker-restart-seconds", type=float, default=60)
    add("--brokers", type=int, default=3, help="{n} counts from 1 to this")
    add("--drain-seconds", type=float, default=120, help="how long the end may take once the load has stopped")
    add("--seed", type=int, default=None, help="default: a random one, printed")
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="a configuration key of the instances")
    add("--runs", type=pathlib.Path, default=ROOT / ".build-soak", help="where the run's folder goes")
    add("--keep", action="store_true", help="keep logs and topics of a run that passed")
    add("--output", choices=["table", "json"], default="table")
    return parser.parse_args()


def settings(options, run, topics, store):
    """The instances' configuration, before `--set`."""
    values = {
        "application-id": run,
        "kafka": {"bootstrap-servers": options.bootstrap.split(",")},
        "topics": {"requests": [topics.requests], "results": topics.results, "models": f"{run}.models"},
        "models": {"store": str(store)},
        "batching": {"maximum-rows": MAXIMUM_BATCH_ROWS},
        "delivery": "exactly-once",
        "gateway": {"port": 0},
        "pipeline": {"threads": 1},
        "recovery": {"directory": str(store.parent / "state")},
    }
    for setting in options.set:
        path, _, value = setting.partition("=")
        *parents, last = path.split(".")
        section = values
        for parent in parents:
            section = section.setdefault(parent, {})
        section[last] = value
    return values


class Run:
    def __init__(self, options):
        self.options = options
        self.seed = options.seed if options.seed is not None else random.randrange(1 << 32)
        self.name = f"soak-{time.strftime('%m%d-%H%M%S')}-{os.getpid()}"
        self.folder = options.runs / self.name
        self.folder.mkdir(parents=True)
        self.digits = Digits(ROOT / "Sources/MillraceCommand/Resources/digits")
        self.plan = Plan(self.seed, self.digits.count, options.bad_share, options.multi_row_share)
        self.topics = Topics(options.bootstrap, self.name, options.partitions, options.replication)
        self.problems = []

    def say(self, message):
        print(f"{time.strftime('%H:%M:%S')} {message}", file=sys.stderr, flush=True)

    def execute(self):
        options = self.options
        self.say(f"run {self.name}, seed {self.seed}, logs in {self.folder}")
        store = self.folder / "models"
        subprocess.run(
            [options.millrace, "models", "import", self.digits.model, "--name", MODEL, "--store", store], check=True,
            stdout=subprocess.DEVNULL)
        self.topics.create()
        configuration = settings(options, self.name, self.topics, store)
        self.cluster = Cluster([
            Instance(f"instance-{n + 1}", options.millrace, self.folder, configuration)
            for n in range(INSTANCES + SPARE_INSTANCES)])
        pace = Pace(
            options.kill_seconds, options.membership_seconds, options.freeze_seconds, options.freeze_length,
            options.broker_restart_seconds, options.broker_restart_command, options.brokers)
        self.chaos = Chaos(self.cluster, pace, self.seed, self.folder / "brokers.log")
        self.load = Load(
            options.bootstrap, self.topics.requests, options.partitions, options.keys, options.rate, self.plan,
            self.digits)
        self.arrivals = Arrivals(options.bootstrap, self.topics.results, options.partitions)
        try:
            self._disturb()
        finally:
            self.cluster.abandon()
        return self._report(self._audit())

    def _disturb(self):
        self.cluster.start(INSTANCES)
        self.arrivals.start()
        self.load.start()
        self._wait_for_results()
        self.started = time.time()
        self.chaos.start()
        self._watch(self.options.minutes * 60)
        self.chaos.stop()
        if self.options.calm_minutes:
            self.say("calm")
            self._watch(self.options.calm_minutes * 60)
        self.load.stop()
        self.ended = time.time()
        self.say(f"load stopped after {self.load.sent} requests; draining")
        self.lag, self.open_transactions = self.topics.wait_for_drain(self.name, self.options.drain_seconds)
        # The last results reach the reader that notes when they do.
        time.sleep(1)
        self.arrivals.stop()
        self.cluster.stop()

    def _wait_for_results(self):
        deadline = time.time() + READY_TIMEOUT_SECONDS
        while not any(self.arrivals.times):
            if time.time() > deadline:
                raise RuntimeError(f"no result within {READY_TIMEOUT_SECONDS} s; see {self.folder}")
            time.sleep(0.1)

    def _watch(self, seconds):
        end = time.time() + seconds
        said = time.time()
        while time.time() < end:
            time.sleep(min(0.5, max(0, end - time.time())))
            for thread in (self.load, self.arrivals):
                if thread.error:
                    raise thread.error
            if time.time() - said >= 30:
                said = time.time()
                seen = sum(map(len, self.arrivals.times))
                self.say(
                    f"{self.load.sent} sent, {seen} answered, {self.chaos.count('kill')} kills, "
                    f"{self.chaos.count('join', 'leave')} membership changes, {self.chaos.count('broker')} brokers, "
                    f"{len(self.cluster.unasked_exits)} exits unasked")

    def _audit(self):
        self.say("reading everything back")
        audit = Audit(self.topics.requests, self.plan, Answers(self.digits))
        for message in self.topics.read(self.topics.requests):
            audit.add_request(Record.of(message))
        for message in self.topics.read(self.topics.results):
            arrival = self.arrivals.times[message.partition()].get(message.offset())
            audit.add_result(Record.of(message), arrival)
        for message in self.topics.read(self.topics.dead_letters):
            audit.add_dead_letter(Record.of(message))
        audit.finish()
        return audit

    def _report(self, audit):
        if audit.requests != self.load.acknowledged + audit.repeated:
            self.problems.append(
                f"{self.load.acknowledged} requests acknowledged, {audit.requests} in the log, "
                f"{audit.repeated} of them repeated")
        self.problems += self.load.failures
        if self.lag:
            self.problems.append("the committed offsets are not the ends of the request topic")
        if self.open_transactions:
            self.problems.append("transactions were left open")
        times = [sorted(partition.values()) for partition in self.arrivals.times]
        kills = [event.time for event in self.chaos.events if event.kind == "kill"]
        minutes = (self.ended - self.started) / 60
        return {
            "run": self.name, "seed": self.seed, "minutes": minutes, "rate": audit.requests / minutes / 60,
            "passed": audit.is_clean and not self.problems,
            "audit": {
                "requests": audit.requests, "repeated": audit.repeated, "rows": self.load.rows, "results": audit.results,
                "dead_letters": audit.dead_letters, "statuses": dict(audit.statuses), "counts": dict(audit.counts),
                "rows_checked": audit.answers.rows_checked, "images": audit.answers.images_seen,
                "examples": audit.examples},
            "chaos": {
                "kills": len(kills), "joins": self.chaos.count("join"), "leaves": self.chaos.count("leave"),
                "freezes": self.chaos.count("freeze"), "broker_restarts": self.chaos.count("broker"),
                "broker_failures": self.chaos.broker_failures,
                "events": [dataclasses.asdict(event) for event in self.chaos.events]},
            "latency_seconds": percentiles(audit.latencies),
            "recovery_seconds": percentiles(recoveries(kills, times, self.ended)),
            "memory": memory(self.cluster.memory),
            "lag": self.lag, "open_transactions": self.open_transactions,
            "unasked_exits": [dataclasses.asdict(exit) for exit in self.cluster.unasked_exits],
            "bad_stops": [dataclasses.asdict(exit) for exit in self.cluster.bad_stops],
            "problems": self.problems,
        }

    def clean_up(self):
        self.topics.delete()
        shutil.rmtree(self.folder)


def main():
    options = arguments()
    run = Run(options)
    try:
        report = run.execute()
    except (Exception, KeyboardInterrupt) as error:
        run.say(f"the run could not be made: {error!r}; logs are in {run.folder}")
        return 2
    (run.folder / "report.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    print(json.dumps(report, indent=1) if options.output == "json" else text(report))
    if not report["passed"]:
        run.say(f"logs are in {run.folder}, topics {run.name}.*")
        return 1
    if not options.keep:
        run.clean_up()
    return 0


sys.exit(main())
