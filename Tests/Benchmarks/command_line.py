"""What the commands of this folder share: arguments, failures that say what to do, and an orderly end."""
import argparse
import pathlib
import signal
import sys

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL_FILE = ROOT / "Sources/MillraceCommand/Resources/digits/mlp.h5"


class Failure(Exception):
    """A comparison that cannot go on; the message is for whoever started it."""


def positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"found {number}, expected at least 1")
    return number


def parser(documentation, **defaults):
    """An argument parser with the arguments that every comparison has."""
    made = argparse.ArgumentParser(description=documentation, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--bootstrap", default="localhost:9092", metavar="HOST:PORT",
                      help="brokers, nothing else is connected to (default: %(default)s)")
    made.add_argument("--millrace", default=str(ROOT / ".build/release/millrace"), metavar="FILE",
                      help="the binary to measure (default: the release build)")
    made.add_argument("--partitions", type=positive, default=defaults.get("partitions", 4), metavar="N",
                      help="of every topic (default: %(default)s)")
    made.add_argument("--rounds", type=positive, default=defaults.get("rounds", 3), metavar="N",
                      help="how often everything is measured (default: %(default)s)")
    return made


def require(arguments):
    """Fails early and clearly where a binary or the broker is missing."""
    if not pathlib.Path(arguments.millrace).is_file():
        raise Failure(f"no binary at {arguments.millrace}: run `make build`, or name one with --millrace")
    try:
        AdminClient({"bootstrap.servers": arguments.bootstrap, "log_level": 0}).list_topics(timeout=10)
    except KafkaException as error:
        raise Failure(f"no broker answers at {arguments.bootstrap} ({error.args[0].str()}): start one, or name it with "
                      "--bootstrap") from error


def note(text):
    """Progress, apart from the results on standard output."""
    print(text, file=sys.stderr, flush=True)


def run(main):
    """Calls `main` so that every end, SIGTERM too, stops the workers and deletes the topics."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        main()
    except Failure as failure:
        sys.exit(f"error: {failure}")
    except KafkaException as error:
        sys.exit(f"error: the broker refused: {error.args[0].str()}")
    except KeyboardInterrupt:
        sys.exit(130)
