"""Writes further small Keras models: sequences, masks, attention, volumes, nested models; as `make_keras_models.py`, whose
environment and format this shares.

    .venv/bin/python make_keras_layers.py

Besides the HDF5 files of both Keras versions, every case is written as `<case>.keras3.keras`, an archive whose answers are
those of `<case>.keras3.npz`. Models with masks Keras 3 writes as archives only.
"""

import pathlib

import keras
import numpy as np
import tf_keras

import make_keras_models as common
from make_keras_models import ROWS, branches, output_names, randomize, write_reference

HERE = pathlib.Path(__file__).parent
CASES = {}
# Keras 3 writes masks into a model as operations, which it cannot read back from HDF5.
NOT_AS_HDF5 = {"embedding", "masking", "nested_sequences"}


def case(function):
    CASES[function.__name__] = function
    return function


@case
def recurrent(K):
    L = K.layers
    x = L.Input((6, 4), name="series")
    y = []
    for kind in (L.SimpleRNN, L.GRU, L.LSTM):
        n = kind.__name__.lower()
        y += [
            kind(3, name=f"{n}_last")(x),
            kind(3, return_sequences=True, name=f"{n}_all")(x),
            kind(3, go_backwards=True, name=f"{n}_backwards")(x),
            kind(3, go_backwards=True, return_sequences=True, name=f"{n}_backwards_all")(x),
            kind(3, use_bias=False, name=f"{n}_no_bias")(x),
            kind(3, activation="relu", name=f"{n}_relu")(x),
            kind(3, activation=None, name=f"{n}_linear")(x),
        ]
        if kind is not L.SimpleRNN:
            y.append(kind(3, recurrent_activation="hard_sigmoid", activation="softsign", name=f"{n}_hard")(x))
    y.append(L.GRU(3, reset_after=False, name="gru_reset_before")(x))
    y.append(L.GRU(3, reset_after=False, return_sequences=True, go_backwards=True, name="gru_reset_before_all")(x))
    return branches(K, x, y, "recurrent_layers")


@case
def recurrent_states(K):
    """An encoder's states begin a decoder."""
    L = K.layers
    x = L.Input((5, 3), name="source")
    z = L.Input((4, 2), name="target")
    encoded, h, c = L.LSTM(3, return_state=True, name="encoder")(x)
    decoded, g, d = L.LSTM(3, return_sequences=True, return_state=True, name="decoder")(z, initial_state=[h, c])
    _, s = L.GRU(3, return_state=True, name="gru_encoder")(x)
    gru = L.GRU(3, name="gru_decoder")(z, initial_state=s)
    simple = L.SimpleRNN(3, return_sequences=True, name="simple_decoder")(z, initial_state=s)
    total = L.Add(name="states")([h, c, g, d, encoded])
    return K.Model([x, z], [decoded, gru, simple, total], name="states")


@case
def bidirectional(K):
    L = K.layers
    x = L.Input((5, 4), name="series")
    y = []
    for mode in ("concat", "sum", "mul", "ave"):
        y.append(L.Bidirectional(L.LSTM(3), merge_mode=mode, name=f"last_{mode}")(x))
        y.append(L.Bidirectional(L.GRU(3, return_sequences=True), merge_mode=mode, name=f"all_{mode}")(x))
    y += list(L.Bidirectional(L.SimpleRNN(2, return_sequences=True), merge_mode=None, name="both")(x))
    y.append(
        L.Bidirectional(
            L.LSTM(2, return_sequences=True, name="one"), name="custom",
            backward_layer=L.LSTM(3, return_sequences=True, go_backwards=True, activation="relu", name="other"))(x))
    z = L.Bidirectional(L.LSTM(2, return_state=True), name="with_states")(x)
    y.append(L.Concatenate(name="states")(list(z)))
    return branches(K, x, y, "bidirectional_layers")


@case
def embedding(K):
    L = K.layers
    x = L.Input((7,), dtype="int32", name="tokens")
    f = L.Input((7,), name="floats")
    e = L.Embedding(9, 4, mask_zero=True, name="masked")(x)
    y = [
        L.Embedding(9, 3, name="plain")(x),
        L.Embedding(9, 3, name="of_floats")(f),
        L.LSTM(3, name="lstm")(e),
        L.LSTM(3, return_sequences=True, name="lstm_all")(e),
        L.GRU(3, go_backwards=True, name="gru_backwards")(e),
        L.GRU(3, go_backwards=True, return_sequences=True, name="gru_backwards_all")(e),
        L.SimpleRNN(3, name="simple")(e),
        L.Bidirectional(L.LSTM(2), name="bidirectional")(e),
        L.Bidirectional(L.GRU(2, return_sequences=True), name="bidirectional_all")(e),
        L.GlobalAveragePooling1D(name="average")(e),
        L.LSTM(2, name="stacked")(L.Dropout(0.5)(L.LSTM(3, return_sequences=True, name="below")(e))),
        L.GRU(2, name="after_dense")(L.Dense(3, activation="relu", name="dense")(e)),
        L.GRU(2, name="after_distributed")(L.TimeDistributed(L.Dense(3), name="distributed")(e)),
    ]
    return K.Model([x, f], y, name="embeddings")


@case
def masking(K):
    L = K.layers
    x = L.Input((7, 2), name="series")
    m = L.Masking(name="masking")(x)
    o = L.Masking(mask_value=1.0, name="masking_ones")(x)
    y = [
        m,
        L.LSTM(3, name="lstm")(m),
        L.GRU(3, return_sequences=True, name="gru_all")(m),
        L.SimpleRNN(3, name="simple")(L.Add(name="sum")([m, o])),
        L.SimpleRNN(3, name="joined")(L.Concatenate(name="side_by_side")([m, o])),
        L.SimpleRNN(3, name="appended")(L.Concatenate(axis=1, name="end_to_end")([m, o])),
        L.GRU(2, name="one_mask")(L.Add(name="one_masked")([m, x])),
    ]
    return branches(K, x, y, "masks")


@case
def attention(K):
    L = K.layers
    x = L.Input((5, 6), name="query")
    z = L.Input((4, 3), name="memory")
    t = L.Input((5,), dtype="int32", name="tokens")
    # One each: Keras 3's layer takes the mask off the tensor that it is called with.
    e = L.Embedding(9, 4, mask_zero=True, name="embedded")(t)
    f = L.Embedding(9, 4, mask_zero=True, name="embedded_too")(t)
    y = [
        L.MultiHeadAttention(2, 3, name="self")(x, x),
        L.MultiHeadAttention(2, 3, value_dim=4, name="cross")(x, z),
        L.MultiHeadAttention(2, 3, output_shape=7, use_bias=False, name="named")(x, value=z, key=z),
        L.MultiHeadAttention(3, 2, name="causal")(x, x, use_causal_mask=True),
        L.MultiHeadAttention(2, 3, name="masked")(e, e),
        L.MultiHeadAttention(2, 3, name="masked_causal")(f, f, use_causal_mask=True),
    ]
    return K.Model([x, z, t], y, name="attention")


@case
def time_distributed(K):
    L = K.layers
    x = L.Input((4, 6), name="series")
    v = L.Input((3, 6, 5, 2), name="video")
    o = L.Input((None, 6), name="open")
    y = [
        L.TimeDistributed(L.Dense(3, activation="relu"), name="dense")(x),
        L.TimeDistributed(L.Conv2D(3, 2, padding="same"), name="convolution")(v),
        L.TimeDistributed(L.Flatten(), name="flatten")(v),
        L.TimeDistributed(L.Dense(2), name="open_steps")(o),
        L.TimeDistributed(K.Sequential([L.Input((6, 5, 2)), L.Conv2D(2, 3, name="inner"), L.Flatten()], name="net"),
                          name="model")(v),
    ]
    return K.Model([x, v, o], y, name="time_distributed")


@case
def separable(K):
    L = K.layers
    x = L.Input((7, 6, 3), name="image")
    s = L.Input((9, 4), name="series")
    y = [
        L.SeparableConv2D(4, 3, name="two")(x),
        L.SeparableConv2D(4, 3, strides=2, padding="same", depth_multiplier=2, activation="relu", name="two_same")(x),
        L.SeparableConv2D(4, 2, use_bias=False, dilation_rate=2, name="two_dilated")(x),
        L.SeparableConv1D(5, 3, name="one")(s),
        L.SeparableConv1D(5, 3, padding="same", depth_multiplier=2, name="one_same")(s),
        L.DepthwiseConv1D(3, depth_multiplier=2, name="depthwise_one")(s),
    ]
    return K.Model([x, s], y, name="separable")


@case
def transposed(K):
    L = K.layers
    x = L.Input((4, 5, 3), name="image")
    s = L.Input((6, 2), name="series")
    v = L.Input((3, 4, 2, 2), name="volume")
    y = [
        L.Conv2DTranspose(2, 3, name="valid")(x),
        L.Conv2DTranspose(2, 3, strides=2, padding="same", activation="relu", name="same")(x),
        L.Conv2DTranspose(2, (2, 4), strides=(3, 2), name="wide_strides")(x),
        L.Conv2DTranspose(2, 3, strides=2, padding="same", output_padding=1, name="output_padding")(x),
        L.Conv2DTranspose(2, 3, strides=2, output_padding=(1, 0), use_bias=False, name="output_padding_valid")(x),
        L.Conv2DTranspose(2, 2, dilation_rate=2, name="dilated")(x),
        L.Conv1DTranspose(3, 4, strides=2, padding="same", name="series_same")(s),
        L.Conv1DTranspose(3, 3, strides=2, name="series_valid")(s),
        L.Conv3DTranspose(2, 3, strides=2, padding="same", name="volume_same")(v),
        L.Conv3DTranspose(2, 2, name="volume_valid")(v),
    ]
    return K.Model([x, s, v], y, name="transposed")


@case
def volumes(K):
    L = K.layers
    v = L.Input((6, 5, 4, 2), name="volume")
    y = [
        L.Conv3D(3, 2, name="valid")(v),
        L.Conv3D(3, 3, padding="same", activation="relu", name="same")(v),
        L.Conv3D(3, (3, 2, 2), strides=2, padding="same", name="same_strided")(v),
        L.Conv3D(3, 2, strides=(3, 1, 2), use_bias=False, name="strided")(v),
        L.Conv3D(2, 2, dilation_rate=(2, 1, 1), name="dilated")(v),
        L.ZeroPadding3D(((1, 0), (2, 1), (0, 3)), name="padded")(v),
        L.ZeroPadding3D(1, name="padded_evenly")(v),
        L.Cropping3D(((1, 2), (0, 1), (1, 1)), name="cropped")(v),
        L.UpSampling3D((2, 1, 3), name="enlarged")(v),
        L.SpatialDropout3D(0.5, name="dropout")(v),
    ]
    return branches(K, v, y, "volumes")


@case
def resampling(K):
    L = K.layers
    x = L.Input((4, 5, 3), name="image")
    s = L.Input((6, 2), name="series")
    v = L.Input((4,), name="features")
    y = [
        L.UpSampling2D(name="nearest")(x),
        L.UpSampling2D((3, 2), interpolation="bilinear", name="bilinear")(x),
        L.UpSampling1D(3, name="series_nearest")(s),
        L.Cropping2D(((1, 0), (2, 1)), name="cropped")(x),
        L.Cropping2D(1, name="cropped_evenly")(x),
        L.Cropping1D((1, 2), name="series_cropped")(s),
        L.Cropping1D(2, name="series_cropped_evenly")(s),
        L.RepeatVector(3, name="repeated")(v),
        L.Conv2D(2, 2, name="after_nearest")(L.UpSampling2D(2, name="before")(x)),
    ]
    return K.Model([x, s, v], y, name="resampling")


@case
def statistics(K):
    L = K.layers
    x = L.Input((4, 5, 6), name="image")
    s = L.Input((7, 6), name="series")
    v = L.Input((6,), name="features")
    o = L.Input((None, 6), name="open")
    y = [
        L.LayerNormalization(name="layer")(s),
        L.LayerNormalization(epsilon=0.1, name="layer_image")(x),
        L.LayerNormalization(axis=[1, 2, 3], name="layer_axes")(x),
        L.LayerNormalization(scale=False, name="layer_no_scale")(v),
        L.LayerNormalization(center=False, name="layer_no_center")(v),
        L.LayerNormalization(name="layer_open")(o),
        L.GroupNormalization(3, name="group")(x),
        L.GroupNormalization(2, scale=False, name="group_series")(s),
        L.GroupNormalization(-1, center=False, name="group_each")(x),
        L.GroupNormalization(2, name="group_features")(v),
        L.GroupNormalization(2, axis=1, name="group_first")(x),
        L.Conv2D(2, 2, name="after_group")(L.GroupNormalization(6, name="before")(x)),
        L.PReLU(name="prelu")(x),
        L.PReLU(shared_axes=[1, 2], name="prelu_shared")(x),
        L.Rescaling(1 / 127.5, offset=-1, name="rescaled")(x),
        L.Rescaling([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], name="rescaled_each")(s),
        L.Normalization(name="normalized")(s),
        L.Normalization(axis=1, name="normalized_steps")(s),
        L.Normalization(axis=None, name="normalized_whole")(v),
        L.Normalization(invert=True, name="inverted")(v),
        L.Normalization(mean=[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], variance=[1.0, 4.0, 9.0, 1.0, 2.0, 3.0], name="given")(v),
        L.Maximum(name="maximum")([v, L.Dense(6, name="other")(v)]),
        L.Minimum(name="minimum")([v, L.Dense(6, name="another")(v)]),
    ]
    return K.Model([x, s, v, o], y, name="statistics")


@case
def nested(K):
    L = K.layers
    a = L.Input((6,), name="a")
    b = L.Input((6,), name="b")
    inner_in = L.Input((6,), name="inner_in")
    hidden = L.Dense(4, activation="tanh", name="hidden")(inner_in)
    encoder = K.Model(inner_in, [hidden, L.Dense(3, name="code")(hidden)], name="encoder")
    two = L.Input((4,), name="first"), L.Input((3,), name="second")
    joiner = K.Model(list(two), L.Dense(2, name="dense_of_both")(L.Concatenate(name="both")(list(two))), name="joiner")
    tail_inner = K.Sequential([L.Input((2,)), L.Dense(3, name="deep"), L.BatchNormalization(name="norm")], name="deepest")
    tail = K.Sequential([L.Input((2,)), tail_inner, L.Dense(2, activation="softmax", name="shallow")], name="tail")
    ha, ca = encoder(a)
    hb, cb = encoder(b)
    y = [tail(joiner([ha, cb])), tail(joiner([hb, ca])), L.Add(name="codes")([ca, cb])]
    return K.Model([a, b], y, name="nested")


@case
def nested_sequences(K):
    """Layers with parts inside a nested model, and integers handed on to it."""
    L = K.layers
    t = L.Input((5,), dtype="int32", name="tokens")
    inner = L.Input((5,), dtype="int32", name="inner")
    e = L.Embedding(7, 4, mask_zero=True, name="table")(inner)
    e = L.Bidirectional(L.LSTM(2, return_sequences=True), name="both")(e)
    e = L.MultiHeadAttention(2, 3, name="attention")(e, e)
    e = L.TimeDistributed(L.Dense(3), name="steps")(e)
    e = L.GRU(3, name="summary")(e)
    model = K.Model(inner, e, name="text")
    return K.Model(t, L.Dense(2, name="classes")(model(t)), name="nested_sequences")


def inputs_of(model):
    random = np.random.default_rng(11)
    result = {}
    for tensor in model.inputs:
        shape = (ROWS, *(extent or 7 for extent in tensor.shape[1:]))
        name = common.tensor_name(tensor)
        if "int" in str(tensor.dtype):
            values = random.integers(1, 7, shape)
            # Padding at the end, in the middle and at the start.
            values[0, -2:] = 0
            values[1, 2] = 0
            values[1, -1] = 0
            values[2, 0] = 0
            result[name] = values.astype(np.int32)
        elif name == "floats":
            result[name] = random.integers(0, 9, shape).astype(np.float32)
        else:
            values = random.normal(0, 1.5, shape).astype(np.float32)
            if model.name == "masks":
                values[0, -2:] = 0
                values[0, 1] = 1
                values[1, 2] = 0
                values[2, :1] = 0
                values[2, -1] = 1
            result[name] = values
    return result


def write(K, name, model):
    suffix = "keras3" if K is keras else "keras2"
    randomize(model)
    path = HERE / f"{name}.{suffix}.h5"
    if K is keras:
        path = HERE / f"{name}.keras3.keras"
        if name not in NOT_AS_HDF5:
            model.save(path.with_suffix(".h5"), include_optimizer=False)
    model.save(path, include_optimizer=False)
    read_back = K.models.load_model(path, compile=False)
    inputs = inputs_of(read_back)

    def compute(model):
        return model(list(inputs.values()) if len(inputs) > 1 else next(iter(inputs.values())))

    outputs = compute(read_back)
    names = output_names(K, model)
    write_reference(path.with_suffix(".npz"), inputs, names, outputs)

def main():
    for library in (tf_keras, keras):
        for name, make in CASES.items():
            library.backend.clear_session()
            try:
                write(library, name, make(library))
            except Exception as error:
                raise RuntimeError(f"{name} {library.__name__}") from error


if __name__ == "__main__":
    main()
