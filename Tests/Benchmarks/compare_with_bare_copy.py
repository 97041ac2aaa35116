"""Runs `millrace serve` and a plain C program that only copies (bare_copy.c) in turns on the same backlog.

    make compare BOOTSTRAP=localhost:9092 WITH=bare-copy

The copy runs at least once, with transactions of 500 records and with transactions of 2,000. Steady throughput is taken
from the times at which the broker appended the results, of all four alike; the first append begins the interval and
does not count. One copy that is not reported warms the broker up. Takes about two minutes.
"""
import statistics
import tempfile

from backlog import measure, report, results_topic
from command_line import parser, positive, require, run
from figures import median_ratio, show, table
from topics import Topics
from workers import Workers

MILLRACE = "millrace exactly-once"
KINDS = {
    "copy at-least-once": ("bare_copy", {}),
    "copy 500 a transaction": ("bare_copy", {"per_transaction": 500}),
    "copy 2000 a transaction": ("bare_copy", {"per_transaction": 2000}),
    MILLRACE: ("millrace", {}),
}
TARGETS = {"copy at-least-once": 0.3, "copy 2000 a transaction": 1.2}


def arguments():
    made = parser(__doc__, rounds=3)
    made.add_argument("--requests", type=positive, default=200_000, metavar="N",
                      help="records of the backlog (default: %(default)s)")
    return made.parse_args()


def main():
    chosen = arguments()
    require(chosen)
    found = {kind: [] for kind in KINDS}
    with tempfile.TemporaryDirectory() as folder, Topics(chosen.bootstrap, chosen.partitions) as topics:
        workers = Workers(chosen, folder)
        requests = topics.create_requests("requests")
        topics.fill(requests, range(chosen.requests))

        def one(kind, name):
            worker, options = KINDS[kind]
            with results_topic(topics, f"results-{name}") as results:
                process = workers.start(worker, f"{topics.prefix}-{name}", requests, results, **options)
                return measure(topics, process, results, chosen.requests, once="at-least-once" not in kind)[1]

        one("copy at-least-once", "warm-up")
        for number in range(chosen.rounds):
            # Whoever comes second finds warmer caches: the order changes from round to round.
            for index, kind in list(enumerate(KINDS))[::1 if number % 2 == 0 else -1]:
                figures = one(kind, f"{number}-{index}")
                report(kind, figures)
                found[kind].append(figures)
    print_table(found)


def print_table(found):
    def values(kind, name):
        return [one[name] for one in found[kind]]

    rows = []
    for kind in KINDS:
        name = "steady_throughput"
        ratio = median_ratio(values(MILLRACE, name), values(kind, name))
        cells = [show(statistics.median(values(kind, name))), "" if kind == MILLRACE else f"{ratio:.2f}",
                 f"{TARGETS[kind]:.1f}" if kind in TARGETS else ""]
        rows.append([kind, *cells, show(statistics.median(values(kind, "processor_ms_per_1000_from_start")))])
    print(table(["", "RECORDS/S", "MILLRACE/COPY", "TARGET", "CPU MS/1000"], rows))


if __name__ == "__main__":
    run(main)
