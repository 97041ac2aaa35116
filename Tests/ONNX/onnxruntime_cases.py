"""Runs the node cases that node_cases.py wrote through ONNX Runtime and counts those that pass.

usage: onnxruntime_cases.py FOLDER    (onnxruntime from PyPI)
"""

import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper


def tensor(path):
    return numpy_helper.to_array(onnx.TensorProto.FromString(path.read_bytes()))


def passes(folder, rtol, atol):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
    )
    for data in sorted(folder.glob("test_data_set_*")):
        names = [value.name for value in session.get_inputs()]
        inputs = {name: tensor(data / f"input_{index}.pb") for index, name in enumerate(names)}
        for index, found in enumerate(session.run(None, inputs)):
            expected = tensor(data / f"output_{index}.pb")
            found = np.asarray(found)
            if found.dtype != expected.dtype or found.shape != expected.shape:
                return False
            if expected.dtype == object or expected.dtype.kind in "US":
                if not (found == expected).all():
                    return False
            elif not np.allclose(found.astype(np.float64), expected.astype(np.float64), rtol, atol, equal_nan=True):
                return False
    return True


def main():
    folder = pathlib.Path(sys.argv[1])
    counted, passed = 0, 0
    for line in (folder / "cases.txt").read_text().splitlines():
        name, rtol, atol, reason = line.split("\t")
        if reason != "counted":
            continue
        counted += 1
        try:
            passed += passes(folder / name, float(rtol), float(atol))
        except Exception:  # noqa: BLE001 - whatever the runtime refuses does not pass
            pass
    print(f"ONNX Runtime {onnxruntime.__version__}: {passed} of {counted} counted pass")


if __name__ == "__main__":
    main()
