"""What is trained, and when instances are killed while it is. Knows no brokers."""
import dataclasses
import json
import random

MODEL = "digits-trained"
PIXELS_A_SIDE = 8
CLASSES = [str(digit) for digit in range(10)]
ROW_INPUT = "image"

ARCHITECTURE = {"input": {"shape": [PIXELS_A_SIDE, PIXELS_A_SIDE, 1]}, "layers": [
    {"type": "rescaling", "scale": 0.0625},
    {"type": "conv2d", "filters": 16, "kernel_size": 3, "padding": "same", "use_bias": False},
    {"type": "batch_normalization"},
    {"type": "relu"},
    {"type": "conv2d", "filters": 32, "kernel_size": 3, "padding": "same", "activation": "relu"},
    {"type": "max_pooling2d"},
    {"type": "conv2d", "filters": 32, "kernel_size": 3, "activation": "relu"},
    {"type": "dropout", "rate": 0.3},
    {"type": "flatten"},
    {"type": "dense", "units": 64, "activation": "relu"},
    {"type": "dense", "units": 10, "activation": "softmax"},
]}


def row(image, label):
    """A record of the topic of rows."""
    return json.dumps({ROW_INPUT: [int(pixel) for pixel in image], "digit": CLASSES[label]}, separators=(",", ":"))


def schema():
    return {"features": [{"name": ROW_INPUT, "kind": "tensor", "shape": ARCHITECTURE["input"]["shape"]}],
            "label": {"name": "digit", "kind": "class", "classes": CLASSES}}


def request(topic, folds, epochs, seed, end="latest", model=MODEL, starts=None):
    """A job: the convolutional network on the rows of a topic. Without folds nothing is judged.

    `end`: partition to the offset where the rows end, or "latest"; `starts` likewise, else the beginning.
    """
    def offsets(bound):
        return bound if isinstance(bound, str) else {"offsets": {str(p): offset for p, offset in bound.items()}}

    evaluation = {"method": "k_fold", "folds": folds, "stratified": True} if folds else {"method": "none"}
    return {
        "model": model, "architecture": ARCHITECTURE,
        "dataset": {"topic": topic, "from": offsets(starts or "earliest"), "to": offsets(end), "schema": schema()},
        "loss": "softmax_cross_entropy", "optimizer": {"type": "adam", "learning_rate": 0.002},
        "epochs": epochs, "batch_size": 32, "seed": seed,
        # Several in a fit, so that restarts have some to go on from.
        "checkpoint_steps": 150,
        "evaluation": evaluation, "promotion": {"alias": "champion"},
    }


@dataclasses.dataclass(frozen=True)
class Kill:
    """A moment of a job to kill its instance at."""
    trigger: str
    """`time` (since the request), `accepted`, `evaluated`, `bundle` (the model is in the store, the transaction comes
    next) or `transaction` (its first record is in the log)."""
    fold: int
    """Which `evaluated` event, from 0."""
    delay: float
    """Seconds from the trigger on."""
    away: float
    """Seconds until the instance is started again."""


# The end of a job is where most can go wrong: it gets most of the kills.
TRIGGERS = ("time", "bundle", "evaluated", "transaction", "time", "bundle", "transaction", "bundle", "accepted",
            "bundle")
DELAYS = {"accepted": 0.3, "evaluated": 0.15, "transaction": 0.005}


def kills(seed, count, duration, ending, folds, triggers=TRIGGERS):
    """One for each job; the triggers take turns, everything else is drawn.

    `duration`: seconds of a job left alone; `ending`: those from its bundle to its last event's being visible.
    """
    chance = random.Random(f"training-kills/{seed}")
    longest = {"time": duration, "bundle": 1.2 * ending, **DELAYS}
    plan = []
    for number in range(count):
        trigger = triggers[number % len(triggers)]
        plan.append(Kill(
            trigger, chance.randrange(folds), chance.uniform(0, longest[trigger]), chance.uniform(0, 2)))
    return plan
