"""The digits perceptron (mlp.h5) as ONNX: the normalization folded into the first of its three dense layers.

    digits_onnx.py mlp.h5 mlp.onnx
"""

import sys

import h5py
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

EPSILON = 0.001  # of the file's BatchNormalization


def read(path):
    with h5py.File(path) as file:
        weights = file["model_weights"]

        def value(layer, name):
            return np.asarray(weights[layer][layer][f"{name}:0"], dtype=np.float32)

        scale = value("norm", "gamma") / np.sqrt(value("norm", "moving_variance") + EPSILON)
        shift = value("norm", "beta") - value("norm", "moving_mean") * scale
        dense = [(value(name, "kernel"), value(name, "bias")) for name in ("hidden_1", "hidden_2", "probabilities")]
    kernel, bias = dense[0]
    dense[0] = (scale[:, None] * kernel, shift @ kernel + bias)
    return dense


def convert(source, target):
    nodes, initializers, value = [], [], "pixels"
    layers = read(source)
    for index, (kernel, bias) in enumerate(layers):
        initializers.append(numpy_helper.from_array(kernel.astype(np.float32), f"w{index}"))
        initializers.append(numpy_helper.from_array(bias.astype(np.float32), f"b{index}"))
        nodes.append(helper.make_node("Gemm", [value, f"w{index}", f"b{index}"], [f"sum{index}"]))
        is_last = index == len(layers) - 1
        value = "probabilities" if is_last else f"hidden{index}"
        nodes.append(helper.make_node("Softmax" if is_last else "Relu", [f"sum{index}"], [value]))
    graph = helper.make_graph(
        nodes, "digits",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", layers[0][0].shape[0]])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 10])], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, target)


if __name__ == "__main__":
    convert(sys.argv[1], sys.argv[2])
