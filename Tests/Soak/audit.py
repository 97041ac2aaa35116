"""Every request against what came of it. Knows records, not brokers."""
import collections
import typing

from plan import ID_HEADER

MAXIMUM_EXAMPLES = 10


class Record(typing.NamedTuple):
    partition: int
    offset: int
    timestamp: int
    """Milliseconds since 1970."""
    key: typing.Optional[bytes]
    value: typing.Optional[bytes]
    headers: dict
    """Name to bytes; the first of a name."""

    @classmethod
    def of(cls, message):
        headers = {}
        for name, value in message.headers() or []:
            headers.setdefault(name, value)
        return cls(
            message.partition(), message.offset(), message.timestamp()[1], message.key(), message.value(), headers)


class Asked:
    """A request of the log and how often it was answered."""
    __slots__ = ("request", "key", "value", "timestamp", "results", "dead_letters")

    def __init__(self, request, record):
        self.request, self.key, self.timestamp = request, record.key, record.timestamp
        self.value = record.value if request.is_dead_letter else None
        self.results = self.dead_letters = 0


class Audit:
    """Feed it all requests, then all results and dead letters in the order of each partition, then `finish`."""

    KINDS = ("lost", "duplicated", "out_of_order", "wrong", "stray")

    def __init__(self, request_topic, plan, answers):
        self.request_topic, self.plan, self.answers = request_topic, plan, answers
        self.counts = collections.Counter({kind: 0 for kind in self.KINDS})
        self.examples = []
        self.statuses = collections.Counter()
        self.results = self.dead_letters = 0
        self.repeated = 0
        """Requests that the log holds once more, because the load's own producer wrote them again around
        a broker's restart."""
        self.latencies = []
        """Seconds from a request's timestamp to its result's being visible."""
        self._asked = {}
        self._next_sequence = {}
        self._last_source = {}

    @property
    def requests(self):
        return len(self._asked)

    @property
    def is_clean(self):
        return not any(self.counts.values())

    def _found(self, kind, text):
        self.counts[kind] += 1
        if sum(example["kind"] == kind for example in self.examples) < MAXIMUM_EXAMPLES:
            self.examples.append({"kind": kind, "what": text})

    def add_request(self, record):
        identifier = record.headers[ID_HEADER].decode()
        key, _, sequence = identifier.rpartition("-")
        expected = self._next_sequence.get(key, 0)
        if int(sequence) == expected - 1:
            # The log is the truth: a request that it holds twice has two answers.
            self.repeated += 1
        elif int(sequence) != expected:
            raise ValueError(f"the request log is not what was sent: {identifier} where {key}-{expected} belongs")
        self._next_sequence[key] = int(sequence) + 1
        self._asked[record.partition, record.offset] = Asked(self.plan.request(identifier), record)

    def add_result(self, record, arrival=None):
        self.results += 1
        place = f"result {record.partition}/{record.offset}"
        source = record.headers.get("millrace-source", b"").decode()
        topic, _, position = source.partition("/")
        try:
            partition, offset = map(int, position.split("/"))
            asked = self._asked[partition, offset]
        except (ValueError, KeyError):
            self._found("stray", f"{place}: no request at {source!r}")
            return
        if topic != self.request_topic:
            self._found("stray", f"{place}: no request at {source!r}")
            return
        what = f"{asked.request.id} ({asked.request.kind}, {source}), {place}"
        asked.results += 1
        if asked.results > 1:
            self._found("duplicated", f"{what}: answered {asked.results} times")
        if offset < self._last_source.get(partition, -1):
            self._found("out_of_order", f"{what}: after the result of offset {self._last_source[partition]}")
        self._last_source[partition] = max(offset, self._last_source.get(partition, -1))
        problem = self._misplaced(asked, record, partition) or self.answers.problem(asked.request, record)
        if problem:
            self._found("wrong", f"{what}: {problem}")
        self.statuses[record.headers.get("millrace-status", b"").decode()] += 1
        if arrival is not None and asked.results == 1:
            self.latencies.append(arrival - asked.timestamp / 1000)

    @staticmethod
    def _misplaced(asked, record, partition):
        if record.partition != partition:
            return f"on partition {record.partition} instead of {partition}"
        if record.key != asked.key:
            return f"key {record.key}, expected {asked.key}"
        if record.headers.get("ce_id") != record.headers["millrace-source"]:
            return f"ce_id {record.headers.get('ce_id')}"
        return None

    def add_dead_letter(self, record):
        self.dead_letters += 1
        place = f"dead letter {record.partition}/{record.offset}"
        try:
            position = tuple(
                int.from_bytes(record.headers[f"kafka_dlt-original-{name}"], "big") for name in ("partition", "offset"))
            asked = self._asked[position]
        except KeyError as error:
            self._found("stray", f"{place}: no request {error}")
            return
        what = f"{asked.request.id} ({asked.request.kind}, {position[0]}/{position[1]}), {place}"
        if not asked.request.is_dead_letter:
            self._found("wrong", f"{what}: the request is readable")
            return
        asked.dead_letters += 1
        if asked.dead_letters > 1:
            self._found("duplicated", f"{what}: dead-lettered {asked.dead_letters} times")
        if (record.key, record.value) != (asked.key, asked.value):
            self._found("wrong", f"{what}: not the request's key and value")

    def finish(self):
        """Counts what never came."""
        for (partition, offset), asked in self._asked.items():
            what = f"{asked.request.id} ({asked.request.kind}, {partition}/{offset})"
            if not asked.results:
                self._found("lost", f"{what}: no result")
            if asked.request.is_dead_letter and not asked.dead_letters:
                self._found("lost", f"{what}: no dead letter")
