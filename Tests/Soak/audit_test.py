"""The auditor must find what it is there for: one fault of each kind, put into an otherwise perfect run."""
import json
import pathlib
import struct
import unittest

from answers import Answers
from audit import Audit, Record
from digits import Digits
from plan import ID_HEADER, JSON_LENGTH_HEADER, Plan, encode

DIGITS = Digits(pathlib.Path(__file__).resolve().parents[2] / "Sources/MillraceCommand/Resources/digits")
TOPIC = "t.requests"
COUNT = 400


def perfect_run():
    """Requests, results and dead letters as a faultless service would leave them."""
    plan = Plan(1, DIGITS.count, 0.2, 0.3)
    requests, results, letters = [], [], []
    for number in range(COUNT):
        partition, offset = number % 4, number // 4
        request = plan.request(f"k{partition}-{offset}")
        value, headers = encode(request, DIGITS)
        key = f"k{partition}".encode()
        requests.append(Record(partition, offset, 1000, key, value, dict(headers)))
        source = f"{TOPIC}/{partition}/{offset}".encode()
        headers = {"millrace-source": source, "ce_id": source, "millrace-status": request.status.encode()}
        body, extra = answer(request)
        results.append(Record(partition, offset, 1001, key, body, {**headers, **extra}))
        if request.is_dead_letter:
            original = {"kafka_dlt-original-partition": struct.pack(">i", partition),
                        "kafka_dlt-original-offset": struct.pack(">q", offset)}
            letters.append(Record(0, len(letters), 1001, key, value, original))
    return plan, requests, results, letters


def answer(request):
    if request.status != "ok":
        error = {"error": {"code": request.status, "message": "because"}}
        return json.dumps({"id": request.id, **error} if request.has_answer_id else error).encode(), {}
    rows = [DIGITS.references[image] for image in request.images]
    output = {"name": "probabilities", "datatype": "FP32", "shape": [len(rows), 10]}
    numbers = [number for row in rows for number in row]
    if request.kind == "binary-both":
        head = json.dumps({"id": request.id, "outputs": [output]}).encode()
        return head + struct.pack(f"<{len(numbers)}f", *numbers), {JSON_LENGTH_HEADER: str(len(head)).encode()}
    output["data"] = numbers
    return json.dumps({"id": request.id, "outputs": [output]}, separators=(",", ":")).encode(), {}


def counts(requests, results, letters, plan):
    audit = Audit(TOPIC, plan, Answers(DIGITS))
    for record in requests:
        audit.add_request(record)
    for record in results:
        audit.add_result(record)
    for record in letters:
        audit.add_dead_letter(record)
    audit.finish()
    return {kind: count for kind, count in audit.counts.items() if count}


def is_dead_letter(plan, record):
    return plan.request(record.headers[ID_HEADER].decode()).is_dead_letter


class AuditTest(unittest.TestCase):
    def setUp(self):
        self.plan, self.requests, self.results, self.letters = perfect_run()

    def found(self):
        return counts(self.requests, self.results, self.letters, self.plan)

    def position(self, *kinds, single=True):
        """Of the last result of these kinds whose first and last image were answered before."""
        seen = set()
        chosen = None
        for index, record in enumerate(self.requests):
            request = self.plan.request(record.headers[ID_HEADER].decode())
            if request.kind in kinds and (len(request.images) == 1) == single and (
                    request.status != "ok" or {request.images[0], request.images[-1]} <= seen):
                chosen = index
            if request.status == "ok":
                seen |= set(request.images)
        return chosen

    def change(self, index, **members):
        self.results[index] = self.results[index]._replace(**members)

    def test_a_perfect_run_is_clean(self):
        self.assertEqual(self.found(), {})
        self.assertGreater(len(self.letters), 10)

    def test_lost(self):
        del self.results[17]
        self.assertEqual(self.found(), {"lost": 1})

    def test_lost_dead_letter(self):
        self.letters.pop()
        self.assertEqual(self.found(), {"lost": 1})

    def test_duplicated(self):
        self.results.insert(5, self.results[4])
        self.assertEqual(self.found(), {"duplicated": 1})

    def test_duplicated_dead_letter(self):
        self.letters.append(self.letters[0])
        self.assertEqual(self.found(), {"duplicated": 1})

    def test_out_of_order(self):
        self.results[8], self.results[12] = self.results[12], self.results[8]
        self.assertEqual(self.found(), {"out_of_order": 1})

    def test_wrong_status(self):
        self.change(self.position("json"), headers={**self.results[self.position("json")].headers,
                                                    "millrace-status": b"INTERNAL"})
        self.assertEqual(self.found(), {"wrong": 1})

    def test_wrong_value(self):
        index = self.position("json", single=False)
        document = json.loads(self.results[index].value)
        document["outputs"][0]["data"][-1] += 1e-4
        self.change(index, value=json.dumps(document, separators=(",", ":")).encode())
        self.assertEqual(self.found(), {"wrong": 1})

    def test_other_bits_within_the_tolerance(self):
        for kind in ("binary-both", "json"):
            self.setUp()
            index = self.position(kind, single=False)
            value = self.results[index].value
            if kind == "json":
                document = json.loads(value)
                bits = struct.unpack("<I", struct.pack("<f", document["outputs"][0]["data"][0]))[0] ^ 1
                document["outputs"][0]["data"][0] = struct.unpack("<f", struct.pack("<I", bits))[0]
                value = json.dumps(document, separators=(",", ":")).encode()
            else:
                value = value[:-4] + bytes([value[-4] ^ 1]) + value[-3:]
            self.change(index, value=value)
            self.assertEqual(self.found(), {"wrong": 1}, kind)

    def test_other_spelling(self):
        index = self.position("json")
        self.change(index, value=self.results[index].value.replace(b"]", b"0]", 2).replace(b"100]", b"10]"))
        self.assertEqual(self.found(), {"wrong": 1})

    def test_wrong_id_of_an_error(self):
        self.change(self.position("unknown-model"), value=b'{"id":"x","error":{"code":"UNKNOWN_MODEL","message":"m"}}')
        self.assertEqual(self.found(), {"wrong": 1})

    def test_wrong_partition(self):
        self.change(9, partition=3)
        self.assertEqual(self.found(), {"wrong": 1})

    def test_stray(self):
        record = self.results[0]
        self.results.append(record._replace(headers={**record.headers, "millrace-source": b"t.requests/0/99999"}))
        self.results.append(record._replace(headers={**record.headers, "millrace-source": b"else/0/0"}))
        self.assertEqual(self.found(), {"stray": 2})

    def test_dead_letter_of_a_readable_request(self):
        index = self.position("json")
        partition, offset = self.requests[index].partition, self.requests[index].offset
        self.letters.append(self.letters[0]._replace(headers={
            "kafka_dlt-original-partition": struct.pack(">i", partition),
            "kafka_dlt-original-offset": struct.pack(">q", offset)}))
        self.assertEqual(self.found(), {"wrong": 1})

    def test_altered_dead_letter(self):
        self.letters[0] = self.letters[0]._replace(value=b"other")
        self.assertEqual(self.found(), {"wrong": 1})

    def test_a_request_that_the_log_holds_twice_has_two_answers(self):
        last = max(self.requests, key=lambda record: (record.partition == 0, record.offset))
        again = last._replace(offset=last.offset + 1)
        self.requests.insert(self.requests.index(last) + 1, again)
        self.assertEqual(self.found().get("lost", 0), 2 if is_dead_letter(self.plan, last) else 1)

    def test_a_request_log_with_a_gap_is_refused(self):
        del self.requests[40]
        with self.assertRaises(ValueError):
            self.found()


if __name__ == "__main__":
    unittest.main()
