"""Trains the two digit classifiers and writes them with their data and Keras's own answers.

    python3 -m venv .venv && .venv/bin/pip install -r requirements.txt && .venv/bin/python make_digits.py

Data: scikit-learn's copy of the UCI "Optical Recognition of Handwritten Digits" test set: 1,797 images of 8 x 8 pixels,
values 0 to 16. The models take these values as they are (float32).

    digits.npz       images [1797, 8, 8, 1] float32, pixels [1797, 64] float32 (the same values), labels [1797] int64
    cnn.h5           Keras 3, Sequential: convolutions and batch normalization over [8, 8, 1]
    mlp.h5           Keras 2 (tf_keras), functional: dense layers over [64]
    cnn_outputs.npz  probabilities [1797, 10] float32: model.predict of all images as one batch
    mlp_outputs.npz  the same for mlp.h5
"""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import pathlib

import keras
import numpy as np
import tensorflow as tf
import tf_keras
from sklearn.datasets import load_digits

HERE = pathlib.Path(__file__).parent
SEED = 20
REQUIRED_ACCURACY = 0.97


def make_cnn():
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((8, 8, 1), name="image"),
            layers.Conv2D(16, 3, padding="same", use_bias=False, name="conv_1"),
            layers.BatchNormalization(name="norm_1"),
            layers.ReLU(name="relu_1"),
            layers.Conv2D(32, 3, padding="same", activation="relu", name="conv_2"),
            layers.MaxPooling2D(2, name="pool_1"),
            layers.Conv2D(32, 3, activation="relu", name="conv_3"),
            layers.Dropout(0.3, name="dropout"),
            layers.Flatten(name="flatten"),
            layers.Dense(64, activation="relu", name="hidden"),
            layers.Dense(10, activation="softmax", name="probabilities"),
        ],
        name="digits_cnn",
    )


def make_mlp():
    layers = tf_keras.layers
    pixels = layers.Input((64,), name="pixels")
    x = layers.BatchNormalization(name="norm")(pixels)
    x = layers.Dense(96, activation="relu", name="hidden_1")(x)
    x = layers.Dropout(0.2, name="dropout")(x)
    x = layers.Dense(48, activation="relu", name="hidden_2")(x)
    x = layers.Dense(10, activation="softmax", name="probabilities")(x)
    return tf_keras.Model(pixels, x, name="digits_mlp")


def train_and_write(library, model, name, features, labels, training_rows, epochs):
    library.utils.set_random_seed(SEED)
    model.compile(optimizer=library.optimizers.Adam(2e-3), loss="sparse_categorical_crossentropy")
    model.fit(features[training_rows], labels[training_rows], batch_size=32, epochs=epochs, verbose=0)
    model.save(HERE / f"{name}.h5", include_optimizer=False)
    # What a reader of the file gets, not what is in memory here.
    read_back = library.models.load_model(HERE / f"{name}.h5", compile=False)
    probabilities = read_back.predict(features, batch_size=len(features), verbose=0)
    correct = probabilities.argmax(axis=1) == labels
    held_out = np.ones(len(labels), bool)
    held_out[training_rows] = False
    print(f"{name}: accuracy {correct.mean():.4f} over all, {correct[held_out].mean():.4f} over the held-out fifth")
    assert correct.mean() >= REQUIRED_ACCURACY, name
    np.savez(HERE / f"{name}_outputs.npz", probabilities=probabilities)


def main():
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(SEED)
    digits = load_digits()
    images = digits.images.astype(np.float32)[..., None]
    pixels = images.reshape(-1, 64)
    labels = digits.target.astype(np.int64)
    np.savez_compressed(HERE / "digits.npz", images=images, pixels=pixels, labels=labels)
    training_rows = np.random.default_rng(SEED).permutation(len(labels))[: len(labels) * 4 // 5]
    train_and_write(keras, make_cnn(), "cnn", images, labels, training_rows, epochs=12)
    tf_keras.utils.set_random_seed(SEED)
    train_and_write(tf_keras, make_mlp(), "mlp", pixels, labels, training_rows, epochs=40)


if __name__ == "__main__":
    main()
