"""How each side of a comparison is started: `workers.start(kind, group, requests, results)`."""
import pathlib
import subprocess
import sys

from command_line import MODEL_FILE, Failure
from processes import Process
from workload import MODEL

HERE = pathlib.Path(__file__).resolve().parent
ENDLESS = 10**9


class Workers:
    """Starts workers with logs, models and state below one folder."""

    def __init__(self, arguments, folder):
        self.binary, self.bootstrap = str(pathlib.Path(arguments.millrace).resolve()), arguments.bootstrap
        self.folder = pathlib.Path(folder)
        self.store = self.folder / "models"
        self._onnx = self._copier = None
        self._import()

    def start(self, kind, group, requests, results, name=None, **options):
        """`kind` names a method of this class: millrace, echo, python, bare_copy.

        `name` tells members of a group apart.
        """
        command = getattr(self, kind)(group, requests, results, **options)
        folder = self.folder / (name or group)
        folder.mkdir(exist_ok=True)
        return Process(kind.replace("_", " "), command, folder.with_suffix(".log"), folder=folder,
                       ignores_sigterm=kind == "echo")

    # Millrace

    def _settings(self, group, requests, results, delivery, **others):
        settings = {
            "application-id": group, "instance-id": "compare", "kafka.bootstrap-servers": self.bootstrap,
            "topics.requests": requests, "topics.results": results, "models.store": self.store, "models.registry": "store", "delivery": delivery,
            "gateway.enabled": "false", **others,
        }
        return [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]

    def millrace(self, group, requests, results, delivery="exactly-once", **settings):
        return [self.binary, "serve", "--log-level", "error",
                *self._settings(group, requests, results, delivery, **settings)]

    def echo(self, group, requests, results, delivery="exactly-once"):
        """The service's own consumer and producer with nothing between them, until stopped."""
        return [self.binary, "bench", "worker", "--stage", "echo", "--requests", str(ENDLESS), "--timeout", "3600",
                "--started", "0", "--report", str(self.folder / f"{group}.json"), "--log-level", "error",
                *self._settings(group, requests, results, delivery)]

    # Others

    def python(self, group, requests, results, wait=None):
        command = [sys.executable, str(HERE / "python_worker.py"), "--bootstrap", self.bootstrap, "--requests",
                   requests, "--results", results, "--group", group, "--model", str(self.onnx)]
        return command + (["--wait", str(wait)] if wait is not None else [])

    def bare_copy(self, group, requests, results, per_transaction=0, wait=None, linger=None):
        command = [str(self.copier), "--bootstrap", self.bootstrap, "--from", requests, "--to", results, "--group",
                   group, "--per-transaction", str(per_transaction)]
        command += ["--wait-ms", str(wait)] if wait is not None else []
        return command + (["--linger-ms", str(linger)] if linger is not None else [])

    # What they need

    def _import(self):
        done = subprocess.run(
            [self.binary, "models", "import", str(MODEL_FILE), "--name", MODEL, "--set", f"models.store={self.store}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=self.folder)
        if done.returncode:
            raise Failure(f"the model could not be imported: {done.stderr.strip()}")

    @property
    def onnx(self):
        """The same weights for ONNX Runtime."""
        if self._onnx is None:
            import digits_onnx
            self._onnx = self.folder / "mlp.onnx"
            digits_onnx.convert(str(MODEL_FILE), str(self._onnx))
        return self._onnx

    @property
    def copier(self):
        """bare_copy.c, compiled."""
        if self._copier is None:
            made = self.folder / "bare_copy"
            command = ["cc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(made),
                       str(HERE / "bare_copy.c"), "-lrdkafka"]
            try:
                done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
            except FileNotFoundError:
                raise Failure("no C compiler: install Debian's gcc and librdkafka-dev") from None
            if done.returncode:
                raise Failure(f"bare_copy.c does not compile (it needs Debian's librdkafka-dev):\n{done.stderr}")
            self._copier = made
        return self._copier
