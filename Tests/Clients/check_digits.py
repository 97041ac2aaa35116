#!/usr/bin/env python3
"""An independent client: confluent-kafka for all 1,797 digits, kcat for one, against a running `millrace serve`.

    check_digits.py BOOTSTRAP MILLRACE_BINARY

Makes topics of its own, imports the digits models into a temporary store, starts the service, sends every image once as
JSON and once as a binary tensor, and compares each answer with Keras's. Exits with 1 when any is missing, duplicated,
different, or when the two encodings do not give the same bits.
"""
import json
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
import zipfile
import ast

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

ROOT = pathlib.Path(__file__).resolve().parents[2]
DIGITS = ROOT / "Sources/MillraceCommand/Resources/digits"
TOLERANCE = 1e-5


def read_float32(path, name):
    """A float32 array of an .npz as (shape, flat list); spares the client a dependency on numpy."""
    with zipfile.ZipFile(path) as archive:
        data = archive.read(name + ".npy")
    length = struct.unpack("<H", data[8:10])[0]
    header = ast.literal_eval(data[10:10 + length].decode())
    assert header["descr"] == "<f4" and not header["fortran_order"], header
    body = data[10 + length:]
    return header["shape"], struct.unpack(f"<{len(body) // 4}f", body)


def main(bootstrap, binary):
    (count, *image_shape), pixels = read_float32(DIGITS / "digits.npz", "images")
    _, reference = read_float32(DIGITS / "cnn_outputs.npz", "probabilities")
    size = len(pixels) // count
    images = [pixels[i * size:(i + 1) * size] for i in range(count)]
    expected = [reference[i * 10:(i + 1) * 10] for i in range(count)]

    run = uuid.uuid4().hex[:8]
    requests, results = f"digits-requests-{run}", f"digits-results-{run}"
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.create_topics([NewTopic(t, 3, 1) for t in (requests, results, requests + "-dlt")]).values():
        future.result()

    with tempfile.TemporaryDirectory() as store:
        subprocess.run([binary, "models", "import", DIGITS / "cnn.h5", "--name", "digits", "--store", store], check=True)
        service = subprocess.Popen(
            [binary, "serve", "--bootstrap-servers", bootstrap, "--set", f"topics.requests={requests}",
             "--set", f"topics.results={results}", "--set", f"models.store={store}", "--set", "models.registry=store", "--set", f"application-id={run}",
             "--set", "gateway.port=18099"])
        try:
            wait_until_ready("http://127.0.0.1:18099/v2/health/ready", service)
            send(bootstrap, requests, images, image_shape)
            sent = 2 * count
            if shutil.which("kcat"):
                send_with_kcat(bootstrap, requests, images[0], image_shape)
                sent += 1
            answers = collect(bootstrap, results, sent)
        finally:
            service.terminate()
            code = service.wait(30)
    failures = compare(answers, expected, sent)
    print(f"{sent} requests, {len(answers)} answers, service exit code {code}, {len(failures)} failures")
    for failure in failures[:20]:
        print("  " + failure)
    return 1 if failures or code != 0 else 0


def wait_until_ready(url, service):
    for _ in range(300):
        if service.poll() is not None:
            sys.exit(f"the service ended with {service.returncode}")
        try:
            if urllib.request.urlopen(url, timeout=2).status == 200:
                return
        except OSError:
            pass
        time.sleep(0.1)
    sys.exit("the service did not become ready")


def request(image, shape, identifier, binary):
    tensor = {"name": "image", "shape": [1, *shape], "datatype": "FP32"}
    if not binary:
        return json.dumps({"id": identifier, "inputs": [{**tensor, "data": list(image)}]}).encode(), []
    raw = struct.pack(f"<{len(image)}f", *image)
    head = json.dumps({"id": identifier, "inputs": [{**tensor, "parameters": {"binary_data_size": len(raw)}}]}).encode()
    return head + raw, [("inference-header-content-length", str(len(head)))]


def send(bootstrap, topic, images, shape):
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5})
    for index, image in enumerate(images):
        for binary in (False, True):
            key = f"{'binary' if binary else 'json'}-{index}"
            value, headers = request(image, shape, key, binary)
            producer.produce(topic, value, key, headers=[("millrace-model", "digits"), *headers])
            producer.poll(0)
    assert producer.flush(30) == 0


def send_with_kcat(bootstrap, topic, image, shape):
    value, _ = request(image, shape, "kcat-0", False)
    subprocess.run(["kcat", "-P", "-b", bootstrap, "-t", topic, "-k", "kcat-0", "-H", "millrace-model=digits"],
                   input=value, check=True)


def collect(bootstrap, topic, count):
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": uuid.uuid4().hex,
                         "auto.offset.reset": "earliest", "isolation.level": "read_committed"})
    consumer.subscribe([topic])
    answers, quiet_since, deadline = [], time.time(), time.time() + 60
    # Past the last expected answer a little longer, for those that should not come.
    while time.time() < deadline and (len(answers) < count or time.time() - quiet_since < 2):
        for message in consumer.consume(500, 0.2):
            assert message.error() is None, message.error()
            answers.append((message.key().decode(), dict(message.headers()), json.loads(message.value())))
            quiet_since = time.time()
    consumer.close()
    return answers


def compare(answers, expected, sent):
    failures, seen = [], {}
    for key, headers, body in answers:
        if key in seen:
            failures.append(f"{key}: answered twice")
        if headers.get("millrace-status") != b"ok":
            failures.append(f"{key}: {body}")
            continue
        seen[key] = body["outputs"][0]["data"]
        wanted = expected[int(key.split("-")[1])]
        difference = max(abs(a - b) for a, b in zip(seen[key], wanted, strict=True))
        if not difference <= TOLERANCE:
            failures.append(f"{key}: differs from Keras by {difference}")
    if len(seen) != sent:
        failures.append(f"{sent - len(seen)} answers are missing")
    for key, data in seen.items():
        if key.startswith("json-") and seen.get("binary-" + key[5:]) != data:
            failures.append(f"{key}: the binary request's answer has other bits")
    return failures


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2]))
