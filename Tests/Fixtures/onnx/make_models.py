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


def functions():
    """Calls of a model's own functions, one inside of the other, with an attribute of the caller's."""
    scaled = helper.make_function(
        "local", "Scaled", ["a"], ["b"],
        [helper.make_node("Constant", [], ["factor"], value_float=0.0), helper.make_node("Mul", ["a", "factor"], ["b"])],
        [helper.make_opsetid("", 17)], ["factor"])
    scaled.node[0].attribute[0].Clear()
    reference = scaled.node[0].attribute[0]
    reference.name, reference.ref_attr_name, reference.type = "value_float", "factor", onnx.AttributeProto.FLOAT
    block = helper.make_function(
        "local", "Block", ["a", "w"], ["b"],
        [helper.make_node("MatMul", ["a", "w"], ["m"]), helper.make_node("Scaled", ["m"], ["s"], domain="local", factor=0.5),
         helper.make_node("Relu", ["s"], ["b"])],
        [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)])
    graph = helper.make_graph(
        [helper.make_node("Block", ["x", "w0"], ["h"], domain="local"),
         helper.make_node("Block", ["h", "w1"], ["y"], domain="local")],
        "functions", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])], [weights("w0", 8, 6), weights("w1", 6, 3)])
    model = helper.make_model(
        graph, functions=[scaled, block], ir_version=8,
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("local", 1)])
    finish("functions", model, {"x": random.normal(size=(5, 8)).astype(np.float32)})


def quantized():
    """A layer that is quantised while running, with one scale for the whole tensor."""
    integers = numpy_helper.from_array(random.integers(-127, 128, (8, 3)).astype(np.int8), "w")
    graph = helper.make_graph(
        [helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "scale", "zero"]),
         helper.make_node("MatMulInteger", ["q", "w", "zero"], ["i"]), helper.make_node("Cast", ["i"], ["f"], to=1),
         helper.make_node("Mul", ["f", "scale"], ["m"]), helper.make_node("Mul", ["m", "step"], ["y"])],
        "quantized", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])],
        [integers, numpy_helper.from_array(np.array(0.01, np.float32), "step")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    finish("quantized", model, {"x": random.normal(size=(5, 8)).astype(np.float32)}, row_by_row=True)


def branches():
    """A branch by a value of the input, which reads a value of the outer graph, and a loop."""
    def branch(name, operator):
        return helper.make_graph([helper.make_node(operator, ["h"], [name])], name, [],
                                 [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4])])

    body = helper.make_graph(
        [helper.make_node("Add", ["v", "h"], ["v_out"]), helper.make_node("Identity", ["c"], ["c_out"])], "body",
        [helper.make_tensor_value_info("i", TensorProto.INT64, []), helper.make_tensor_value_info("c", TensorProto.BOOL, []),
         helper.make_tensor_value_info("v", TensorProto.FLOAT, [1, 4])],
        [helper.make_tensor_value_info("c_out", TensorProto.BOOL, []),
         helper.make_tensor_value_info("v_out", TensorProto.FLOAT, [1, 4])])
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("ReduceSum", ["h"], ["sum"], keepdims=0),
         helper.make_node("Greater", ["sum", "zero"], ["positive"]),
         helper.make_node("If", ["positive"], ["chosen"], then_branch=branch("t", "Exp"), else_branch=branch("e", "Neg")),
         helper.make_node("Loop", ["trips", "", "chosen"], ["y"], body=body)],
        "branches", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])],
        [weights("w", 8, 4), numpy_helper.from_array(np.array(0, np.float32), "zero"),
         numpy_helper.from_array(np.array(3, np.int64), "trips")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    finish("branches", model, {"x": random.normal(size=(1, 8)).astype(np.float32)})


def finish(name, model, data, row_by_row=False):
    model.producer_name = "millrace-fixtures"
    onnx.checker.check_model(model)
    path = HERE / f"{name}.onnx"
    onnx.save(model, path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    if row_by_row:
        rows = [session.run(None, {key: value[i:i + 1] for key, value in data.items()}) for i in range(len(data["x"]))]
        answers = [np.concatenate(parts) for parts in zip(*rows)]
    else:
        answers = session.run(None, data)
    np.savez(HERE / f"{name}.npz", **data, **{o.name: a for o, a in zip(session.get_outputs(), answers)})


functions()
quantized()
branches()
