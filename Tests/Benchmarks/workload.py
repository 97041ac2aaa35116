"""The requests of every comparison: the records that `millrace bench pipeline` sends, number for number."""

MODEL = "digits"
NUMBERS = 64
VARIANTS = 256
"""Bodies that differ in their numbers."""
HEADERS = [("millrace-model", MODEL.encode())]
MASK = (1 << 64) - 1


def split_mix(state):
    """Vigna's SplitMix64."""
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        mixed = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & MASK
        yield mixed ^ (mixed >> 31)


def below(bound, random):
    """A uniform integer below `bound` from 64-bit ones, by Lemire's multiplication (arXiv:1805.10941)."""
    while True:
        product = next(random) * bound
        if product & MASK >= (1 << 64) % bound:
            return product >> 64


class Workload:
    """The request whose key and id are its index lies on partition index % partitions."""

    def __init__(self):
        random = split_mix(2)
        rows = [[below(16000, random) for _ in range(NUMBERS)] for _ in range(VARIANTS)]
        self._tails = []
        for row in rows:
            data = ",".join(f"{number // 1000}.{number % 1000:03d}" for number in row)
            self._tails.append(
                f'","inputs":[{{"name":"pixels","shape":[1,{NUMBERS}],"datatype":"FP32","data":[{data}]}}]}}')

    def body(self, index, identifier=None):
        return f'{{"id":"{index if identifier is None else identifier}{self._tails[index % VARIANTS]}'
