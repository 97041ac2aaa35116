"""Writes the node test cases of the ONNX specification as files, for the engine's tests.

usage: node_cases.py FOLDER

Each case becomes FOLDER/<case>/model.onnx with test_data_set_<n>/input_<i>.pb and output_<i>.pb (serialized TensorProtos,
in the order of the graph's inputs and outputs). FOLDER/cases.txt lists them: name, relative and absolute tolerance, and
either "counted" or why the case is outside of what the engine is measured by:

  preview     an operator of a preview domain
  training    an operator of a training domain
  image       image decoding
  expanded    a function operator written out: the same case again in other operators
  not-tensor  an input or output that is a sequence, a map, an optional or sparse
"""

import pathlib
import shutil
import sys
import warnings

import numpy
import onnx
from onnx import numpy_helper
from onnx.backend.test import loader


def exclusion(case):
    values = list(case.model.graph.input) + list(case.model.graph.output)
    if any(value.type.WhichOneof("value") != "tensor_type" for value in values):
        return "not-tensor"
    domains = {node.domain for node in case.model.graph.node} | {entry.domain for entry in case.model.opset_import}
    if any("training" in domain for domain in domains):
        return "training"
    if any("preview" in domain for domain in domains):
        return "preview"
    if case.name.startswith("test_image_decoder"):
        return "image"
    if "_expanded" in case.name:
        return "expanded"
    return "counted"


def write(values, infos, folder, role):
    for index, (value, info) in enumerate(zip(values, infos)):
        path = folder / f"{role}_{index}.pb"
        if isinstance(value, onnx.TensorProto):
            tensor = value
        else:
            tensor = numpy_helper.from_array(numpy.asarray(value), info.name)
        path.write_bytes(tensor.SerializeToString())


def main():
    target = pathlib.Path(sys.argv[1])
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    lines = []
    warnings.simplefilter("ignore")
    for case in sorted(loader.load_node_model_tests(), key=lambda case: case.name):
        reason = exclusion(case)
        lines.append(f"{case.name}\t{case.rtol}\t{case.atol}\t{reason}")
        if reason == "not-tensor":
            continue
        folder = target / case.name
        folder.mkdir()
        (folder / "model.onnx").write_bytes(case.model.SerializeToString())
        for number, (inputs, outputs) in enumerate(case.data_sets):
            data = folder / f"test_data_set_{number}"
            data.mkdir()
            write(inputs, case.model.graph.input, data, "input")
            write(outputs, case.model.graph.output, data, "output")
    # Written last: its presence says that all is there.
    (target / "cases.txt").write_text("\n".join(lines) + "\n")
    print(f"{len(lines)} node cases of onnx {onnx.__version__} in {target}")


if __name__ == "__main__":
    main()
