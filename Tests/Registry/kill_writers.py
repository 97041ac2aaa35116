#!/usr/bin/env python3
"""Kills import, promote and retire at random moments and checks that registry and store stay consistent.

  Tests/Registry/kill_writers.py --bootstrap localhost:9092 --millrace .build/release/millrace --kills 50

After every SIGKILL:
  - the registry is what it was before the command or what it is after it, and nothing in between;
  - numbers have no gaps, aliases point to versions that exist and are not retired;
  - every version's bundle is in the store, whole: its digests are checked;
  - whatever else is in the store is a whole bundle that nothing refers to, or a temporary folder: garbage.
At the end one command of each kind has to succeed. Needs a real broker, and only the standard library.
"""
import argparse
import collections
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MODEL = ROOT / "Sources/MillraceCommand/Resources/digits/mlp.h5"
NAME = "digits"
HEXADECIMAL = set("0123456789abcdef")


class Inconsistent(Exception):
    pass


class Registry:
    """The command line on a topic and a store of its own."""

    def __init__(self, millrace, bootstrap, store, topic):
        self.millrace, self.store = millrace, pathlib.Path(store)
        self.options = ["--store", str(store), "--bootstrap-servers", bootstrap, "--set", f"topics.models={topic}"]
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("MILLRACE_")}

    def start(self, *arguments):
        return subprocess.Popen(
            [self.millrace, "models", *arguments, *self.options], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=self.environment, cwd=self.store.parent)

    def run(self, *arguments):
        process = self.start(*arguments, "--output", "json")
        out, error = process.communicate(timeout=180)
        if process.returncode != 0:
            raise Inconsistent(f"models {' '.join(arguments)} ended with {process.returncode}: {error.decode().strip()}")
        return json.loads(out)

    def state(self):
        """Versions by number with digest and whether they are retired; aliases with their numbers."""
        rows = self.run("list", "--retired")
        versions = {row["version"]: (row["digest"], row["retired"]) for row in rows}
        if len(versions) != len(rows):
            raise Inconsistent(f"a number is given twice: {sorted(row['version'] for row in rows)}")
        for row in rows:
            if not row["stored"]:
                raise Inconsistent(f"version {row['version']} has no bundle {row['digest']}")
        return versions, {alias: row["version"] for row in rows for alias in row["aliases"]}


def check_state(versions, aliases):
    if sorted(versions) != list(range(1, len(versions) + 1)):
        raise Inconsistent(f"numbers have gaps: {sorted(versions)}")
    for alias, number in aliases.items():
        if number not in versions or versions[number][1]:
            raise Inconsistent(f"alias {alias} points to {number}, which is missing or retired")


def check_store(store, referenced):
    """Returns the numbers of whole bundles that nothing refers to, and of temporary folders."""
    orphans, temporary = 0, 0
    for entry in (store / "bundles").iterdir():
        if entry.name.startswith("."):
            temporary += 1
            continue
        if len(entry.name) != 64 or not set(entry.name) <= HEXADECIMAL:
            raise Inconsistent(f"the store holds {entry.name}")
        manifest = json.loads((entry / "manifest.json").read_text())
        for name, member in (("graph.json", "graphSHA256"), ("weights.safetensors", "weightsSHA256")):
            if hashlib.sha256((entry / name).read_bytes()).hexdigest() != manifest[member]:
                raise Inconsistent(f"bundle {entry.name}: {name} is damaged")
        orphans += entry.name not in referenced
    missing = referenced - {entry.name for entry in (store / "bundles").iterdir()}
    if missing:
        raise Inconsistent(f"bundles are missing: {sorted(missing)}")
    return orphans, temporary


def choose(kind, versions, aliases, generator):
    """The arguments of a command of this kind, and a function that says whether a state is the one after it."""
    live = [number for number, (_, retired) in versions.items() if not retired]
    if kind == "retire":
        idle = [number for number in live if number not in aliases.values()]
        if idle:
            number = generator.choice(idle)

            def is_after(new_versions, new_aliases):
                expected = dict(versions)
                expected[number] = (versions[number][0], True)
                return new_versions == expected and new_aliases == aliases
            return ["retire", NAME, str(number)], is_after
    if kind == "promote":
        others = [number for number in live if number != aliases.get("champion")]
        if others:
            number = generator.choice(others)
            return ["promote", NAME, str(number)], lambda new_versions, new_aliases: (
                new_versions == versions and new_aliases == {**aliases, "champion": number})
    number = max(versions) + 1

    def is_after(new_versions, new_aliases):
        return ({k: v for k, v in new_versions.items() if k != number} == versions and number in new_versions
                and not new_versions[number][1] and new_aliases == {**aliases, "candidate": number})
    # The alias belongs to the same transaction: both or neither.
    return ["import", str(MODEL), "--name", NAME, "--alias", "candidate"], is_after


def duration(registry, arguments):
    started = time.monotonic()
    registry.run(*arguments)
    return time.monotonic() - started


def run(registry, kills, generator):
    registry.run("import", str(MODEL), "--name", NAME)
    registry.run("promote", NAME, "1")
    # How long an undisturbed command takes: the moments of the kills are spread over a little more than that.
    typical = {}
    for kind in ("import", "promote", "retire"):
        registry.run("import", str(MODEL), "--name", NAME)
        versions, aliases = registry.state()
        typical[kind] = duration(registry, choose(kind, versions, aliases, generator)[0])
    counts, done, orphans, temporary, finished = collections.Counter(), 0, 0, 0, 0
    before = registry.state()
    while done < kills:
        arguments, is_after = choose(generator.choice(["import", "promote", "retire"]), *before, generator)
        kind = arguments[0]
        process = registry.start(*arguments)
        # Every second one late: that is when bundles are stored and transactions committed.
        time.sleep(typical[kind] * generator.uniform(0, 1.15) if generator.random() < 0.5
                   else typical[kind] * generator.uniform(0.6, 1.15))
        running = process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
        now = registry.state()
        check_state(*now)
        if now == before:
            outcome = "before"
        elif is_after(*now):
            outcome = "after"
        else:
            raise Inconsistent(f"{' '.join(arguments)}: neither before nor after\nbefore: {before}\nfound: {now}")
        orphans, temporary = check_store(registry.store, {digest for digest, _ in now[0].values()})
        if not running and process.returncode == 0:
            finished += 1
            if outcome == "before":
                raise Inconsistent(f"{' '.join(arguments)} succeeded and left nothing")
        else:
            done += 1
            counts[kind, outcome] += 1
        before = now
    started = time.monotonic()
    for kind in ("import", "promote", "retire"):
        arguments, is_after = choose(kind, *before, generator)
        registry.run(*arguments)
        now = registry.state()
        if not is_after(*now):
            raise Inconsistent(f"{' '.join(arguments)} after the last kill: not what was expected")
        check_state(*now)
        before = now
    return {
        "kills": done, "finished before their kill": finished,
        "seconds of an undisturbed command": {kind: round(value, 3) for kind, value in typical.items()},
        "registry as before / as after, by command": {
            kind: [counts[kind, "before"], counts[kind, "after"]] for kind in ("import", "promote", "retire")},
        "versions": len(before[0]), "bundles nothing refers to": orphans, "temporary folders": temporary,
        "seconds of three commands after the last kill": round(time.monotonic() - started, 3),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bootstrap", required=True, help="real brokers, host:port")
    parser.add_argument("--millrace", default=str(ROOT / ".build/release/millrace"))
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="millrace-registry-")
    registry = Registry(
        str(pathlib.Path(arguments.millrace).resolve()), arguments.bootstrap, pathlib.Path(folder) / "store",
        f"millrace-kill-{uuid.uuid4().hex[:8]}")
    print(f"seed {arguments.seed}, {' '.join(registry.options)}", file=sys.stderr)
    try:
        report = run(registry, arguments.kills, random.Random(arguments.seed))
    except Inconsistent as problem:
        print(f"inconsistent: {problem}\nleft in {folder}", file=sys.stderr)
        sys.exit(1)
    shutil.rmtree(folder)
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
