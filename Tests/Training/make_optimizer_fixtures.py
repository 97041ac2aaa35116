"""Writes what PyTorch's optimizers, schedules and losses do, as references for the tests.

    python3 Tests/Training/make_optimizer_fixtures.py

needs PyTorch (any version since 1.13, CPU is enough) and writes Tests/Fixtures/training/{optimizers,losses}.json.

optimizers.json: `start` and `gradients` (a list a step) of 12 parameters of a kernel and 5 of a bias; `cases`, each an
optimizer as a request names it and the parameters after every step; `schedules`, each a schedule and its rates.
losses.json: predictions, labels and weights, and what PyTorch makes of them.
"""

import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

HERE = pathlib.Path(__file__).parent
FIXTURES = HERE.parent / "Fixtures" / "training"
KERNEL, BIAS, STEPS = 12, 5, 6


def numbers(values):
    """Nine digits give a float32 back to the bit."""
    values = np.asarray(values, dtype=np.float32)
    if values.ndim == 0:
        return float(f"{float(values):.9g}")
    return [numbers(value) for value in values]


def optimizer(config, groups):
    rate = config["learning_rate"]
    kind = config["type"]
    if kind == "gradient_descent":
        return torch.optim.SGD(groups, lr=rate)
    if kind == "sgd":
        return torch.optim.SGD(
            groups, lr=rate, momentum=config.get("momentum", 0), dampening=config.get("dampening", 0),
            nesterov=config.get("nesterov", False))
    if kind in ("adam", "adamw"):
        make = torch.optim.Adam if kind == "adam" else torch.optim.AdamW
        return make(
            groups, lr=rate, betas=(config.get("beta_1", 0.9), config.get("beta_2", 0.999)),
            eps=config.get("epsilon", 1e-8))
    if kind == "rmsprop":
        return torch.optim.RMSprop(
            groups, lr=rate, alpha=config.get("rho", 0.99), eps=config.get("epsilon", 1e-8),
            momentum=config.get("momentum", 0), centered=config.get("centered", False))
    return torch.optim.Adagrad(
        groups, lr=rate, lr_decay=config.get("learning_rate_decay", 0),
        initial_accumulator_value=config.get("initial_accumulator_value", 0), eps=config.get("epsilon", 1e-10))


def trajectory(config, start, gradients):
    kernel = torch.nn.Parameter(torch.tensor(start[:KERNEL]))
    bias = torch.nn.Parameter(torch.tensor(start[KERNEL:]))
    decay = config.get("weight_decay", 0.01 if config["type"] == "adamw" else 0)
    groups = [
        {"params": [kernel], "weight_decay": decay},
        {"params": [bias], "weight_decay": decay if config.get("decay") == "all" else 0.0},
    ]
    method = optimizer(config, groups)
    result = []
    for gradient in gradients:
        method.zero_grad()
        loss = (kernel * torch.tensor(gradient[:KERNEL])).sum() + (bias * torch.tensor(gradient[KERNEL:])).sum()
        loss = loss + config.get("l1", 0) * kernel.abs().sum() + config.get("l2", 0) * (kernel * kernel).sum()
        loss.backward()
        if "clip_norm" in config:
            torch.nn.utils.clip_grad_norm_([kernel, bias], config["clip_norm"])
        if "clip_value" in config:
            torch.nn.utils.clip_grad_value_([kernel, bias], config["clip_value"])
        method.step()
        result.append(numbers(torch.cat([kernel.detach(), bias.detach()]).numpy()))
    return {"optimizer": config, "parameters": result}


def make_optimizers():
    random = np.random.default_rng(5)
    start = random.normal(0, 1, KERNEL + BIAS).astype(np.float32)
    gradients = random.normal(0, 1, (STEPS, KERNEL + BIAS)).astype(np.float32)
    gradients[2] *= 30
    gradients[:, 3] = 0
    configs = [
        {"type": "gradient_descent", "learning_rate": 0.1},
        {"type": "sgd", "learning_rate": 0.1},
        {"type": "sgd", "learning_rate": 0.1, "momentum": 0.9},
        {"type": "sgd", "learning_rate": 0.1, "momentum": 0.9, "dampening": 0.3},
        {"type": "sgd", "learning_rate": 0.1, "momentum": 0.9, "nesterov": True},
        {"type": "sgd", "learning_rate": 0.1, "momentum": 0.8, "weight_decay": 0.05},
        {"type": "sgd", "learning_rate": 0.1, "weight_decay": 0.05, "decay": "all"},
        {"type": "adam", "learning_rate": 0.01},
        {"type": "adam", "learning_rate": 0.02, "beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-3},
        {"type": "adam", "learning_rate": 0.01, "weight_decay": 0.1, "decay": "all"},
        {"type": "adamw", "learning_rate": 0.01},
        {"type": "adamw", "learning_rate": 0.01, "weight_decay": 0.3, "decay": "all"},
        {"type": "rmsprop", "learning_rate": 0.01},
        {"type": "rmsprop", "learning_rate": 0.01, "rho": 0.9, "epsilon": 1e-4},
        {"type": "rmsprop", "learning_rate": 0.01, "momentum": 0.9},
        {"type": "rmsprop", "learning_rate": 0.01, "rho": 0.5, "epsilon": 1e-2, "centered": True},
        {"type": "rmsprop", "learning_rate": 0.01, "rho": 0.5, "epsilon": 1e-2, "centered": True, "momentum": 0.5,
         "weight_decay": 0.1},
        {"type": "adagrad", "learning_rate": 0.1},
        {"type": "adagrad", "learning_rate": 0.1, "learning_rate_decay": 0.2, "initial_accumulator_value": 0.3,
         "weight_decay": 0.1},
        {"type": "sgd", "learning_rate": 0.1, "clip_norm": 2.5},
        {"type": "adam", "learning_rate": 0.01, "clip_value": 0.5},
        {"type": "sgd", "learning_rate": 0.1, "l1": 0.2},
        {"type": "sgd", "learning_rate": 0.1, "momentum": 0.9, "l1": 0.1, "l2": 0.3, "clip_norm": 1.5},
    ]
    schedules = []
    for config, make in [
        ({"type": "step", "step_size": 3, "gamma": 0.5},
         lambda o: torch.optim.lr_scheduler.StepLR(o, 3, gamma=0.5)),
        ({"type": "exponential", "gamma": 0.9}, lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.9)),
        ({"type": "cosine", "duration": 8, "minimum": 0.01},
         lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 8, eta_min=0.01)),
        # Linear from a fifth of the rate to all of it in the first five steps.
        ({"type": "warmup", "duration": 5},
         lambda o: torch.optim.lr_scheduler.LinearLR(o, start_factor=0.2, end_factor=1.0, total_iters=4)),
    ]:
        method = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
        schedule = make(method)
        rates = []
        for _ in range(9):
            rates.append(float(schedule.get_last_lr()[0]))
            method.step()
            schedule.step()
        schedules.append({"schedule": config, "rates": rates})
    return {
        "start": numbers(start), "gradients": numbers(gradients),
        "cases": [trajectory(config, start, gradients) for config in configs], "schedules": schedules,
    }


def make_losses():
    random = np.random.default_rng(9)
    tensor = lambda *shape: torch.tensor(random.normal(0, 3, shape).astype(np.float32))
    rows, classes, steps = 5, 4, 3
    scores, sequence = tensor(rows, classes), tensor(rows, steps, classes)
    labels = torch.tensor([0, 3, 1, 1, 2])
    step_labels = torch.tensor(random.integers(0, classes, (rows, steps)))
    shares = torch.softmax(tensor(rows, classes), -1)
    class_weights = torch.tensor([0.5, 2, 1, 3], dtype=torch.float32)
    sample_weights = torch.tensor([1, 0, 2, 0.5, 1.5], dtype=torch.float32)
    logits = torch.cat([tensor(rows, 1), torch.tensor([[60], [-70], [0], [8], [-9]], dtype=torch.float32)], 1)
    binary = torch.tensor([[0, 1], [1, 0], [1, 1], [0, 0], [1, 1]], dtype=torch.float32)
    predictions, targets = tensor(rows, 2), tensor(rows, 2)
    signs = binary * 2 - 1

    def by_rows(losses, weights=sample_weights):
        losses = losses.reshape(rows, -1).mean(1)
        return (losses * weights).sum() / weights.sum()

    smooth = F.cross_entropy(scores, labels, label_smoothing=0.1)
    bce = F.binary_cross_entropy_with_logits
    weight = class_weights[labels]
    # Class weights of 0 and 1, which divide by their sum as those of cross_entropy do.
    binary_weight = binary * 3 + (1 - binary) * 0.5
    values = {
        "cross_entropy": F.cross_entropy(scores, labels),
        "cross_entropy class": F.cross_entropy(scores, labels, weight=class_weights),
        "cross_entropy sample": by_rows(F.cross_entropy(scores, labels, reduction="none")),
        "cross_entropy class sample": (
            (F.cross_entropy(scores, labels, reduction="none") * weight * sample_weights).sum()
            / (weight * sample_weights).sum()),
        "cross_entropy smooth": smooth,
        "cross_entropy smooth class": F.cross_entropy(scores, labels, weight=class_weights, label_smoothing=0.1),
        "cross_entropy shares": F.cross_entropy(scores, shares),
        "cross_entropy shares smooth": F.cross_entropy(scores, shares, label_smoothing=0.2),
        "cross_entropy steps": F.cross_entropy(sequence.transpose(1, 2), step_labels),
        "cross_entropy steps class": F.cross_entropy(sequence.transpose(1, 2), step_labels, weight=class_weights),
        "cross_entropy steps sample": by_rows(
            F.cross_entropy(sequence.transpose(1, 2), step_labels, reduction="none")),
        "cross_entropy steps smooth": F.cross_entropy(sequence.transpose(1, 2), step_labels, label_smoothing=0.1),
        "binary": bce(logits, binary),
        "binary sample": by_rows(bce(logits, binary, reduction="none")),
        "binary smooth": bce(logits, binary * 0.9 + 0.05),
        "binary class": (bce(logits, binary, reduction="none") * binary_weight).sum() / binary_weight.sum(),
        "mse": F.mse_loss(predictions, targets),
        "mse sample": by_rows(F.mse_loss(predictions, targets, reduction="none")),
        "mae": F.l1_loss(predictions, targets),
        "huber": F.huber_loss(predictions, targets, delta=1.0),
        "huber delta": F.huber_loss(predictions, targets, delta=2.5),
        "hinge": torch.clamp(1 - signs * predictions, min=0).mean(),
        "squared_hinge": (torch.clamp(1 - signs * predictions, min=0) ** 2).mean(),
    }
    return {
        "scores": numbers(scores), "sequence": numbers(sequence), "labels": labels.tolist(),
        "step_labels": step_labels.tolist(), "shares": numbers(shares), "sample_weights": numbers(sample_weights),
        "class_weights": numbers(class_weights), "logits": numbers(logits), "binary": numbers(binary),
        "predictions": numbers(predictions), "targets": numbers(targets),
        "values": {name: numbers(value.detach().numpy()) for name, value in values.items()},
    }


if __name__ == "__main__":
    FIXTURES.mkdir(parents=True, exist_ok=True)
    for name, make in [("optimizers", make_optimizers), ("losses", make_losses)]:
        (FIXTURES / f"{name}.json").write_text(json.dumps(make()) + "\n")
