"""The handwritten digits and the reference answers to them, read with the standard library alone."""
import array
import ast
import math
import pathlib
import struct
import sys
import zipfile

PIXELS = 64
CLASSES = 10
INPUT = "pixels"
OUTPUT = "probabilities"
TOLERANCE = 1e-5


def read_float_rows(path, name):
    """The rows of a two-dimensional little-endian float32 array of a `.npz` file, as arrays."""
    (rows, columns), values = read_array(path, name, "<f4", "f", 2)
    return [values[row * columns:(row + 1) * columns] for row in range(rows)]


def read_labels(path, name):
    """A one-dimensional little-endian int64 array of a `.npz` file."""
    return list(read_array(path, name, "<i8", "q", 1)[1])


def read_array(path, name, description, code, rank):
    """Shape and values of an array of a `.npz` file (NumPy's NEP 1)."""
    data = zipfile.ZipFile(path).read(f"{name}.npy")
    if data[:6] != b"\x93NUMPY" or data[6] != 1:
        raise ValueError(f"{path}: {name}: expected a NumPy array of format 1")
    length = struct.unpack_from("<H", data, 8)[0]
    header = ast.literal_eval(data[10:10 + length].decode("latin-1"))
    if header["descr"] != description or header["fortran_order"] or len(header["shape"]) != rank:
        raise ValueError(f"{path}: {name}: found {header}, expected {description} of {rank} dimensions")
    values = array.array(code)
    values.frombytes(data[10 + length:10 + length + values.itemsize * math.prod(header["shape"])])
    if sys.byteorder == "big":
        values.byteswap()
    return header["shape"], values


class Digits:
    """Images ready to be put into requests, and what the model's own framework answered to them."""

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.model = folder / "mlp.h5"
        images = read_float_rows(folder / "digits.npz", "pixels")
        self.references = read_float_rows(folder / "mlp_outputs.npz", OUTPUT)
        if len(images) != len(self.references):
            raise ValueError(f"{folder}: {len(images)} images, but {len(self.references)} reference answers")
        self.count = len(images)
        self.json = [",".join(repr(value).removesuffix(".0") for value in image) for image in images]
        self.raw = [struct.pack(f"<{PIXELS}f", *image) for image in images]


class TrainingDigits(Digits):
    """The same with what they are, to be trained on."""

    def __init__(self, folder):
        super().__init__(folder)
        path = pathlib.Path(folder) / "digits.npz"
        self.images, self.labels = read_float_rows(path, "pixels"), read_labels(path, "labels")
