"""The handwritten digits and the reference answers to them, read with the standard library alone."""
import array
import ast
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
    """The rows of a two-dimensional little-endian float32 array of a `.npz` file (NumPy's NEP 1), as arrays."""
    data = zipfile.ZipFile(path).read(f"{name}.npy")
    if data[:6] != b"\x93NUMPY" or data[6] != 1:
        raise ValueError(f"{path}: {name}: expected a NumPy array of format 1")
    length = struct.unpack_from("<H", data, 8)[0]
    header = ast.literal_eval(data[10:10 + length].decode("latin-1"))
    if header["descr"] != "<f4" or header["fortran_order"] or len(header["shape"]) != 2:
        raise ValueError(f"{path}: {name}: found {header}, expected rows of float32")
    rows, columns = header["shape"]
    values = array.array("f", data[10 + length:10 + length + 4 * rows * columns])
    if sys.byteorder == "big":
        values.byteswap()
    return [values[row * columns:(row + 1) * columns] for row in range(rows)]


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
