"""Runs the same model files in Millrace's engine and in ONNX Runtime, in alternation, and prints how their times compare.

Both run the same rows with the same number of threads. A ratio above 1 says that Millrace is faster: ONNX Runtime's median
time of a batch over Millrace's, the median over the rounds.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import time

import numpy as np
import onnxruntime

import engine_models
import figures

ROOT = pathlib.Path(__file__).resolve().parents[2]
MLP = ROOT / "Sources/MillraceCommand/Resources/digits/mlp.h5"


def session(path, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def runtime_seconds(runtime, batch, seconds):
    random = np.random.default_rng(1)
    inputs = {}
    for info in runtime.get_inputs():
        shape = [extent if isinstance(extent, int) else batch for extent in info.shape]
        inputs[info.name] = random.uniform(-1, 1, shape).astype(np.float32)
    times = []
    for limit in (seconds / 4, seconds):
        times.clear()
        end = time.perf_counter() + limit
        while time.perf_counter() < end:
            start = time.perf_counter()
            runtime.run(None, inputs)
            times.append(time.perf_counter() - start)
    return statistics.median(times)


def engine_seconds(binary, path, batch, threads, seconds):
    answer = subprocess.run(
        [binary, "bench", "engine", str(path), "--batch", str(batch), "--threads", str(threads), "--seconds", str(seconds),
         "--output", "json"], check=True, capture_output=True, text=True).stdout
    return json.loads(answer)[0]["median_seconds"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", help="ONNX files (default: networks made for the purpose)")
    parser.add_argument("--millrace", default=str(ROOT / ".build/release/millrace"), metavar="FILE")
    parser.add_argument("--batch", default="1,8,32,128", metavar="N,N")
    parser.add_argument("--threads", default="1", metavar="N,N")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--seconds", type=float, default=0.5, metavar="S", help="of each measurement")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    if arguments.models:
        paths = {pathlib.Path(model).stem: pathlib.Path(model) for model in arguments.models}
    else:
        paths = engine_models.make(ROOT / ".build-onnx/models", MLP)
    results = []
    for name, path in paths.items():
        for threads in map(int, arguments.threads.split(",")):
            runtime = session(path, threads)
            for batch in map(int, arguments.batch.split(",")):
                ours, theirs = [], []
                for _ in range(arguments.rounds):
                    ours.append(engine_seconds(arguments.millrace, path, batch, threads, arguments.seconds))
                    theirs.append(runtime_seconds(runtime, batch, arguments.seconds))
                results.append({
                    "model": name, "threads": threads, "batch": batch, "millrace_us": statistics.median(ours) * 1e6,
                    "onnxruntime_us": statistics.median(theirs) * 1e6, "ratio": figures.median_ratio(theirs, ours)})
    if arguments.json:
        print(json.dumps(results, indent=2))
        return
    print(f"ONNX Runtime {onnxruntime.__version__}, {arguments.rounds} rounds; ratio above 1: Millrace is faster")
    print(figures.table(
        ["MODEL", "THREADS", "BATCH", "MILLRACE µs", "ONNX RUNTIME µs", "RATIO"],
        [[one["model"], one["threads"], one["batch"], figures.show(one["millrace_us"]),
          figures.show(one["onnxruntime_us"]), figures.show(one["ratio"])] for one in results]))


if __name__ == "__main__":
    main()
