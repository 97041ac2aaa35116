"""Latency at a pace, end to end as a `read_committed` consumer sees it, of Millrace, copies and the Python worker.

    make compare BOOTSTRAP=localhost:9092 WITH=latency

Each worker in turn gets the same load at each rate; latency is from the moment at which a request was due until its
answer was read, in one process and so by one clock, and the first second is not counted. The copies are tuned for
latency: no lingering, and a transaction for each poll; the Python worker gathers for 5 ms instead of 50. Takes
rates x 6 x (duration + 1) seconds and about 20 more: `--rates 500 --duration 20` takes two and a half minutes.
"""
import statistics
import tempfile

from command_line import Failure, note, parser, positive, require, run
from figures import percentile, show, table
from paced import Pacer, Watcher, wait_until_ready
from topics import Topics
from workers import Workers

MILLRACE = "millrace exactly-once"
KINDS = {
    MILLRACE: ("millrace", {}),
    "millrace at-least-once": ("millrace", {"delivery": "at-least-once"}),
    "echo exactly-once": ("echo", {}),
    "copy at-least-once": ("bare_copy", {"linger": 0}),
    "copy, a transaction a poll": ("bare_copy", {"per_transaction": 100_000, "wait": 0, "linger": 0}),
    "python exactly-once": ("python", {"wait": 0.005}),
}
FRACTIONS = {"P50": 0.5, "P99": 0.99, "P99.9": 0.999}
PATIENCE = 30


def rates(text):
    return [positive(part) for part in text.split(",")]


def arguments():
    made = parser(__doc__, rounds=1)
    made.add_argument("--rates", type=rates, default=[500, 2000], metavar="N,N", help="requests/s (default: 500,2000)")
    made.add_argument("--duration", type=positive, default=10, metavar="SECONDS",
                      help="of each load, after one second that is not counted (default: %(default)s)")
    return made.parse_args()


def measure(chosen, workers, topics, kind, number):
    """Percentiles in milliseconds by rate."""
    worker, options = KINDS[kind]
    name = f"{number}-{list(KINDS).index(kind)}"
    requests, results = topics.create_requests(f"requests-{name}"), topics.create(f"results-{name}")
    found = {}
    with workers.start(worker, f"{topics.prefix}-{name}", requests, results, **options) as process, \
            Watcher(topics, results) as watcher:
        wait_until_ready(topics, process, watcher, requests, name)
        for rate in chosen.rates:
            pacer = Pacer(topics, requests, rate, f"{name}-{rate}")
            count = rate * (chosen.duration + 1)
            pacer.begin(count)
            keys = [pacer.key(index) for index in range(count)]
            is_complete = watcher.wait(keys[-1:], chosen.duration + 1 + PATIENCE, process) and watcher.wait(
                keys, PATIENCE, process)
            pacer.stop()
            if not is_complete:
                process.fail(f"{count - watcher.count(keys)} of {count} requests have no answer")
            if watcher.duplicates:
                raise Failure(f"{kind}: {watcher.duplicates} answers came twice")
            latencies = sorted(
                (watcher.arrivals[keys[index]] - pacer.due(index)) * 1000 for index in range(rate, count))
            found[rate] = {title: percentile(latencies, fraction) for title, fraction in FRACTIONS.items()}
            note(f"{kind} at {rate}/s: " + ", ".join(f"{title} {show(one)} ms" for title, one in found[rate].items()))
    topics.delete([requests, requests + "-dlt", results])
    return found


def main():
    chosen = arguments()
    require(chosen)
    found = {kind: [] for kind in KINDS}
    with tempfile.TemporaryDirectory() as folder, Topics(chosen.bootstrap, chosen.partitions) as topics:
        workers = Workers(chosen, folder)
        for number in range(chosen.rounds):
            for kind in list(KINDS)[::1 if number % 2 == 0 else -1]:
                found[kind].append(measure(chosen, workers, topics, kind, number))
    rows = []
    for rate in chosen.rates:
        medians = {kind: {title: statistics.median(one[rate][title] for one in found[kind]) for title in FRACTIONS}
                   for kind in KINDS}
        for kind in KINDS:
            ratios = ["" if kind == MILLRACE else f"{medians[MILLRACE][title] / medians[kind][title]:.2f}"
                      for title in FRACTIONS]
            rows.append([f"{kind}, {rate}/s", *(show(value) for value in medians[kind].values()), *ratios])
    print(table(["MILLISECONDS", *FRACTIONS, *(f"MILLRACE/IT {title}" for title in FRACTIONS)], rows))


if __name__ == "__main__":
    run(main)
