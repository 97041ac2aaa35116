"""Starts MLServer (PyPI `mlserver`) in its Kafka mode on two topics."""
import json
import pathlib
import shutil
import socket

from command_line import Failure
from processes import Process
from workload import HEADERS, MODEL

HERE = pathlib.Path(__file__).resolve().parent
REQUEST_HEADERS = [*HEADERS, ("mlserver-model", MODEL.encode())]
"""Requests that both sides understand."""


def require(program):
    if not pathlib.Path(program).is_file():
        raise Failure(f"no MLServer at {program}: "
                      "`pip install -r Tests/Benchmarks/requirements-mlserver.txt` into this "
                      "Python's environment, or name the program with --mlserver")


class MLServer:
    def __init__(self, program, bootstrap, folder, onnx, parallel_workers):
        self.program, self.bootstrap = str(pathlib.Path(program).absolute()), bootstrap
        self.parallel_workers = parallel_workers
        self.folder = pathlib.Path(folder) / "mlserver"
        self.folder.mkdir()
        shutil.copy(HERE / "mlserver_digits.py", self.folder)
        self._write("model-settings.json", {
            "name": MODEL, "implementation": "mlserver_digits.Digits",
            "parameters": {"uri": str(onnx), "version": "1"}})
        # It logs a line for every request; that is not what is compared.
        self._write("logging.json", {
            "version": 1, "root": {"level": "ERROR", "handlers": ["console"]},
            "handlers": {"console": {"class": "logging.StreamHandler", "level": "ERROR"}}})

    def _write(self, name, document):
        (self.folder / name).write_text(json.dumps(document), encoding="utf-8")

    def start(self, name, requests, results):
        http, grpc, metrics = free_ports(3)
        self._write("settings.json", {
            "debug": False, "host": "127.0.0.1", "http_port": http, "grpc_port": grpc, "metrics_port": metrics,
            "parallel_workers": self.parallel_workers, "logging_settings": str(self.folder / "logging.json"),
            "kafka_enabled": True, "kafka_servers": self.bootstrap, "kafka_topic_input": requests,
            "kafka_topic_output": results,
        })
        return Process("MLServer", [self.program, "start", str(self.folder)], self.folder / f"{name}.log",
                       folder=self.folder)


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
