"""What each request is and what it must get, both derived from its id and the run's seed alone.

The load generator and the auditor share nothing else: the auditor reads ids from the request topic.
"""
import dataclasses
import json
import random

from digits import INPUT, OUTPUT, PIXELS

MODEL = "digits"
ID_HEADER = "soak-id"
JSON_LENGTH_HEADER = "inference-header-content-length"
# Batches of the instances; requests have up to MAXIMUM_ROWS rows, so that some are split.
MAXIMUM_BATCH_ROWS = 32
MAXIMUM_ROWS = 40

BAD_KINDS = {
    # kind: (status, whether the error knows the request's id)
    "not-json": ("MALFORMED_REQUEST", False),
    "no-value": ("MALFORMED_REQUEST", False),
    "unknown-model": ("UNKNOWN_MODEL", True),
    "wrong-shape": ("INVALID_INPUT", True),
}


@dataclasses.dataclass(frozen=True)
class Request:
    id: str
    kind: str
    """`json`, `binary` (raw input), `binary-both` (raw input and output) or one of BAD_KINDS."""
    images: tuple

    @property
    def status(self):
        return BAD_KINDS[self.kind][0] if self.kind in BAD_KINDS else "ok"

    @property
    def has_answer_id(self):
        return self.kind not in BAD_KINDS or BAD_KINDS[self.kind][1]

    @property
    def is_dead_letter(self):
        """Whether nothing in the record could be taken for a request."""
        return not self.has_answer_id


class Plan:
    def __init__(self, seed, image_count, bad_share, multi_row_share):
        self.seed = seed
        self.image_count = image_count
        self.bad_share = bad_share
        self.multi_row_share = multi_row_share

    def request(self, identifier):
        chance = random.Random(f"{self.seed}/{identifier}")
        if chance.random() < self.bad_share:
            kind = chance.choice(sorted(BAD_KINDS))
        else:
            kind = chance.choice(["json", "json", "binary", "binary-both"])
        rows = chance.randint(2, MAXIMUM_ROWS) if chance.random() < self.multi_row_share else 1
        return Request(identifier, kind, tuple(chance.randrange(self.image_count) for _ in range(rows)))


def encode(request, digits):
    """The record's value and headers."""
    headers = [(ID_HEADER, request.id.encode())]
    rows = len(request.images)
    if request.kind == "no-value":
        return None, headers
    if request.kind == "not-json":
        return f"{request.id}: these are not the tensors you are looking for".encode(), headers
    model = "digit" if request.kind == "unknown-model" else MODEL
    columns = PIXELS - 1 if request.kind == "wrong-shape" else PIXELS
    start = (f'{{"id":{json.dumps(request.id)},"model_name":"{model}",'
             f'"inputs":[{{"name":"{INPUT}","shape":[{rows},{columns}],"datatype":"FP32",')
    if not request.kind.startswith("binary"):
        data = ",".join(digits.json[image] for image in request.images)
        return f'{start}"data":[{data}]}}]}}'.encode(), headers
    size = rows * PIXELS * 4
    start += f'"parameters":{{"binary_data_size":{size}}}}}]'
    if request.kind == "binary-both":
        start += f',"outputs":[{{"name":"{OUTPUT}","parameters":{{"binary_data":true}}}}]'
    document = (start + "}").encode()
    headers += [("content-type", b"application/octet-stream"), (JSON_LENGTH_HEADER, str(len(document)).encode())]
    return document + b"".join(digits.raw[image] for image in request.images), headers
