"""Models for compare_engine.py, as ONNX files with weights drawn from a seed, or the digits networks' own."""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import digits_onnx

RANDOM = np.random.default_rng(1)


def weights(*shape, scale=None):
    scale = scale if scale is not None else 1 / np.sqrt(max(shape[-1], 1))
    return (RANDOM.standard_normal(shape) * scale).astype(np.float32)


def save(path, nodes, initializers, shape, output, output_shape=(10,), opset=17):
    graph = helper.make_graph(
        nodes, path.stem, [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", *shape])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", *output_shape])],
        [numpy_helper.from_array(value, name) for name, value in initializers.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def cnn(path):
    """The digits network's shape: two convolutions of 16 and 32 filters, a pool, a dense layer of 64, ten classes."""
    node = helper.make_node
    values = {
        "w1": weights(16, 1, 3, 3, scale=0.3), "b1": weights(16), "w2": weights(32, 16, 3, 3, scale=0.1), "b2": weights(32),
        "w3": weights(512, 64, scale=0.05), "b3": weights(64), "w4": weights(64, 10, scale=0.1), "b4": weights(10),
    }
    save(path, [
        node("Conv", ["x", "w1", "b1"], ["c1"], pads=[1, 1, 1, 1]), node("Relu", ["c1"], ["r1"]),
        node("Conv", ["r1", "w2", "b2"], ["c2"], pads=[1, 1, 1, 1]), node("Relu", ["c2"], ["r2"]),
        node("MaxPool", ["r2"], ["p"], kernel_shape=[2, 2], strides=[2, 2]), node("Flatten", ["p"], ["f"]),
        node("Gemm", ["f", "w3", "b3"], ["g"]), node("Relu", ["g"], ["r3"]), node("Gemm", ["r3", "w4", "b4"], ["l"]),
        node("Softmax", ["l"], ["y"]),
    ], values, [1, 8, 8], "y")


def lstm(path, hidden=128, width=64):
    """64 steps of 64 numbers through an LSTM of 128 units, its last state to ten classes."""
    node = helper.make_node
    values = {
        "w": weights(1, 4 * hidden, width), "r": weights(1, 4 * hidden, hidden), "b": weights(1, 8 * hidden, scale=0.1),
        "axes": np.array([0], dtype=np.int64), "d": weights(hidden, 10, scale=0.1), "e": weights(10),
    }
    save(path, [
        node("Transpose", ["x"], ["t"], perm=[1, 0, 2]),
        node("LSTM", ["t", "w", "r", "b"], ["", "h"], hidden_size=hidden),
        node("Squeeze", ["h", "axes"], ["s"]), node("Gemm", ["s", "d", "e"], ["l"]), node("Softmax", ["l"], ["y"]),
    ], values, [64, width], "y")


def transformer(path, width=384, heads=12, hidden=1536, layers=6, length=128):
    """An encoder of MiniLM's shape on 128 embeddings: six layers of width 384 with twelve heads."""
    node = helper.make_node
    size = width // heads
    nodes, values, x = [], {
        "split": np.array([0, 0, heads, size], dtype=np.int64), "join": np.array([0, 0, width], dtype=np.int64),
        "scale": np.array(1 / np.sqrt(size), dtype=np.float32),
    }, "x"
    for layer in range(layers):
        p = f"l{layer}_"
        for name, shape in {"q": (width, width), "k": (width, width), "v": (width, width), "o": (width, width),
                            "u": (width, hidden), "w": (hidden, width)}.items():
            values[p + name], values[p + name + "b"] = weights(*shape, scale=0.03), weights(shape[1], scale=0.03)
        for name in ("g1", "g2"):
            values[p + name] = np.ones(width, dtype=np.float32)
            values[p + name + "b"] = np.zeros(width, dtype=np.float32)

        def dense(source, name, target):
            nodes.append(node("MatMul", [source, p + name], [p + target + "m"]))
            nodes.append(node("Add", [p + target + "m", p + name + "b"], [p + target]))
            return p + target

        parts = {}
        for name, order in (("q", [0, 2, 1, 3]), ("k", [0, 2, 3, 1]), ("v", [0, 2, 1, 3])):
            nodes.append(node("Reshape", [dense(x, name, name + "d"), "split"], [p + name + "r"]))
            nodes.append(node("Transpose", [p + name + "r"], [p + name + "t"], perm=order))
            parts[name] = p + name + "t"
        nodes += [
            node("MatMul", [parts["q"], parts["k"]], [p + "s"]), node("Mul", [p + "s", "scale"], [p + "ss"]),
            node("Softmax", [p + "ss"], [p + "a"]), node("MatMul", [p + "a", parts["v"]], [p + "c"]),
            node("Transpose", [p + "c"], [p + "ct"], perm=[0, 2, 1, 3]), node("Reshape", [p + "ct", "join"], [p + "cr"]),
        ]
        nodes.append(node("Add", [dense(p + "cr", "o", "od"), x], [p + "r1"]))
        nodes.append(node("LayerNormalization", [p + "r1", p + "g1", p + "g1b"], [p + "n1"]))
        up = dense(p + "n1", "u", "ud")
        nodes.append(node("Gelu", [up], [p + "h"]))
        nodes.append(node("Add", [dense(p + "h", "w", "wd"), p + "n1"], [p + "r2"]))
        nodes.append(node("LayerNormalization", [p + "r2", p + "g2", p + "g2b"], [p + "n2"]))
        x = p + "n2"
    save(path, nodes, values, [length, width], x, [length, width], opset=20)


def resnet18(path):
    """ResNet-18 (He et al., 2016) on images of 224 by 224, batch normalization folded into its convolutions."""
    node = helper.make_node
    nodes, values = [], {}

    def convolution(source, name, channels, filters, size, stride):
        values[name + "w"] = weights(filters, channels, size, size, scale=np.sqrt(2 / (channels * size * size)))
        values[name + "b"] = weights(filters, scale=0.1)
        nodes.append(node("Conv", [source, name + "w", name + "b"], [name], kernel_shape=[size, size],
                          strides=[stride, stride], pads=[size // 2] * 4))
        return name

    def relu(source):
        nodes.append(node("Relu", [source], [source + "r"]))
        return source + "r"

    x = relu(convolution("x", "stem", 3, 64, 7, 2))
    nodes.append(node("MaxPool", [x], ["pool"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]))
    x, channels = "pool", 64
    for stage, filters in enumerate((64, 128, 256, 512)):
        for block in range(2):
            name = f"s{stage}b{block}"
            stride = 2 if stage > 0 and block == 0 else 1
            y = relu(convolution(x, name + "c1", channels, filters, 3, stride))
            y = convolution(y, name + "c2", filters, filters, 3, 1)
            shortcut = convolution(x, name + "c0", channels, filters, 1, stride) if stride == 2 else x
            nodes.append(node("Add", [y, shortcut], [name]))
            x, channels = relu(name), filters
    values["d"], values["e"] = weights(512, 1000, scale=0.05), weights(1000)
    nodes += [node("GlobalAveragePool", [x], ["g"]), node("Flatten", ["g"], ["f"]), node("Gemm", ["f", "d", "e"], ["y"])]
    save(path, nodes, values, [3, 224, 224], "y", [1000])


def trees(path, model):
    from skl2onnx import to_onnx
    from sklearn import datasets

    x, y = datasets.load_breast_cancer(return_X_y=True)
    x = x.astype(np.float32)
    model = model.fit(x, y)
    onnx.save(to_onnx(model, x[:1], options={"zipmap": False}, target_opset={"": 17, "ai.onnx.ml": 3}), path)


def forest(path):
    """100 trees of depth 8 on 30 features, if scikit-learn and skl2onnx are there."""
    from sklearn import ensemble

    trees(path, ensemble.RandomForestClassifier(100, max_depth=8, random_state=1))


def boosting(path):
    """100 boosted trees of depth 3 on 30 features, if scikit-learn and skl2onnx are there."""
    from sklearn import ensemble

    trees(path, ensemble.GradientBoostingClassifier(n_estimators=100, random_state=1))


def make(folder, mlp_file):
    """Writes those that are missing; returns their paths by name."""
    folder.mkdir(parents=True, exist_ok=True)
    makers = {"mlp": lambda path: digits_onnx.convert(str(mlp_file), str(path)), "cnn": cnn, "lstm": lstm,
              "transformer": transformer, "forest": forest, "boosting": boosting, "resnet18": resnet18}
    paths = {}
    for name, maker in makers.items():
        path = folder / f"{name}.onnx"
        try:
            if not path.exists():
                maker(path)
            paths[name] = path
        except ImportError as error:
            print(f"{name} left out: {error}")
    return paths
