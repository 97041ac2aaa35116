"""A plain inference worker, as one would write it in Python: consume up to 500 records, run them as one batch through
ONNX Runtime, produce the answers, and commit answers and offsets as one transaction.

    python_worker.py --bootstrap host:port --requests TOPIC --results TOPIC --group ID --model mlp.onnx [--wait 0.05]
"""

import argparse
import signal

import numpy as np
import onnxruntime
import orjson
from confluent_kafka import Consumer, Producer, TopicPartition

POLL = 500


def main():
    parser = argparse.ArgumentParser()
    for name in ("bootstrap", "requests", "results", "group", "model"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--wait", type=float, default=0.05, help="seconds that a batch may gather (%(default)s)")
    arguments = parser.parse_args()
    running = True

    def stop(*_):
        nonlocal running
        running = False

    signal.signal(signal.SIGTERM, stop)
    session = onnxruntime.InferenceSession(arguments.model, providers=["CPUExecutionProvider"])
    consumer = Consumer({
        "bootstrap.servers": arguments.bootstrap, "group.id": arguments.group, "auto.offset.reset": "earliest",
        "enable.auto.commit": False, "isolation.level": "read_committed", "fetch.wait.max.ms": 10,
    })
    producer = Producer({
        "bootstrap.servers": arguments.bootstrap, "transactional.id": arguments.group, "linger.ms": 5,
    })
    producer.init_transactions()
    consumer.subscribe([arguments.requests])
    while running:
        messages = [m for m in consumer.consume(POLL, arguments.wait) if m.error() is None]
        if not messages:
            continue
        bodies = [orjson.loads(m.value()) for m in messages]
        inputs = np.array([body["inputs"][0]["data"] for body in bodies], dtype=np.float32)
        outputs = session.run(None, {"pixels": inputs})[0].tolist()
        producer.begin_transaction()
        offsets = {}
        for message, body, row in zip(messages, bodies, outputs):
            answer = {
                "model_name": "digits", "model_version": "1", "id": body["id"],
                "outputs": [{"name": "probabilities", "datatype": "FP32", "shape": [1, 10], "data": row}],
            }
            producer.produce(
                arguments.results, orjson.dumps(answer), key=message.key(), partition=message.partition(),
                headers=[("millrace-status", b"ok")])
            offsets[message.partition()] = message.offset() + 1
        producer.send_offsets_to_transaction(
            [TopicPartition(arguments.requests, p, o) for p, o in offsets.items()], consumer.consumer_group_metadata())
        producer.commit_transaction()
    consumer.close()


if __name__ == "__main__":
    main()
