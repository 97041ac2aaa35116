"""Runs `millrace serve` and the plain Python worker in turns on the same backlog and prints both and their ratios.

    make compare BOOTSTRAP=localhost:9092 WITH=python

Both answer exactly once. Steady throughput is taken from the times at which the broker appended the results, so
measuring costs neither of them anything; processor time is the worker process's own. Every answer is counted afterwards, and the
probabilities of both are compared. Takes about a minute.
"""
import statistics
import tempfile

import orjson

from backlog import measure, report, results_topic
from command_line import Failure, parser, positive, require, run
from figures import median_ratio, show, table
from topics import Topics
from workers import Workers

KINDS = ("python", "millrace")
TOLERANCE = 1e-4


def arguments():
    made = parser(__doc__, rounds=3)
    made.add_argument("--requests", type=positive, default=50_000, metavar="N",
                      help="records of the backlog (default: %(default)s)")
    return made.parse_args()


def probabilities(answer):
    return orjson.loads(answer)["outputs"][0]["data"]


def check_equal(name, found, millrace):
    """Both sides ran the same model, or the comparison is none."""
    for key, answer in found.items():
        theirs, ours = probabilities(answer), probabilities(millrace[key])
        difference = max(abs(a - b) for a, b in zip(theirs, ours))
        if len(theirs) != len(ours) or not difference <= TOLERANCE:
            raise Failure(f"request {key}: {name} answers {theirs}, Millrace {ours}, expected equal to {TOLERANCE}")


def print_table(name, theirs, ours):
    rows = []
    for figure in ours[0]:
        values = [[one[figure] for one in side] for side in (theirs, ours)]
        medians = [show(statistics.median(side)) for side in values]
        rows.append([figure.replace("_", " "), *medians, f"{median_ratio(values[1], values[0]):.2f}"])
    print(table(["", name.upper(), "MILLRACE", "RATIO"], rows))


def main():
    chosen = arguments()
    require(chosen)
    found = {kind: [] for kind in KINDS}
    with tempfile.TemporaryDirectory() as folder, Topics(chosen.bootstrap, chosen.partitions) as topics:
        workers = Workers(chosen, folder)
        requests = topics.create_requests("requests")
        topics.fill(requests, range(chosen.requests))
        for number in range(chosen.rounds):
            answers = {}
            for kind in KINDS[::1 if number % 2 == 0 else -1]:
                with results_topic(topics, f"results-{number}-{kind}") as results:
                    process = workers.start(kind, f"{topics.prefix}-{number}-{kind}", requests, results)
                    answers[kind], figures = measure(topics, process, results, chosen.requests, with_values=True)
                report(kind, figures)
                found[kind].append(figures)
            check_equal("Python", answers["python"].values, answers["millrace"].values)
    print_table("python", found["python"], found["millrace"])


if __name__ == "__main__":
    run(main)
