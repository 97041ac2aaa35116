"""Whether one result is the right answer: status, id, shape, values, and the same bits as every time before."""
import json
import struct

from digits import CLASSES, OUTPUT, TOLERANCE
from plan import JSON_LENGTH_HEADER


class Answers:
    """Remembers the first answer for each image; every later one must have its bits, whoever gave it in what batch."""

    def __init__(self, digits):
        self.digits = digits
        self.rows_checked = 0
        self.images_seen = 0
        self._text = [None] * digits.count
        self._bits = [None] * digits.count

    def problem(self, request, result):
        """What is wrong with a result, or None."""
        status = result.headers.get("millrace-status", b"").decode()
        if status != request.status:
            return f"status {status}, expected {request.status}"
        try:
            if request.status != "ok":
                return self._error_problem(request, result)
            return self._prediction_problem(request, result)
        except (ValueError, KeyError, IndexError, TypeError, struct.error) as error:
            return f"unreadable: {error!r}"

    def _error_problem(self, request, result):
        document = json.loads(result.value)
        if document.get("id") != (request.id if request.has_answer_id else None):
            return f"id {document.get('id')}"
        error = document["error"]
        if error["code"] != request.status or not error["message"]:
            return f"error {error}"
        return None

    def _prediction_problem(self, request, result):
        is_raw = request.kind == "binary-both"
        length = int(result.headers[JSON_LENGTH_HEADER]) if is_raw else len(result.value)
        text = result.value[:length].decode()
        rows = len(request.images)
        if is_raw:
            document, raw = json.loads(text), result.value[length:]
            if len(raw) != rows * CLASSES * 4:
                return f"{len(raw)} bytes of outputs for {rows} rows"
        else:
            # The numbers stay text: their spelling is compared too.
            head, _, tail = text.partition('"data":[')
            numbers, _, rest = tail.partition("]")
            document = json.loads(f'{head}"data":[]{rest}')
        if document.get("id") != request.id:
            return f"id {document.get('id')}"
        [output] = document["outputs"]
        if (output["name"], output["datatype"], output["shape"]) != (OUTPUT, "FP32", [rows, CLASSES]):
            return f"output {output['name']} {output['datatype']} {output['shape']}"
        if is_raw:
            size = CLASSES * 4
            found = [self._row_problem(image, raw[i * size:(i + 1) * size]) for i, image in enumerate(request.images)]
        else:
            parts = numbers.split(",")
            if len(parts) != rows * CLASSES:
                return f"{len(parts)} numbers for {rows} rows"
            found = [self._text_row_problem(image, ",".join(parts[i * CLASSES:(i + 1) * CLASSES]))
                     for i, image in enumerate(request.images)]
        return next((problem for problem in found if problem), None)

    def _text_row_problem(self, image, text):
        if text == self._text[image]:
            self.rows_checked += 1
            return None
        bits = struct.pack(f"<{CLASSES}f", *(float(number) for number in text.split(",")))
        problem = self._row_problem(image, bits)
        if problem is None and self._text[image] is not None:
            return f"image {image}: found {text}, spelled {self._text[image]} before"
        self._text[image] = self._text[image] or text
        return problem

    def _row_problem(self, image, bits):
        self.rows_checked += 1
        known = self._bits[image]
        if bits == known:
            return None
        values = struct.unpack(f"<{CLASSES}f", bits)
        if known is not None:
            return f"image {image}: found {values}, answered {struct.unpack(f'<{CLASSES}f', known)} before"
        # A NaN compares false and so counts as wrong.
        if not all(abs(a - b) <= TOLERANCE for a, b in zip(values, self.digits.references[image])):
            return f"image {image}: found {values}, expected {list(self.digits.references[image])}"
        self._bits[image] = bits
        self.images_seen += 1
        return None
