#!/usr/bin/env python3
"""Writes the ONNX models of this folder, and what ONNX Runtime answers for them.

  pip install onnx onnxruntime numpy
  Tests/Fixtures/onnx/make_models.py

Each `name.onnx` has a `name.npz` with its inputs and outputs by their names.
"""
import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).parent
random = np.random.default_rng(7)


def weights(name, *shape):
    return numpy_helper.from_array((random.normal(size=shape) / np.sqrt(shape[-1])).astype(np.float32), name)


def save(name, nodes, inputs, outputs, initializers, data, opset=17, external=False):
    graph = helper.make_graph(
        nodes, name, [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n, shape in inputs],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n, shape in outputs], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    model.producer_name = "millrace-fixtures"
    onnx.checker.check_model(model)
    path = HERE / f"{name}.onnx"
    if external:
        location = f"{name}.weights"
        (HERE / location).unlink(missing_ok=True)
        onnx.save(model, path, save_as_external_data=True, location=location, size_threshold=0)
    else:
        onnx.save(model, path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    answers = session.run(None, data)
    np.savez(HERE / f"{name}.npz", **data, **{o.name: a for o, a in zip(session.get_outputs(), answers)})


def perceptron(name, external=False):
    save(name,
         [helper.make_node("Gemm", ["x", "w0", "b0"], ["s0"], transB=1), helper.make_node("Relu", ["s0"], ["h"]),
          helper.make_node("MatMul", ["h", "w1"], ["m"]), helper.make_node("Add", ["m", "b1"], ["s1"]),
          helper.make_node("Softmax", ["s1"], ["y"], axis=-1)],
         [("x", ["N", 8])], [("y", ["N", 3])],
         [weights("w0", 16, 8), weights("b0", 16), weights("w1", 16, 3), weights("b1", 3)],
         {"x": random.normal(size=(5, 8)).astype(np.float32)}, external=external)


def convolution():
    save("convolution",
         [helper.make_node("Conv", ["x", "k", "c"], ["a"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
          helper.make_node("BatchNormalization", ["a", "scale", "shift", "mean", "variance"], ["n"]),
          helper.make_node("Relu", ["n"], ["r"]),
          helper.make_node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
          helper.make_node("Flatten", ["p"], ["f"]), helper.make_node("Gemm", ["f", "w", "b"], ["y"])],
         [("x", ["batch_size", 2, 6, 6])], [("y", ["batch_size", 4])],
         [weights("k", 3, 2, 3, 3), weights("c", 3), weights("scale", 3), weights("shift", 3), weights("mean", 3),
          numpy_helper.from_array(np.array([0.5, 1, 2], np.float32), "variance"), weights("w", 27, 4), weights("b", 4)],
         {"x": random.normal(size=(4, 2, 6, 6)).astype(np.float32)})


def recurrent():
    save("recurrent",
         [helper.make_node("Transpose", ["x"], ["t"], perm=[1, 0, 2]),
          helper.make_node("LSTM", ["t", "w", "r", "b"], ["", "h", ""], hidden_size=6),
          helper.make_node("Transpose", ["h"], ["u"], perm=[1, 0, 2]),
          helper.make_node("Flatten", ["u"], ["f"]), helper.make_node("Gemm", ["f", "d", "e"], ["y"])],
         [("x", [None, 5, 3])], [("y", [None, 2])],
         [weights("w", 1, 24, 3), weights("r", 1, 24, 6), weights("b", 1, 48), weights("d", 6, 2), weights("e", 2)],
         {"x": random.normal(size=(3, 5, 3)).astype(np.float32)})


perceptron("perceptron")
perceptron("external", external=True)
convolution()
recurrent()
