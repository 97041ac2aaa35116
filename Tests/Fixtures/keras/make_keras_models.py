"""Writes small Keras models that cover every supported layer and option, with inputs and Keras's own outputs.

    python3 -m venv .venv && .venv/bin/pip install -r requirements.txt && .venv/bin/python make_keras_models.py

Every case is written twice: `<case>.keras2.h5` by Keras 2 (tf_keras) and `<case>.keras3.h5` by Keras 3. Beside each lies
`<same name>.npz`: `input.<name>` for every model input and `output.<layer name>` for every output, float32, as the model
read back from the file computes them. Most models have one output per option under test, named after it.

TensorFlow runs no channels-first convolution or pooling on a CPU. The channels-first models are therefore computed by
their channels-last twins with the same weights, between transpositions.
"""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import json
import pathlib

import h5py
import keras
import numpy as np
import tf_keras

HERE = pathlib.Path(__file__).parent
ROWS = 3

CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


def branches(K, x, outputs, name):
    return K.Model(x, list(outputs), name=name)


@case
def dense(K):
    L = K.layers
    x = L.Input((5,), name="features")
    y = [
        L.Dense(3, name="plain")(x),
        L.Dense(3, use_bias=False, name="no_bias")(x),
        L.Dense(4, activation="softmax", name="with_softmax")(x),
    ]
    for activation in (
        "linear", "relu", "sigmoid", "tanh", "elu", "selu", "softplus", "softsign", "exponential", "hard_sigmoid"
    ):
        y.append(L.Dense(2, activation=activation, name=f"with_{activation}")(x))
    return branches(K, x, y, "dense_options")


@case
def dense_sequence(K):
    L = K.layers
    x = L.Input((4, 5), name="sequence")
    y = L.Dense(3, activation="relu", name="per_step")(x)
    z = L.Dense(2, activation="softmax", name="per_step_softmax")(y)
    return branches(K, x, [y, z], "dense_over_sequences")


@case
def sequential(K):
    L = K.layers
    return K.Sequential(
        [
            L.Input((6, 7, 2), name="image"),
            L.Conv2D(3, 2, activation="tanh", name="convolution"),
            L.MaxPooling2D(name="pooling"),
            L.Flatten(name="flatten"),
            L.Dense(4, activation="softmax", name="classes"),
        ],
        name="small_sequential",
    )


@case
def sequential_without_input_layer(K):
    L = K.layers
    model = K.Sequential([L.Dense(3, activation="relu", name="first"), L.Dense(2, name="second")], name="built_late")
    model.build((None, 4))
    return model


@case
def conv1d(K):
    L = K.layers
    x = L.Input((9, 4), name="series")
    y = [
        L.Conv1D(3, 3, name="valid")(x),
        L.Conv1D(3, 3, padding="same", activation="relu", name="same")(x),
        L.Conv1D(3, 4, padding="same", strides=2, name="same_strided")(x),
        L.Conv1D(3, 3, padding="causal", dilation_rate=2, name="causal_dilated")(x),
        L.Conv1D(3, 2, padding="causal", strides=2, use_bias=False, name="causal_strided")(x),
        L.Conv1D(4, 3, groups=2, name="grouped")(x),
    ]
    return branches(K, x, y, "conv1d_options")


@case
def conv2d(K):
    L = K.layers
    x = L.Input((9, 8, 4), name="image")
    y = [
        L.Conv2D(3, (3, 2), name="valid")(x),
        L.Conv2D(3, 3, padding="same", activation="sigmoid", name="same")(x),
        L.Conv2D(3, 3, padding="same", strides=2, name="same_strided")(x),
        L.Conv2D(3, 2, padding="same", strides=(3, 2), use_bias=False, name="same_strided_unevenly")(x),
        L.Conv2D(3, 3, dilation_rate=2, name="dilated")(x),
        L.Conv2D(3, 3, padding="same", dilation_rate=(2, 1), name="same_dilated")(x),
        L.Conv2D(4, 3, groups=2, name="grouped")(x),
        L.Conv2D(3, 1, activation="softmax", name="softmax_over_channels")(x),
    ]
    return branches(K, x, y, "conv2d_options")


@case
def depthwise_conv2d(K):
    L = K.layers
    x = L.Input((7, 6, 3), name="image")
    y = [
        L.DepthwiseConv2D(3, name="valid")(x),
        L.DepthwiseConv2D(3, padding="same", depth_multiplier=2, activation="relu", name="multiplied")(x),
        L.DepthwiseConv2D(2, padding="same", strides=2, use_bias=False, name="same_strided")(x),
    ]
    return branches(K, x, y, "depthwise_options")


@case
def pooling(K):
    L = K.layers
    x = L.Input((7, 6, 3), name="image")
    s = L.Input((9, 3), name="series")
    y = [
        L.MaxPooling2D(2, name="max_2d")(x),
        L.MaxPooling2D((3, 2), strides=(1, 2), padding="same", name="max_2d_same")(x),
        L.AveragePooling2D(2, name="average_2d")(x),
        L.AveragePooling2D((3, 2), strides=2, padding="same", name="average_2d_same")(x),
        L.GlobalMaxPooling2D(name="global_max_2d")(x),
        L.GlobalAveragePooling2D(name="global_average_2d")(x),
        L.GlobalAveragePooling2D(keepdims=True, name="global_average_2d_kept")(x),
        L.MaxPooling1D(2, name="max_1d")(s),
        L.MaxPooling1D(3, strides=2, padding="same", name="max_1d_same")(s),
        L.AveragePooling1D(2, name="average_1d")(s),
        L.AveragePooling1D(3, strides=2, padding="same", name="average_1d_same")(s),
        L.GlobalMaxPooling1D(name="global_max_1d")(s),
        L.GlobalMaxPooling1D(keepdims=True, name="global_max_1d_kept")(s),
        L.GlobalAveragePooling1D(name="global_average_1d")(s),
    ]
    return K.Model([x, s], y, name="pooling_options")


@case
def normalization(K):
    L = K.layers
    x = L.Input((5, 4, 3), name="image")
    s = L.Input((6, 3), name="series")
    v = L.Input((5,), name="features")
    y = [
        L.BatchNormalization(name="image_last")(x),
        L.BatchNormalization(axis=1, name="image_rows")(x),
        L.BatchNormalization(axis=2, epsilon=0.01, name="image_columns")(x),
        L.BatchNormalization(scale=False, name="no_scale")(x),
        L.BatchNormalization(center=False, name="no_center")(x),
        L.BatchNormalization(scale=False, center=False, name="neither")(s),
        L.BatchNormalization(axis=1, name="series_steps")(s),
        L.BatchNormalization(name="features_norm")(v),
    ]
    return K.Model([x, s, v], y, name="normalization_options")


@case
def identity(K):
    L = K.layers
    x = L.Input((4, 4, 2), name="image")
    y = L.Dropout(0.5, name="dropout")(x)
    y = L.SpatialDropout2D(0.5, name="spatial_dropout_2d")(y)
    y = L.GaussianNoise(0.5, name="gaussian_noise")(y)
    y = L.GaussianDropout(0.5, name="gaussian_dropout")(y)
    y = L.AlphaDropout(0.5, name="alpha_dropout")(y)
    y = L.ActivityRegularization(l2=0.1, name="activity_regularization")(y)
    y = L.Reshape((8, 4), name="rows")(y)
    y = L.SpatialDropout1D(0.5, name="spatial_dropout_1d")(y)
    y = L.Activation("linear", name="linear")(y)
    return K.Model(x, y, name="nothing_at_inference")


@case
def shapes(K):
    L = K.layers
    x = L.Input((4, 3, 2), name="image")
    s = L.Input((5, 3), name="series")
    v = L.Input((6,), name="features")
    y = [
        L.Flatten(name="flatten_image")(x),
        L.Flatten(name="flatten_features")(v),
        L.Flatten(data_format="channels_first", name="flatten_channels_first")(x),
        L.Reshape((6, 4), name="reshape")(x),
        L.Reshape((3, -1), name="reshape_inferred")(x),
        L.Reshape((2, 3, 1), name="reshape_features")(v),
        L.Permute((3, 1, 2), name="permute")(x),
        L.ZeroPadding2D(1, name="pad_2d")(x),
        L.ZeroPadding2D(((1, 0), (2, 3)), name="pad_2d_uneven")(x),
        L.ZeroPadding1D(2, name="pad_1d")(s),
        L.ZeroPadding1D((0, 3), name="pad_1d_uneven")(s),
    ]
    return K.Model([x, s, v], y, name="shape_layers")


@case
def activations(K):
    L = K.layers
    slope = {"negative_slope": 0.2} if K is keras else {"alpha": 0.2}
    x = L.Input((4, 3), name="values")
    y = [
        L.ReLU(name="relu_layer")(x),
        L.ReLU(max_value=1.0, name="relu_capped")(x),
        L.ReLU(negative_slope=0.1, name="relu_leaky")(x),
        L.ReLU(max_value=1.0, negative_slope=0.1, name="relu_leaky_capped")(x),
        L.LeakyReLU(**slope, name="leaky_relu_layer")(x),
        L.LeakyReLU(name="leaky_relu_default")(x),
        L.ELU(name="elu_layer")(x),
        L.ELU(alpha=0.5, name="elu_half")(x),
        L.Softmax(name="softmax_layer")(x),
        L.Softmax(axis=1, name="softmax_steps")(x),
    ]
    names = ["relu", "sigmoid", "tanh", "softmax", "elu", "selu", "softplus", "softsign", "exponential", "hard_sigmoid"]
    names += ["leaky_relu", "relu6", "swish"]
    for activation in names:
        y.append(L.Activation(activation, name=activation)(x))
    return branches(K, x, y, "activation_layers")


@case
def merges(K):
    L = K.layers
    a = L.Input((3, 2), name="a")
    b = L.Input((3, 2), name="b")
    c = L.Input((3, 2), name="c")
    y = [
        L.Add(name="add")([a, b]),
        L.Add(name="add_three")([a, b, c]),
        L.Subtract(name="subtract")([a, b]),
        L.Multiply(name="multiply")([a, b, c]),
        L.Average(name="average")([a, b, c]),
        L.Concatenate(name="concatenate")([a, b, c]),
        L.Concatenate(axis=1, name="concatenate_steps")([a, b]),
    ]
    return K.Model([a, b, c], y, name="merge_layers")


@case
def functional(K):
    """Two inputs, two outputs, a layer shared by both branches, a residual connection."""
    L = K.layers
    left = L.Input((6,), name="left")
    right = L.Input((6,), name="right")
    shared = L.Dense(4, activation="tanh", name="shared")
    a, b = shared(left), shared(right)
    joined = L.Concatenate(name="joined")([a, b])
    hidden = L.Dense(8, activation="relu", name="hidden")(joined)
    residual = L.Add(name="residual")([joined, hidden])
    classes = L.Dense(3, activation="softmax", name="classes")(residual)
    score = L.Dense(1, activation="sigmoid", name="score")(a)
    return K.Model([right, left], [classes, score], name="two_in_two_out")


@case
def shared_output(K):
    """The same layer twice as output: Keras gives the outputs one name."""
    L = K.layers
    left = L.Input((3,), name="left")
    right = L.Input((3,), name="right")
    shared = L.Dense(2, name="shared")
    return K.Model([left, right], [shared(left), shared(right)], name="siamese")


@case
def float64(K):
    """Weights of another width, and a softmax in float64."""
    L = K.layers
    x = L.Input((3,), name="x")
    y = L.Dense(2, dtype="float64", activation="softmax", name="wide")(x)
    return K.Model(x, y, name="float64_layer")


@case
def activation_objects(K):
    """Layers in the place of an activation's name."""
    L = K.layers
    slope = {"negative_slope": 0.1} if K is keras else {"alpha": 0.1}
    x = L.Input((4, 3), name="x")
    y = [
        L.Dense(3, activation=L.LeakyReLU(**slope), name="leaky")(x),
        L.Dense(3, activation=L.ReLU(max_value=2.0), name="capped")(x),
        L.Conv1D(3, 2, activation=L.Softmax(axis=1), name="over_steps")(x),
    ]
    return branches(K, x, y, "activation_objects")


@case
def open_extents(K):
    """Images of any size: the extents are known at run time only."""
    L = K.layers
    x = L.Input((None, None, 2), name="image")
    y = L.Conv2D(3, 3, padding="same", strides=2, activation="relu", name="convolution")(x)
    y = L.MaxPooling2D(2, padding="same", name="pooling")(y)
    z = L.GlobalAveragePooling2D(name="average")(y)
    z = L.Dense(3, activation="softmax", name="classes")(z)
    return branches(K, x, [y, z], "open_extents")


@case
def dictionaries(K):
    """Inputs and outputs as dictionaries, which Keras orders by key."""
    L = K.layers
    b, a = L.Input((3,), name="b"), L.Input((2,), name="a")
    y = L.Dense(2, name="y")(L.Concatenate(name="joined")([b, a]))
    z = L.Dense(1, name="z")(y)
    return K.Model({"b": b, "a": a}, {"z": z, "y": y}, name="dictionaries")


@case
def fixed_batch(K):
    """A batch size in the file is the size it was trained with; any other may be served."""
    L = K.layers
    x = L.Input(batch_size=ROWS, shape=(4,), name="x")
    return K.Model(x, L.Dense(2, name="y")(x), name="fixed_batch")


def channels_first_layers(L, order):
    axis = 1 if order == "channels_first" else -1
    return [
        L.Conv2D(4, 3, padding="same", strides=2, data_format=order, activation="relu", name="convolution"),
        L.BatchNormalization(axis=axis, name="norm"),
        L.DepthwiseConv2D(2, data_format=order, name="depthwise"),
        L.ZeroPadding2D(((1, 0), (0, 2)), data_format=order, name="padding"),
        L.MaxPooling2D(2, strides=1, data_format=order, name="max"),
        L.AveragePooling2D(2, strides=1, padding="same", data_format=order, name="average"),
    ]


def make_channels_first(K):
    L = K.layers

    def model(order):
        x = L.Input((3, 7, 6) if order == "channels_first" else (7, 6, 3), name="image")
        y = x
        for layer in channels_first_layers(L, order):
            y = layer(y)
        pooled = L.GlobalAveragePooling2D(data_format=order, name="global_average")(y)
        peak = L.GlobalMaxPooling2D(data_format=order, name="global_max")(y)
        # Keras flattens channels-first data in channels-last order, so that both twins see the same vector.
        flat = L.Flatten(data_format=order, name="flat")(y)
        classes = L.Dense(3, activation="softmax", name="classes")(flat)
        return K.Model(x, [pooled, peak, classes], name="channels_first")

    first, last = model("channels_first"), model("channels_last")
    randomize(first)
    last.set_weights(first.get_weights())
    return first, last


def make_channels_first_1d(K):
    L = K.layers

    def model(order):
        x = L.Input((3, 9) if order == "channels_first" else (9, 3), name="series")
        y = L.Conv1D(4, 3, padding="same", data_format=order, name="convolution")(x)
        y = L.MaxPooling1D(2, data_format=order, name="max")(y)
        z = L.GlobalAveragePooling1D(data_format=order, name="global_average")(y)
        return K.Model(x, [y, z], name="channels_first_1d")

    first, last = model("channels_first"), model("channels_last")
    randomize(first)
    last.set_weights(first.get_weights())
    return first, last


def randomize(model):
    """Weights that differ from the neutral ones a fresh layer has (zero bias, unit scale)."""
    random = np.random.default_rng(7)
    weights = []
    for weight in model.weights:
        shape = tuple(weight.shape)
        name = getattr(weight, "path", weight.name)
        if "variance" in name or "gamma" in name:
            weights.append(random.uniform(0.5, 2, shape))
        else:
            weights.append(random.normal(0, 0.5, shape))
    model.set_weights(weights)


def random_inputs(model):
    random = np.random.default_rng(11)
    return {
        tensor_name(tensor): random.normal(0, 1.5, (ROWS, *(extent or 7 for extent in tensor.shape[1:]))).astype(np.float32)
        for tensor in model.inputs
    }


def tensor_name(tensor):
    return tensor.name.split(":")[0] if hasattr(tensor, "name") else tensor.node.layer.name


def unique(names):
    seen, result = {}, []
    for name in names:
        result.append(name if name not in seen else f"{name}_{seen[name]}")
        seen[name] = seen.get(name, 0) + 1
    return result


def output_names(K, model):
    if isinstance(model, K.Sequential):
        return [model.layers[-1].name]
    layers = [t._keras_history.operation if K is keras else t._keras_history.layer for t in model.outputs]
    return unique(layer.name for layer in layers)


def write_reference(path, inputs, names, outputs):
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    arrays = {f"input.{name}": value for name, value in inputs.items()}
    arrays |= {f"output.{name}": np.asarray(value).astype(np.float32) for name, value in zip(names, outputs, strict=True)}
    np.savez_compressed(path, **arrays)


def write(K, name, model):
    suffix = "keras3" if K is keras else "keras2"
    randomize(model)
    path = HERE / f"{name}.{suffix}.h5"
    model.save(path, include_optimizer=False)
    read_back = K.models.load_model(path, compile=False)
    inputs = random_inputs(read_back)
    if name == "dictionaries":
        outputs = read_back(inputs)
        write_reference(path.with_suffix(".npz"), inputs, list(outputs), list(outputs.values()))
        return
    outputs = read_back(list(inputs.values()) if len(inputs) > 1 else next(iter(inputs.values())))
    write_reference(path.with_suffix(".npz"), inputs, output_names(K, model), outputs)


def write_channels_first(K, name, first, last):
    suffix = "keras3" if K is keras else "keras2"
    path = HERE / f"{name}.{suffix}.h5"
    first.save(path, include_optimizer=False)
    inputs = random_inputs(first)
    (value,) = inputs.values()
    outputs = [np.asarray(y) for y in last(np.moveaxis(value, 1, -1))]
    outputs = [np.moveaxis(y, -1, 1) if y.ndim > 2 else y for y in outputs]
    write_reference(path.with_suffix(".npz"), inputs, output_names(K, first), outputs)


def recompress(source, target):
    """The same file with its larger datasets chunked and deflated, and its weights in half precision."""
    with h5py.File(source) as old, h5py.File(target, "w") as new:
        for key, value in old.attrs.items():
            new.attrs[key] = value

        def copy(name, item):
            if isinstance(item, h5py.Group):
                new.require_group(name)
            else:
                values = item[()].astype(np.float16)
                new.create_dataset(name, data=values, chunks=values.shape, compression="gzip", shuffle=True)
            for key, value in item.attrs.items():
                new[name].attrs[key] = value

        old.visititems(copy)


def split_attributes(source, target):
    """The same file with its attributes in numbered pieces, as Keras writes those above HDF5's 64 KB."""
    with h5py.File(source) as old, h5py.File(target, "w") as new:
        for key in old.attrs:
            new.attrs[key] = old.attrs[key]
        old.copy("model_weights", new)
        weights = new["model_weights"]
        names = weights.attrs["layer_names"]
        del weights.attrs["layer_names"]
        for index, name in enumerate(names):
            weights.attrs[f"layer_names{index}"] = np.array([name], dtype="S")
            group = weights[name]
            parts = group.attrs["weight_names"]
            del group.attrs["weight_names"]
            for part, weight in enumerate(parts):
                group.attrs[f"weight_names{part}"] = np.array([weight], dtype="S")


def old_sequential(source, target):
    """The same file as Keras before 2.2.3 wrote it: the configuration is the list of layers, without an input layer."""
    with h5py.File(source) as old, h5py.File(target, "w") as new:
        content = json.loads(old.attrs["model_config"])
        first, *rest = content["config"]["layers"]
        rest[0]["config"]["batch_input_shape"] = first["config"]["batch_input_shape"]
        new.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": rest})
        new.attrs["keras_version"] = "2.1.6"
        old.copy("model_weights", new)


BAD = HERE / "bad"


def make_bad_models():
    """Files that must be refused, each for one reason; the tests name the reasons."""
    BAD.mkdir(exist_ok=True)
    tf_keras.utils.set_random_seed(3)
    L = tf_keras.layers
    lstm = [L.Input((4, 3, 2), name="series"), L.ConvLSTM1D(2, 2, name="lstm_1"), L.Dense(2, name="dense")]
    tf_keras.Sequential(lstm).save(BAD / "unknown_layer.h5", include_optimizer=False)
    nested = tf_keras.Sequential([L.Input((4,), name="inner"), L.Dense(2, name="inside")], name="nested")
    tf_keras.Sequential([L.Input((4,), name="outer"), nested]).save(BAD / "nested_model.h5", include_optimizer=False)
    with h5py.File(BAD / "nested_model.h5", "a") as file:
        rename(file["model_weights/nested"], ["inside/bias:0"])
    x = L.Input((4,), name="x")
    dense = tf_keras.Model(x, L.Dense(2, name="second")(L.Dense(3, name="first")(x)), name="base")
    dense.save_weights(BAD / "weights_only.h5")
    base = BAD / "base.h5"
    dense.save(base, include_optimizer=False)

    def variant(name, change, config=lambda c: None):
        with h5py.File(base) as old, h5py.File(BAD / f"{name}.h5", "w") as new:
            for key in ("keras_version", "backend"):
                new.attrs[key] = old.attrs[key]
            content = json.loads(old.attrs["model_config"])
            config(content["config"])
            new.attrs["model_config"] = json.dumps(content)
            old.copy("model_weights", new)
            change(new, new["model_weights"])

    def layer(content, name):
        return next(l for l in content["layers"] if l["name"] == name)

    def replace(group, **dataset):
        del group["kernel:0"]
        group.create_dataset("kernel:0", **dataset)

    def external_storage(weights):
        group = weights["first/first"]
        del group["kernel:0"]
        group.create_dataset("kernel:0", shape=(4, 3), dtype="f4", external=[("/etc/passwd", 0, 48)])

    keep = lambda file, weights: None
    first = "first/first"
    variant("config_not_json", lambda f, w: f.attrs.modify("model_config", "{'class_name': Sequential}"))
    variant("config_is_a_number", lambda f, w: (f.attrs.__delitem__("model_config"), f.attrs.create("model_config", 3)))
    variant("no_keras_version", lambda f, w: f.attrs.__delitem__("keras_version"))
    variant("keras_1", lambda f, w: f.attrs.modify("keras_version", "1.2.2"))
    variant("no_weights_group", lambda f, w: f.__delitem__("model_weights"))
    variant("no_layer_names", lambda f, w: w.attrs.__delitem__("layer_names"))
    variant("missing_layer_group", lambda f, w: w.__delitem__("first"))
    variant("missing_dataset", lambda f, w: w[first].__delitem__("kernel:0"))
    variant("missing_weight_name", lambda f, w: rename(w["first"], ["first/bias:0"]))
    variant("wrong_shape", lambda f, w: replace(w[first], data=np.zeros((3, 4), np.float32)))
    variant("integer_weight", lambda f, w: replace(w[first], data=np.zeros((4, 3), np.int32)))
    variant("soft_link", lambda f, w: soften(w[first]))
    variant("external_link", lambda f, w: externalize(w[first]))
    variant("external_storage", lambda f, w: external_storage(w))
    variant("weight_is_a_group", lambda f, w: (w[first].__delitem__("kernel:0"), w[first].create_group("kernel:0")))
    variant("path_leaves_the_layer", lambda f, w: rename(w["first"], ["../kernel:0", "first/bias:0"]))
    variant("units_disagree", keep, lambda c: layer(c, "first")["config"].update(units=5))
    variant("units_absurd", keep, lambda c: layer(c, "first")["config"].update(units=10**15))
    variant("units_negative", keep, lambda c: layer(c, "first")["config"].update(units=-3))
    variant("units_missing", keep, lambda c: layer(c, "first")["config"].pop("units"))
    variant("units_text", keep, lambda c: layer(c, "first")["config"].update(units="three"))
    variant("cycle", keep, lambda c: layer(c, "first").update(inbound_nodes=[[["second", 0, 0, {}]]]))
    variant("unknown_inbound", keep, lambda c: layer(c, "second").update(inbound_nodes=[[["third", 0, 0, {}]]]))
    variant("unknown_call", keep, lambda c: layer(c, "second").update(inbound_nodes=[[["first", 7, 0, {}]]]))
    variant("duplicate_layer", keep, lambda c: c["layers"].append(layer(c, "second")))
    variant("unknown_activation", keep, lambda c: layer(c, "first")["config"].update(activation="mish"))
    variant("training_call", keep, lambda c: layer(c, "second")["inbound_nodes"][0][0][3].update(training=True))
    variant("no_outputs", keep, lambda c: c.update(output_layers=[]))
    variant("input_absurd", keep, lambda c: layer(c, "x")["config"].update(batch_input_shape=[None, 2**28, 2**28]))
    variant("input_integer", keep, lambda c: layer(c, "x")["config"].update(dtype="int32"))

    def huge(content):
        layer(content, "x")["config"]["batch_input_shape"] = [None, 200_000]
        layer(content, "first")["config"]["units"] = 1_000

    # 800 MB declared, nothing stored: HDF5 reads it as zeros.
    variant("hollow_weight", lambda f, w: replace(w[first], shape=(200_000, 1_000), dtype="f4", chunks=(1000, 1000)), huge)


def rename(group, names):
    group.attrs["weight_names"] = np.array(names, dtype="S")


def soften(group):
    group.move("kernel:0", "moved")
    group["kernel:0"] = h5py.SoftLink("moved")


def externalize(group):
    del group["kernel:0"]
    group["kernel:0"] = h5py.ExternalLink("base.h5", "/model_weights/first/first/kernel:0")


def main():
    for library in (tf_keras, keras):
        suffix = "keras3" if library is keras else "keras2"
        for name, make in CASES.items():
            library.backend.clear_session()
            try:
                write(library, name, make(library))
            except Exception as error:
                raise RuntimeError(f"{name}.{suffix}") from error
        write_channels_first(library, "channels_first", *make_channels_first(library))
        write_channels_first(library, "channels_first_1d", *make_channels_first_1d(library))
    split_attributes(HERE / "sequential.keras3.h5", HERE / "split_attributes.keras3.h5")
    np.savez_compressed(HERE / "split_attributes.keras3.npz", **np.load(HERE / "sequential.keras3.npz"))
    old_sequential(HERE / "sequential.keras2.h5", HERE / "old_sequential.keras2.h5")
    arrays = dict(np.load(HERE / "sequential.keras2.npz"))
    arrays["input.convolution_input"] = arrays.pop("input.image")
    np.savez_compressed(HERE / "old_sequential.keras2.npz", **arrays)
    recompress(HERE / "sequential.keras2.h5", HERE / "deflated_half.keras2.h5")
    half = tf_keras.models.load_model(HERE / "deflated_half.keras2.h5", compile=False)
    inputs = random_inputs(half)
    write_reference(
        HERE / "deflated_half.keras2.npz", inputs, output_names(tf_keras, half), half(next(iter(inputs.values())))
    )
    make_bad_models()


if __name__ == "__main__":
    main()
