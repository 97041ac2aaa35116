#!/usr/bin/env python3
"""Writes messages.json: requests and responses as Python's protobuf package serialises them, and what is in them.

  pip install protobuf
  python make_fixtures.py            needs protoc in PATH

The Swift codec must read every request into the listed tensors, and write every response to the very same bytes.
"""
import importlib
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SCHEMAS = HERE.parents[2] / "schemas"

# Datatype -> field of InferTensorContents, struct format, sample values with the extremes.
TYPED = {
    "BOOL": ("bool_contents", "?", [True, False, True, True]),
    "INT8": ("int_contents", "b", [-128, 127, 0, -1]),
    "INT16": ("int_contents", "h", [-32768, 32767, 0, -1]),
    "INT32": ("int_contents", "i", [-2**31, 2**31 - 1, 0, -1]),
    "INT64": ("int64_contents", "q", [-2**63, 2**63 - 1, 0, -1]),
    "UINT8": ("uint_contents", "B", [0, 255, 128, 1]),
    "UINT16": ("uint_contents", "H", [0, 65535, 128, 1]),
    "UINT32": ("uint_contents", "I", [0, 2**32 - 1, 128, 1]),
    "UINT64": ("uint64_contents", "Q", [0, 2**64 - 1, 128, 1]),
    "FP32": ("fp32_contents", "f", [0.5, -3.25, float("inf"), 2.0**-149]),
    "FP64": ("fp64_contents", "d", [0.1, -1e300, float("-inf"), 5e-324]),
}


def load_messages():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            ["protoc", f"--proto_path={SCHEMAS}", f"--python_out={folder}", "open_inference.proto"], check=True)
        sys.path.insert(0, folder)
        return importlib.import_module("open_inference_pb2")


def raw(form, values):
    return struct.pack(f"<{len(values)}{form}", *values)


def tensor(name, datatype, shape, data):
    return {"name": name, "datatype": datatype, "shape": shape, "bytes": data.hex()}


def fill(message, name, datatype, shape, field=None, values=()):
    message.name = name
    message.datatype = datatype
    message.shape.extend(shape)
    if field:
        getattr(message.contents, field).extend(values)


def requests(pb):
    """Yields name, message and the tensors that it holds."""
    every = pb.ModelInferRequest(model_name="digits", model_version="7", id="é-1")
    listed = []
    for datatype, (field, form, values) in TYPED.items():
        fill(every.inputs.add(), datatype.lower(), datatype, [2, 2], field, values)
        listed.append(tensor(datatype.lower(), datatype, [2, 2], raw(form, values)))
    every.outputs.add(name="probabilities")
    every.outputs.add(name="label")
    every.parameters["temperature"].double_param = 0.5
    every.parameters["top"].int64_param = -3
    every.parameters["tag"].string_param = "é"
    every.parameters["dry"].bool_param = True
    every.parameters["large"].uint64_param = 2**63
    every.parameters["small"].uint64_param = 4
    every.parameters["unset"].ClearField("int64_param")
    yield "every typed datatype", every, listed

    bytewise = pb.ModelInferRequest(id="raw")
    listed = []
    for datatype, (_, form, values) in TYPED.items():
        fill(bytewise.inputs.add(), datatype.lower(), datatype, [4])
        bytewise.raw_input_contents.append(raw(form, values))
        listed.append(tensor(datatype.lower(), datatype, [4], raw(form, values)))
    for datatype, form in (("FP16", "e"), ("BF16", "H")):
        data = raw(form, [1, 2])
        fill(bytewise.inputs.add(), datatype.lower(), datatype, [1, 2])
        bytewise.raw_input_contents.append(data)
        listed.append(tensor(datatype.lower(), datatype, [1, 2], data))
    yield "every datatype raw", bytewise, listed

    odd = pb.ModelInferRequest()
    fill(odd.inputs.add(), "scalar", "INT32", [], "int_contents", [7])
    fill(odd.inputs.add(), "empty", "FP32", [0, 4])
    odd.inputs[0].parameters["ignored"].string_param = "x"
    yield "scalar and empty", odd, [
        tensor("scalar", "INT32", [], raw("i", [7])), tensor("empty", "FP32", [0, 4], b"")]

    empty = pb.ModelInferRequest(model_name="m")
    fill(empty.inputs.add(), "x", "FP64", [2, 0])
    empty.raw_input_contents.append(b"")
    yield "empty raw", empty, [tensor("x", "FP64", [2, 0], b"")]

    numbers = [(i * 7 % 255) / 255 for i in range(300)]
    long = pb.ModelInferRequest(id="long")
    fill(long.inputs.add(), "x", "FP32", [3, 100], "fp32_contents", numbers)
    yield "lengths of two bytes", long, [tensor("x", "FP32", [3, 100], raw("f", numbers))]


def responses(pb):
    """Yields whether raw, message and the tensors that it holds."""
    for is_raw in (False, True):
        message = pb.ModelInferResponse(model_name="digits", model_version="12", id="é-1")
        listed = []
        for datatype, (field, form, values) in TYPED.items():
            typed = {} if is_raw else {"field": field, "values": values}
            fill(message.outputs.add(), datatype.lower(), datatype, [2, 2], **typed)
            if is_raw:
                message.raw_output_contents.append(raw(form, values))
            listed.append(tensor(datatype.lower(), datatype, [2, 2], raw(form, values)))
        if is_raw:
            numbers = [i / 64 for i in range(64)]
            fill(message.outputs.add(), "long", "FP32", [64])
            message.raw_output_contents.append(raw("f", numbers))
            listed.append(tensor("long", "FP32", [64], raw("f", numbers)))
        yield is_raw, message, listed


def main():
    pb = load_messages()
    document = {
        "requests": [
            {
                "name": name, "message": message.SerializeToString(deterministic=True).hex(), "id": message.id,
                "model_name": message.model_name, "model_version": message.model_version,
                "raw": bool(message.raw_input_contents),
                "outputs": [output.name for output in message.outputs], "inputs": inputs,
            }
            for name, message, inputs in requests(pb)
        ],
        "responses": [
            {
                "raw": is_raw, "message": message.SerializeToString(deterministic=True).hex(), "id": message.id,
                "model_name": message.model_name, "model_version": int(message.model_version), "outputs": outputs,
            }
            for is_raw, message, outputs in responses(pb)
        ],
    }
    text = json.dumps(document, indent=1, ensure_ascii=False)
    (HERE / "messages.json").write_text(text + "\n", encoding="utf-8")


main()
