"""Trains small networks in PyTorch for ten steps and keeps the batches, the losses and the weights.

Writes Tests/Fixtures/training/steps/<network>.onnx, the network before training, and <network>.npz: x and y [10, batch, ...],
and for each optimizer its losses [10] and the weights after the last step, `<optimizer>/<initializer>`.

Needs torch, onnx and numpy: python make_step_fixtures.py
"""
import pathlib
import tempfile

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "Fixtures/training/steps"
STEPS, BATCH = 10, 8
OPTIMIZERS = {
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=0.05),
    "momentum": lambda parameters: torch.optim.SGD(parameters, lr=0.02, momentum=0.9),
    "adam": lambda parameters: torch.optim.Adam(parameters, lr=0.005),
}


class LSTM(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(6, 8, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


class Transformer(nn.Module):
    """One block with its normalizations in front, two heads, GELU; the mean over the tokens to three classes."""

    def __init__(self, width=8, heads=2):
        super().__init__()
        self.heads = heads
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.value, self.out = (nn.Linear(width, width) for _ in range(3))
        # Softmax does not see a bias of the keys: its gradient is rounding, which Adam would make steps of.
        self.key = nn.Linear(width, width, bias=False)
        self.up, self.down = nn.Linear(width, 16), nn.Linear(16, width)
        self.head = nn.Linear(width, 3)
        # Equal tensors would be exported as one.
        for norm in (self.first, self.second):
            nn.init.uniform_(norm.weight, 0.8, 1.2)
            nn.init.uniform_(norm.bias, -0.1, 0.1)

    def forward(self, x):
        y = self.first(x)
        split = lambda z: z.reshape(-1, 5, self.heads, 4).transpose(1, 2)
        query, key, value = split(self.query(y)), split(self.key(y)), split(self.value(y))
        weights = torch.softmax(query @ key.transpose(-2, -1) / 2.0, -1)
        x = x + self.out((weights @ value).transpose(1, 2).reshape(-1, 5, 8))
        x = x + self.down(nn.functional.gelu(self.up(self.second(x))))
        return self.head(x.mean(1))


NETWORKS = {
    "mlp": (lambda: nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 12), nn.Tanh(), nn.Linear(12, 3)), (10,)),
    "cnn": (lambda: nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 8, 3, padding=1), nn.ReLU(), nn.Flatten(),
        nn.Linear(128, 3)), (1, 8, 8)),
    "lstm": (LSTM, (7, 6)),
    "transformer": (Transformer, (5, 8)),
}


def export(network, shape, path):
    torch.onnx.export(
        network, (torch.zeros(2, *shape),), str(path), input_names=["x"], output_names=["scores"], opset_version=17,
        dynamic_axes={"x": {0: "batch"}, "scores": {0: "batch"}}, dynamo=False, do_constant_folding=True,
        training=torch.onnx.TrainingMode.EVAL)
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(str(path)).graph.initializer}


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    scratch = pathlib.Path(tempfile.mkdtemp())
    for name, (make, shape) in NETWORKS.items():
        torch.manual_seed(7)
        network = make()
        start = {key: value.clone() for key, value in network.state_dict().items()}
        export(network, shape, FOLDER / f"{name}.onnx")
        x = torch.randn(STEPS, BATCH, *shape)
        y = torch.randint(0, 3, (STEPS, BATCH))
        arrays = {"x": x.numpy(), "y": y.numpy()}
        for optimizer_name, optimizer_of in OPTIMIZERS.items():
            network.load_state_dict(start)
            optimizer = optimizer_of(network.parameters())
            losses = []
            for step in range(STEPS):
                optimizer.zero_grad()
                loss = nn.functional.cross_entropy(network(x[step]), y[step])
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
            arrays[f"{optimizer_name}/losses"] = np.array(losses, np.float32)
            for key, value in export(network, shape, scratch / "trained.onnx").items():
                if value.dtype == np.float32:
                    arrays[f"{optimizer_name}/{key}"] = value
        np.savez(FOLDER / f"{name}.npz", **arrays)


if __name__ == "__main__":
    main()
