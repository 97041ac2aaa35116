"""Runs `millrace serve` and MLServer's Kafka mode in turns on the same requests and prints both and their ratios.

    make compare BOOTSTRAP=localhost:9092 WITH=mlserver

Millrace answers exactly once, from a topic that was filled before. MLServer joins no group and begins at the end of the
topic, so its requests are sent at once when it is ready, and it takes them all in while it answers; and they are fewer,
because it is slower. Throughput is a rate, taken from the times at which the broker appended the answers, and processor
time is by request, so that the numbers of requests cancel out.

--kills N compares what a crash costs instead: N portions of requests are sent, the worker is killed (kill -9) when half
of a portion is answered, started again, and gets the next portion when it answers; the last one it may finish. Then lost
and duplicated requests are counted. Each mode takes about two minutes.
"""
import contextlib
import pathlib
import sys
import tempfile

from backlog import measure, report, results_topic
from command_line import note, parser, positive, require, run
from compare_with_python import check_equal, print_table
from figures import table
from mlserver_worker import REQUEST_HEADERS, MLServer
from mlserver_worker import require as require_mlserver
from paced import Watcher, wait_until_ready
from topics import Topics
from workers import Workers

KINDS = ("mlserver", "millrace")
FIGURES = ("steady_throughput", "processor_ms_per_1000")
PORTION_FACTOR = {"mlserver": 1, "millrace": 10}
"""Millrace would be done with MLServer's portion before it could be killed."""
PATIENCE = 60
SETTLE = 5
"""Seconds without an answer after which the rest counts as lost."""


def arguments():
    made = parser(__doc__, rounds=3)
    made.add_argument("--requests", type=positive, default=50_000, metavar="N",
                      help="Millrace's requests (default: %(default)s)")
    made.add_argument("--mlserver-requests", type=positive, default=5_000, metavar="N",
                      help="MLServer's requests (default: %(default)s)")
    made.add_argument("--mlserver", default=str(pathlib.Path(sys.executable).with_name("mlserver")), metavar="FILE",
                      help="the program (default: beside this Python)")
    made.add_argument("--parallel-workers", type=int, default=0, metavar="N",
                      help="MLServer's processes for inference (default: %(default)s, in its own, which is the fastest "
                      "for a model this small)")
    made.add_argument("--kills", type=positive, metavar="N", help="kill the worker so many times and count losses")
    made.add_argument("--portion", type=positive, default=2_000, metavar="N",
                      help="MLServer's requests of a portion with --kills; Millrace's are ten times as many "
                      "(default: %(default)s)")
    return made.parse_args()


class Comparison:
    def __init__(self, chosen, folder, topics):
        self.chosen, self.topics = chosen, topics
        self.workers = Workers(chosen, folder)
        self.mlserver = MLServer(chosen.mlserver, chosen.bootstrap, folder, self.workers.onnx, chosen.parallel_workers)

    def start(self, kind, name, requests, results):
        if kind == "mlserver":
            return self.mlserver.start(name, requests, results)
        return self.workers.start("millrace", f"{self.topics.prefix}-{name}", requests, results)

    def measure(self, kind, name, backlog):
        """Answers and figures of one run: Millrace on the full topic `backlog`, MLServer on one of its own."""
        with contextlib.ExitStack() as stack:
            results = stack.enter_context(results_topic(self.topics, f"results-{name}"))
            if kind == "millrace":
                process = self.start(kind, name, backlog, results)
                return measure(self.topics, process, results, self.chosen.requests, with_values=True)
            requests = stack.enter_context(results_topic(self.topics, f"requests-{name}"))
            process = stack.enter_context(self.start(kind, name, requests, results))
            with Watcher(self.topics, results) as watcher:
                wait_until_ready(self.topics, process, watcher, requests, name, REQUEST_HEADERS)
            count = self.chosen.mlserver_requests
            return measure(self.topics, process, results, count, with_values=True,
                           fill=lambda: self.topics.fill(requests, range(count), REQUEST_HEADERS))

    def crash(self, kind):
        """(requests, lost, duplicated) after the kills."""
        portion = self.chosen.portion * PORTION_FACTOR[kind]
        requests = self.topics.create_requests(f"requests-{kind}")
        results = self.topics.create(f"results-{kind}")
        process = self.start(kind, f"{kind}-0", requests, results)
        try:
            with Watcher(self.topics, results) as watcher:
                for number in range(self.chosen.kills + 1):
                    wait_until_ready(self.topics, process, watcher, requests, f"{kind}-{number}", REQUEST_HEADERS)
                    indices = range(number * portion, (number + 1) * portion)
                    self.topics.fill(requests, indices, REQUEST_HEADERS)
                    keys = [str(index) for index in indices]
                    if number < self.chosen.kills:
                        if not watcher.wait(keys, PATIENCE, process, share=0.5):
                            process.fail(f"half of {portion} requests were not answered within {PATIENCE} s")
                        process.kill()
                        note(f"{kind}: killed after {watcher.count(keys)} of {portion} answers")
                        process = self.start(kind, f"{kind}-{number + 1}" if kind == "mlserver" else f"{kind}-0",
                                             requests, results)
                keys = [str(index) for index in range((self.chosen.kills + 1) * portion)]
                answered = -1
                while answered < watcher.count(keys) < len(keys):
                    answered = watcher.count(keys)
                    watcher.wait(keys, SETTLE, process)
        finally:
            process.stop()
        answers = self.topics.read(results)
        return len(keys), answers.missing(keys), answers.duplicated(keys)


def compare_throughput(comparison, chosen, topics):
    found = {kind: [] for kind in KINDS}
    backlog = topics.create_requests("requests")
    topics.fill(backlog, range(chosen.requests), REQUEST_HEADERS)
    for number in range(chosen.rounds):
        answers = {}
        for kind in KINDS[::1 if number % 2 == 0 else -1]:
            answers[kind], figures = comparison.measure(kind, f"{number}-{kind}", backlog)
            figures = {name: figures[name] for name in FIGURES}
            report(kind, figures)
            found[kind].append(figures)
        shared = min(chosen.requests, chosen.mlserver_requests)
        check_equal("MLServer", {str(key): answers["mlserver"].values[str(key)] for key in range(shared)},
                    answers["millrace"].values)
    print_table("mlserver", found["mlserver"], found["millrace"])
    print(f"rates; MLServer was sent {chosen.mlserver_requests:,} requests at once, Millrace found {chosen.requests:,}")


def compare_crashes(comparison, chosen):
    rows = [[kind, *comparison.crash(kind)] for kind in KINDS]
    print(table([f"{chosen.kills} KILLS", "REQUESTS", "LOST", "DUPLICATED"], rows))


def main():
    chosen = arguments()
    require(chosen)
    require_mlserver(chosen.mlserver)
    with tempfile.TemporaryDirectory() as folder, Topics(chosen.bootstrap, chosen.partitions) as topics:
        comparison = Comparison(chosen, folder, topics)
        if chosen.kills:
            compare_crashes(comparison, chosen)
        else:
            compare_throughput(comparison, chosen, topics)


if __name__ == "__main__":
    run(main)
