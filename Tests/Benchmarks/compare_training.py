"""Trains the same networks in Millrace, PyTorch and Keras, in alternation, and prints how their samples a second compare.

The networks, batches and optimizers are those of `millrace bench training`; every framework steps through 16 batches of random
rows that lie in its memory, on so many threads. PyTorch runs eagerly, as its tutorials do: forward pass, gradients, step.
Keras (on TensorFlow) runs `fit`, whose training step is a compiled graph, on as many epochs of the 16 batches as fit into the
time; its data lies in one tensor. A ratio above 1 says that Millrace is faster: its samples a second over the other's, the
median over the rounds. Millrace's step runs on one thread, so that comparisons with more say what the others gain by them.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import numpy as np

import figures

ROOT = pathlib.Path(__file__).resolve().parents[2]
BATCHES = 16
CLASSES = 10
SHAPES = {"mlp": (64,), "cnn": (8, 8, 1), "lstm": (8, 8)}
LEARNING_RATE = 0.01


def rows(name, batch):
    random = np.random.default_rng(1)
    features = random.random((BATCHES * batch, *SHAPES[name]), dtype=np.float32)
    return features, random.integers(0, CLASSES, BATCHES * batch)


def millrace_rate(arguments, name, optimizer, batch):
    answer = subprocess.run(
        [arguments.millrace, "bench", "training", "--models", name, "--optimizers", optimizer, "--batch", str(batch),
         "--seconds", str(arguments.seconds), "--output", "json"], check=True, capture_output=True, text=True).stdout
    return json.loads(answer)[0]["samples_per_second"]


class PyTorch:
    name = "PyTorch"

    def __init__(self, threads):
        import torch

        self.torch = torch
        self.version = torch.__version__
        torch.set_num_threads(threads)
        torch.manual_seed(1)

    def network(self, name):
        nn = self.torch.nn
        if name == "mlp":
            return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, CLASSES))
        if name == "cnn":
            return nn.Sequential(
                nn.Conv2d(1, 16, 3, padding="same"), nn.ReLU(), nn.Conv2d(16, 32, 3, padding="same"), nn.ReLU(),
                nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * 4 * 4, 64), nn.ReLU(), nn.Linear(64, CLASSES))

        class Recurrent(nn.Module):
            def __init__(self):
                super().__init__()
                self.lstm = nn.LSTM(8, 64, batch_first=True)
                self.dense = nn.Linear(64, CLASSES)

            def forward(self, x):
                return self.dense(self.lstm(x)[0][:, -1])

        return Recurrent()

    def trainer(self, name, optimizer, batch):
        """A function that trains for some seconds and returns samples a second."""
        torch = self.torch
        features, labels = rows(name, batch)
        if name == "cnn":
            # Channels first, which is PyTorch's own order.
            features = features.transpose(0, 3, 1, 2).copy()
        features, labels = torch.from_numpy(features), torch.from_numpy(labels)
        model = self.network(name)
        kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[optimizer]
        stepper = kind(model.parameters(), lr=LEARNING_RATE)
        loss = torch.nn.CrossEntropyLoss()

        def train(seconds):
            steps, start = 0, time.perf_counter()
            while (spent := time.perf_counter() - start) < seconds:
                first = steps % BATCHES * batch
                stepper.zero_grad()
                loss(model(features[first:first + batch]), labels[first:first + batch]).backward()
                stepper.step()
                steps += 1
            return steps * batch / spent

        return train


class Keras:
    name = "Keras"

    def __init__(self, threads):
        os.environ.setdefault("KERAS_BACKEND", "tensorflow")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        import tensorflow

        tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
        tensorflow.config.threading.set_inter_op_parallelism_threads(1)
        import keras

        self.keras = keras
        self.version = f"{keras.__version__} on TensorFlow {tensorflow.__version__}"
        keras.utils.set_random_seed(1)

    def network(self, name):
        layers = self.keras.layers
        stack = {
            "mlp": lambda: [layers.Dense(128, activation="relu")],
            "cnn": lambda: [
                layers.Conv2D(16, 3, padding="same", activation="relu"),
                layers.Conv2D(32, 3, padding="same", activation="relu"), layers.MaxPooling2D(), layers.Flatten(),
                layers.Dense(64, activation="relu")],
            "lstm": lambda: [layers.LSTM(64)],
        }[name]()
        return self.keras.Sequential([self.keras.Input(SHAPES[name]), *stack, layers.Dense(CLASSES)])

    def trainer(self, name, optimizer, batch):
        keras = self.keras
        features, labels = rows(name, batch)
        model = self.network(name)
        kind = {"sgd": keras.optimizers.SGD, "adam": keras.optimizers.Adam}[optimizer]
        model.compile(kind(LEARNING_RATE), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        # Several times the batches: what an epoch costs by itself must not count as theirs.
        repeats = 8

        def train(seconds):
            many = np.concatenate([features] * repeats), np.concatenate([labels] * repeats)
            count, spent = 0, 0.0
            while spent < seconds:
                start = time.perf_counter()
                model.fit(*many, batch_size=batch, epochs=1, shuffle=False, verbose=0)
                spent += time.perf_counter() - start
                count += len(many[1])
            return count / spent

        return train


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--millrace", default=str(ROOT / ".build/release/millrace"), metavar="FILE")
    parser.add_argument("--models", default="mlp,cnn,lstm", metavar="NAME,NAME")
    parser.add_argument("--optimizers", default="sgd,adam", metavar="NAME,NAME")
    parser.add_argument("--batch", type=int, default=64, metavar="N")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="of PyTorch and Keras (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--seconds", type=float, default=1, metavar="S", help="of each measurement")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    others = []
    for kind in (PyTorch, Keras):
        try:
            others.append(kind(arguments.threads))
        except ImportError as error:
            print(f"{kind.name} left out: {error}", file=sys.stderr)
    if not others:
        sys.exit("error: neither PyTorch nor Keras is there: pip install -r Tests/Benchmarks/requirements-training.txt")
    results = []
    for name in arguments.models.split(","):
        for optimizer in arguments.optimizers.split(","):
            trainers = [other.trainer(name, optimizer, arguments.batch) for other in others]
            for train in trainers:
                # Compiles, allocates and warms up.
                train(arguments.seconds / 4)
            rates = [[] for _ in range(1 + len(others))]
            for _ in range(arguments.rounds):
                rates[0].append(millrace_rate(arguments, name, optimizer, arguments.batch))
                for index, train in enumerate(trainers):
                    rates[1 + index].append(train(arguments.seconds))
            result = {"model": name, "optimizer": optimizer, "batch": arguments.batch, "threads": arguments.threads,
                      "millrace": statistics.median(rates[0])}
            for other, theirs in zip(others, rates[1:]):
                key = other.name.lower()
                result[key] = statistics.median(theirs)
                result[f"{key}_ratio"] = figures.median_ratio(rates[0], theirs)
            results.append(result)
    if arguments.json:
        print(json.dumps(results, indent=2))
        return
    print(f"samples a second, batch {arguments.batch}, {arguments.rounds} rounds; ratio above 1: Millrace is faster")
    print("; ".join(f"{other.name} {other.version}" for other in others) + f"; {arguments.threads} threads")
    header = ["MODEL", "OPTIMIZER", "MILLRACE"]
    for other in others:
        header += [other.name.upper(), "RATIO"]
    lines = []
    for one in results:
        cells = [one["model"], one["optimizer"], figures.show(one["millrace"])]
        for other in others:
            key = other.name.lower()
            cells += [figures.show(one[key]), figures.show(one[f"{key}_ratio"])]
        lines.append(cells)
    print(figures.table(header, lines))


if __name__ == "__main__":
    main()
