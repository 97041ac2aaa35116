"""Writes operator_cases.json: one-node graphs with inputs and the outputs that ONNX Runtime computes for them.

    python -m venv .venv && .venv/bin/pip install onnx onnxruntime numpy
    .venv/bin/python make_operator_cases.py

Cases that ONNX Runtime does not run fall back to the evaluator of the onnx package; the file names the reference.
"""

import base64
import json
import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

random = np.random.default_rng(7)
cases = []


def values(*shape, dtype=np.float32):
    if np.issubdtype(dtype, np.integer):
        return random.integers(-9, 10, size=shape).astype(dtype)
    return random.uniform(-1, 1, size=shape).astype(dtype)


def encode(array):
    array = np.asarray(array)
    names = {"float32": "float32", "float64": "float64", "int64": "int64", "int32": "int32", "bool": "bool",
             "uint8": "uint8", "float16": "float16", "int16": "int16"}
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return {"type": names[array.dtype.name], "shape": list(array.shape), "data": data}


def encode_attribute(value):
    if isinstance(value, str):
        return {"string": value}
    if isinstance(value, float):
        return {"float": value}
    if isinstance(value, int):
        return {"int": value}
    return {"ints": list(value)}


def case(name, operator, inputs, constants=(), opset=17, outputs=1, tolerance=2e-6, **attributes):
    """`inputs`: arrays, or None where omitted; `constants`: indices of those that are initializers."""
    names = ["" if x is None else f"i{i}" for i, x in enumerate(inputs)]
    node = helper.make_node(operator, names, [f"o{i}" for i in range(outputs)], name="node", **attributes)
    info = [
        helper.make_tensor_value_info(names[i], helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
        for i, x in enumerate(inputs) if x is not None and i not in constants
    ]
    initializers = [numpy_helper.from_array(inputs[i], names[i]) for i in constants]
    results = [onnx.ValueInfoProto(name=f"o{i}") for i in range(outputs)]
    graph = helper.make_graph([node], "case", info, results, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    feed = {names[i]: x for i, x in enumerate(inputs) if x is not None and i not in constants}
    reference = "onnxruntime"
    try:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = onnxruntime.InferenceSession(model.SerializeToString(), options)
        expected = session.run(None, feed)
    except Exception as error:  # noqa: BLE001: any refusal means the other reference
        print(f"{name}: onnxruntime refuses ({str(error).splitlines()[0][:90]})")
        reference = "onnx"
        expected = ReferenceEvaluator(model).run(None, feed)
    cases.append({
        "name": name, "operator": operator, "opset": opset, "reference": reference, "tolerance": tolerance,
        "attributes": {key: encode_attribute(value) for key, value in attributes.items()},
        "inputs": [None if x is None else {**encode(x), "constant": i in constants} for i, x in enumerate(inputs)],
        "outputs": [encode(x) for x in expected],
    })


def ints(*numbers):
    return np.array(numbers, dtype=np.int64)


# Products
for a, b in [((3, 4), (4, 5)), ((4,), (4, 5)), ((3, 4), (4,)), ((4,), (4,)), ((2, 3, 4), (4, 5)),
             ((2, 3, 4), (2, 4, 5)), ((2, 1, 3, 4), (1, 5, 4, 2)), ((4,), (3, 4, 2)), ((2, 3, 4), (4,)),
             ((1, 2, 3, 4), (3, 1, 4, 33)), ((7, 65), (65, 35))]:
    label = f"matmul {a} {b}"
    case(label, "MatMul", [values(*a), values(*b)])
    case(label + " constant", "MatMul", [values(*a), values(*b)], constants=[1])
case("matmul float64", "MatMul", [values(2, 3, 4, dtype=np.float64), values(4, 5, dtype=np.float64)])
for transA in (0, 1):
    for transB in (0, 1):
        a = values(*((5, 6) if transA else (6, 5)))
        b = values(*((7, 5) if transB else (5, 7)))
        for c in [None, values(7), values(1, 7), values(6, 1), values(6, 7), values(1), values()]:
            inputs = [a, b] if c is None else [a, b, c]
            shape = "none" if c is None else c.shape
            case(f"gemm {transA}{transB} c {shape}", "Gemm", inputs, transA=transA, transB=transB, alpha=0.5, beta=1.5)
            case(f"gemm {transA}{transB} c {shape} constant", "Gemm", inputs, constants=list(range(1, len(inputs))),
                 transA=transA, transB=transB, alpha=0.5, beta=1.5)
case("gemm float64", "Gemm", [values(3, 4, dtype=np.float64), values(5, 4, dtype=np.float64),
                              values(5, dtype=np.float64)], transB=1, alpha=0.25)

# Convolutions
x2, x1 = values(2, 4, 9, 7), values(2, 4, 11)
case("conv 3x3", "Conv", [x2, values(5, 4, 3, 3), values(5)], constants=[1, 2], kernel_shape=[3, 3])
case("conv 3x3 weights as input", "Conv", [x2, values(5, 4, 3, 3)], kernel_shape=[3, 3])
case("conv 1x1", "Conv", [x2, values(35, 4, 1, 1)], constants=[1])
case("conv pads", "Conv", [x2, values(5, 4, 3, 2), values(5)], constants=[1, 2], pads=[1, 0, 2, 1])
case("conv strides", "Conv", [x2, values(5, 4, 3, 3)], constants=[1], strides=[2, 3], pads=[1, 1, 1, 1])
case("conv dilations", "Conv", [x2, values(5, 4, 3, 3)], constants=[1], dilations=[2, 3], pads=[2, 2, 2, 2])
case("conv groups", "Conv", [x2, values(6, 2, 3, 3), values(6)], constants=[1, 2], group=2, pads=[1, 1, 1, 1])
case("conv depthwise", "Conv", [x2, values(4, 1, 3, 3), values(4)], constants=[1, 2], group=4, pads=[1, 1, 1, 1])
case("conv depthwise multiplier", "Conv", [x2, values(8, 1, 3, 3), values(8)], constants=[1, 2], group=4,
     strides=[2, 2], dilations=[1, 2])
for mode in ("SAME_UPPER", "SAME_LOWER", "VALID"):
    for strides in ([1, 1], [2, 2], [3, 2]):
        case(f"conv {mode} {strides}", "Conv", [x2, values(3, 4, 4, 2)], constants=[1], auto_pad=mode, strides=strides)
    case(f"conv 1d {mode}", "Conv", [x1, values(3, 4, 4)], constants=[1], auto_pad=mode, strides=[2])
case("conv 1d", "Conv", [x1, values(6, 4, 3), values(6)], constants=[1, 2], pads=[2, 1])
case("conv 1d groups dilated", "Conv", [x1, values(6, 2, 3), values(6)], constants=[1, 2], group=2, dilations=[3],
     strides=[2], pads=[3, 3])
case("conv 1d depthwise", "Conv", [x1, values(4, 1, 5)], constants=[1], group=4, pads=[4, 4])
case("conv window wider than input", "Conv", [values(1, 1, 2, 2), values(1, 1, 5, 5)], constants=[1], pads=[2, 2, 2, 2])

# Pools
case("maxpool 2x2", "MaxPool", [x2], kernel_shape=[2, 2], strides=[2, 2])
case("maxpool pads", "MaxPool", [x2], kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 1])
case("maxpool dilations", "MaxPool", [x2], kernel_shape=[2, 3], dilations=[3, 2])
case("maxpool 1d", "MaxPool", [x1], kernel_shape=[3], strides=[3])
case("maxpool opset 8", "MaxPool", [x2], opset=8, kernel_shape=[3, 2])
for ceil in (0, 1):
    for kernel, strides, pads in [([3, 3], [2, 2], [0, 0, 0, 0]), ([3, 2], [3, 3], [1, 1, 1, 1]),
                                  ([2, 2], [3, 3], [0, 0, 1, 1]), ([4, 3], [2, 2], [2, 1, 0, 1])]:
        label = f"{kernel} {strides} {pads} ceil {ceil}"
        case(f"maxpool {label}", "MaxPool", [x2], kernel_shape=kernel, strides=strides, pads=pads, ceil_mode=ceil)
        for include in (0, 1):
            case(f"averagepool {label} include {include}", "AveragePool", [x2], opset=19, kernel_shape=kernel,
                 strides=strides, pads=pads, ceil_mode=ceil, count_include_pad=include)
for mode in ("SAME_UPPER", "SAME_LOWER", "VALID"):
    case(f"maxpool {mode}", "MaxPool", [x2], kernel_shape=[3, 2], strides=[2, 2], auto_pad=mode)
    case(f"averagepool {mode}", "AveragePool", [x2], kernel_shape=[3, 2], strides=[2, 2], auto_pad=mode)
case("averagepool dilations", "AveragePool", [x2], opset=19, kernel_shape=[2, 2], dilations=[2, 3])
case("averagepool 1d", "AveragePool", [x1], kernel_shape=[4], strides=[2], pads=[1, 2])
case("global averagepool", "GlobalAveragePool", [values(2, 3, 9, 7)])
case("global averagepool 1d", "GlobalAveragePool", [values(2, 3, 35)])
case("global maxpool", "GlobalMaxPool", [values(2, 3, 5, 4)])

# Normalization
for shape in [(3, 4), (2, 4, 5), (2, 4, 3, 5)]:
    case(f"batchnorm {shape}", "BatchNormalization",
         [values(*shape), values(4), values(4), values(4), np.abs(values(4)) + 0.1], constants=[1, 2, 3, 4], epsilon=1e-3)
case("batchnorm opset 9", "BatchNormalization",
     [values(2, 4, 5), values(4), values(4), values(4), np.abs(values(4)) + 0.1], opset=9)

# Elementwise
wide = np.concatenate([values(40) * 10, np.array([0, -0.0, 1e-8, -1e-8, 88, -88, 100, -110, 0.625, -0.5],
                                                 dtype=np.float32)])
for operator in ["Relu", "Sigmoid", "Tanh", "Softplus", "Softsign", "Exp", "Neg", "Abs"]:
    case(operator.lower(), operator, [wide], tolerance=1e-6)
case("sqrt", "Sqrt", [np.abs(wide)])
case("leakyrelu", "LeakyRelu", [wide], alpha=0.2)
case("leakyrelu default", "LeakyRelu", [wide])
case("elu", "Elu", [wide], alpha=1.5)
case("selu", "Selu", [wide])
case("selu parameters", "Selu", [wide], alpha=1.2, gamma=0.8)
case("hardsigmoid", "HardSigmoid", [wide])
case("hardsigmoid parameters", "HardSigmoid", [wide], alpha=0.1, beta=0.6)
case("clip", "Clip", [wide, np.float32(-0.5).reshape(()), np.float32(2).reshape(())], constants=[1, 2])
case("clip upper only", "Clip", [wide, None, np.float32(2).reshape(())], constants=[2])
case("clip opset 6", "Clip", [wide], opset=6, min=-1.0, max=6.0)
for operator in ["Add", "Sub", "Mul", "Div"]:
    for dtype in (np.float32, np.float64, np.int32, np.int64):
        a, b = values(3, 1, 5, dtype=dtype), values(2, 1, dtype=dtype)
        b[b == 0] = 3
        case(f"{operator.lower()} {dtype.__name__}", operator, [a, b])
    for left, right in [((2, 3, 4), (2, 3, 4)), ((2, 3, 4), (4,)), ((2, 3, 4), (3, 1)), ((2, 3, 4), ()), ((), (5,)),
                        ((2, 1, 4), (1, 3, 1)), ((4,), (2, 3, 4)), ((1, 1), (2, 1))]:
        b = values(*right) if right else values(1).reshape(())
        a = values(*left) if left else values(1).reshape(())
        case(f"{operator.lower()} {left} {right}", operator, [a, b])

# Softmax
for opset in (11, 13):
    for axis in (None, 0, 1, 2, -1):
        attributes = {} if axis is None else {"axis": axis}
        case(f"softmax opset {opset} axis {axis}", "Softmax", [values(3, 4, 37) * 20], opset=opset, **attributes)

# Shapes
x = values(2, 3, 4)
for axis in (0, 1, 2, 3, -1):
    case(f"flatten {axis}", "Flatten", [x], axis=axis)
case("flatten default", "Flatten", [x])
for target in [(6, 4), (-1, 4), (0, -1), (0, 0, 2, 2), (24,), (1, 2, 12, 1)]:
    case(f"reshape {target}", "Reshape", [x, ints(*target)], constants=[1])
case("reshape scalar", "Reshape", [values(1, 1), np.zeros(0, dtype=np.int64)], constants=[1])
case("transpose default", "Transpose", [x])
for permutation in [[0, 2, 1], [1, 0, 2], [2, 0, 1], [1, 2, 0]]:
    case(f"transpose {permutation}", "Transpose", [x], perm=permutation)
for dtype in (np.float64, np.int64, np.uint8, np.bool_, np.int16, np.float16):
    case(f"transpose {dtype.__name__}", "Transpose", [random.integers(0, 2, (2, 3, 2, 3)).astype(dtype)],
         perm=[0, 3, 1, 2])
case("squeeze 11", "Squeeze", [values(1, 3, 1, 2)], opset=11, axes=[0, -2])
case("squeeze 13", "Squeeze", [values(1, 3, 1, 2), ints(2)], constants=[1])
case("squeeze all", "Squeeze", [values(1, 3, 1, 2)])
case("unsqueeze 11", "Unsqueeze", [x], opset=11, axes=[0, 3])
case("unsqueeze 13", "Unsqueeze", [x, ints(-1, 1)], constants=[1])
case("concat 0", "Concat", [x, values(5, 3, 4)], axis=0)
case("concat -1", "Concat", [x, values(2, 3, 1), values(2, 3, 2)], axis=-1)
case("concat int64", "Concat", [ints(1, 2), ints(3)], axis=0)
case("pad 2 opset", "Pad", [x], opset=10, pads=[0, 1, 2, 0, 0, 1], value=1.5)
case("pad", "Pad", [x, ints(1, 0, 2, 0, 1, 1), np.float32(-2).reshape(())], constants=[1, 2])
case("pad crop", "Pad", [x, ints(-1, 0, 2, 0, -1, -1)], constants=[1])
case("pad axes", "Pad", [x, ints(1, 2), None, ints(-1)], constants=[1, 3], opset=18)
case("pad int64", "Pad", [ints(1, 2, 3), ints(2, 1), np.int64(7).reshape(())], constants=[1, 2])
case("identity", "Identity", [x])
case("dropout", "Dropout", [x])
case("dropout opset 11", "Dropout", [x], opset=11, ratio=0.25)
case("shape", "Shape", [x])
case("shape slice", "Shape", [x], start=-2, end=2)

path = pathlib.Path(__file__).with_name("operator_cases.json")
path.write_text("[\n" + ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in cases) + "\n]\n")
print(f"{len(cases)} cases, {path.stat().st_size} bytes")
