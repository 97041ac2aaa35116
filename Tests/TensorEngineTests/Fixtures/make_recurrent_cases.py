"""Writes recurrent_cases.json: RNN, LSTM and GRU nodes with operands and what ONNX Runtime computes.

    pip install onnx==1.23.2 onnxruntime==1.32.0 && python make_recurrent_cases.py

ONNX Runtime has no batch-first layout; those cases are computed in the other one and transposed.
"""

import base64
import itertools
import json
import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import helper

random = np.random.default_rng(5)
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
FUNCTIONS = {"RNN": 1, "GRU": 2, "LSTM": 3}
cases = []


def value(array, constant=False):
    result = {
        "type": {"float32": "float32", "int32": "int32"}[str(array.dtype)],
        "shape": list(array.shape),
        "data": base64.b64encode(np.ascontiguousarray(array).tobytes()).decode(),
    }
    return result | ({"constant": True} if constant else {})


def attribute(x):
    if isinstance(x, list):
        return {"strings" if isinstance(x[0], str) else "floats": x}
    return {{int: "int", float: "float", str: "string"}[type(x)]: x}


def case(name, op, steps=5, batch=3, features=4, hidden=3, layout=0, bias=True, lengths=None, initial=False,
         peepholes=False, constant=True, scale=1.0, **attributes):
    directions = 2 if attributes.get("direction") == "bidirectional" else 1
    rows = GATES[op] * hidden

    def draw(*shape):
        return random.uniform(-scale, scale, shape).astype(np.float32)

    x, w, r = draw(steps, batch, features), draw(directions, rows, features), draw(directions, rows, hidden)
    operands = [x, w, r, draw(directions, 2 * rows) if bias else None]
    operands.append(np.array(lengths, np.int32) if lengths else None)
    operands.append(draw(directions, batch, hidden) if initial else None)
    if op == "LSTM":
        operands.append(draw(directions, batch, hidden) if initial else None)
        operands.append(draw(directions, 3 * hidden) if peepholes else None)
    while operands[-1] is None:
        operands.pop()
    names = [f"i{i}" if o is not None else "" for i, o in enumerate(operands)]
    outputs = ["Y", "Y_h", "Y_c"][: 3 if op == "LSTM" else 2]
    given = dict(attributes, hidden_size=hidden)
    node = helper.make_node(op, names, outputs, **given)
    kinds = {np.dtype("float32"): onnx.TensorProto.FLOAT, np.dtype("int32"): onnx.TensorProto.INT32}
    graph = helper.make_graph(
        [node], "g",
        [helper.make_tensor_value_info(n, kinds[o.dtype], o.shape) for n, o in zip(names, operands) if o is not None],
        [helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, None) for n in outputs])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    results = session.run(None, {n: o for n, o in zip(names, operands) if o is not None})
    if layout:
        given["layout"] = 1
        operands[0] = np.swapaxes(operands[0], 0, 1)
        for index in (5, 6):
            if index < len(operands) and operands[index] is not None:
                operands[index] = np.swapaxes(operands[index], 0, 1)
        results[0] = results[0].transpose(2, 0, 1, 3)
        results[1:] = [np.swapaxes(y, 0, 1) for y in results[1:]]
    cases.append({
        "name": f"{op} {name}", "operator": op, "opset": 14, "tolerance": 1e-5,
        "attributes": {k: attribute(v) for k, v in given.items()},
        "inputs": [None if o is None else value(o, constant and i in (1, 2, 3, 7)) for i, o in enumerate(operands)],
        "outputs": [value(y) for y in results],
    })


for op in GATES:
    for direction, layout in itertools.product(("forward", "reverse", "bidirectional"), (0, 1)):
        case(f"{direction} layout {layout}", op, direction=direction, layout=layout)
        case(f"{direction} layout {layout} with everything", op, direction=direction, layout=layout, initial=True,
             lengths=[5, 2, 3], peepholes=op == "LSTM")
    case("without bias", op, bias=False)
    case("one row", op, batch=1, steps=17)
    case("one step", op, steps=1)
    case("wide", op, steps=40, batch=2, features=19, hidden=37, scale=0.15)
    case("many rows", op, steps=3, batch=29, features=5, hidden=8)
    case("many rows, batch first", op, steps=3, batch=29, features=5, hidden=8, layout=1)
    case("weights computed at run time", op, constant=False, direction="bidirectional", initial=True)
    case("clipped", op, clip=0.3, hidden=4)
    count = FUNCTIONS[op]
    for function in ("Relu", "Affine", "LeakyRelu", "ThresholdedRelu", "ScaledTanh", "HardSigmoid", "Elu", "Softsign",
                     "Softplus"):
        extra = {}
        if function in ("Affine", "LeakyRelu", "ThresholdedRelu", "ScaledTanh", "HardSigmoid", "Elu"):
            extra["activation_alpha"] = [0.3 + 0.1 * i for i in range(count)]
        if function in ("Affine", "ScaledTanh", "HardSigmoid"):
            extra["activation_beta"] = [0.6 - 0.1 * i for i in range(count)]
        case(f"{function}", op, activations=[function] * count, scale=0.4, **extra)
    case("different directions", op, direction="bidirectional",
         activations=["Sigmoid", "Tanh", "Softsign"][:count] + ["HardSigmoid", "Relu", "Elu"][:count],
         activation_alpha=[0.25, 0.7], activation_beta=[0.4])
case("input_forget", "LSTM", input_forget=1)
case("peepholes", "LSTM", peepholes=True)
for direction in ("forward", "bidirectional"):
    case(f"linear_before_reset {direction}", "GRU", linear_before_reset=1, direction=direction)
    case(f"linear_before_reset {direction} with everything", "GRU", linear_before_reset=1, direction=direction,
         initial=True, lengths=[1, 5, 4], layout=1)
case("linear_before_reset clipped", "GRU", linear_before_reset=1, clip=0.3)

path = pathlib.Path(__file__).with_name("recurrent_cases.json")
path.write_text(json.dumps(cases, separators=(",", ":")) + "\n")
print(len(cases), "cases", path.stat().st_size, "bytes")
