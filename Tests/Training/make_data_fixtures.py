#!/usr/bin/env python3
"""Writes Tests/Fixtures/training/{metrics,preprocessing}.json with scikit-learn.

    python Tests/Training/make_data_fixtures.py

Needs numpy and scikit-learn; the versions used are in the files.
"""

import json
import pathlib
import warnings

import numpy as np
import sklearn
from sklearn import metrics

FOLDER = pathlib.Path(__file__).parent.parent / "Fixtures" / "training"
VERSIONS = {"numpy": np.__version__, "scikit-learn": sklearn.__version__}


def numbers(array):
    """Nested lists; the shortest decimals that read back to the same binary32."""
    array = np.asarray(array)
    if array.dtype == np.float32:
        return [numbers(a) for a in array] if array.ndim else (
            None if np.isnan(array) else int(array) if array == int(array) else
            float(np.format_float_positional(array, unique=True)))
    return array.tolist()


def classification(name, actual, probabilities, weights):
    predicted = probabilities.argmax(axis=1) if probabilities.ndim == 2 else (probabilities > 0.5).astype(int)
    count = probabilities.shape[1] if probabilities.ndim == 2 else 2
    result = {
        "accuracy": metrics.accuracy_score(actual, predicted, sample_weight=weights),
        "log_loss": metrics.log_loss(actual, probabilities, sample_weight=weights, labels=list(range(count))),
    }
    for average in ["macro", "micro", "weighted"]:
        p, r, f, _ = metrics.precision_recall_fscore_support(
            actual, predicted, average=average, sample_weight=weights, zero_division=0)
        result.update({f"precision_{average}": p, f"recall_{average}": r, f"f1_{average}": f})
    if len(np.unique(actual)) == count:
        scores = probabilities if probabilities.ndim == 1 or count > 2 else probabilities[:, 1]
        if count > 2 and weights is not None:
            # roc_auc_score's one-vs-rest average takes no other weighting than this.
            result["roc_auc"] = float(np.mean([
                metrics.roc_auc_score(actual == k, probabilities[:, k], sample_weight=weights)
                for k in range(count)]))
        elif count > 2:
            result["roc_auc"] = metrics.roc_auc_score(actual, scores, multi_class="ovr", average="macro")
        else:
            result["roc_auc"] = metrics.roc_auc_score(actual, scores, sample_weight=weights)
    p, r, f, s = metrics.precision_recall_fscore_support(
        actual, predicted, sample_weight=weights, zero_division=0, labels=list(range(count)))
    return {
        "name": name, "classes": count, "actual": numbers(actual), "probabilities": numbers(probabilities),
        "weights": None if weights is None else numbers(weights), "metrics": result,
        "per_class": {"precision": numbers(p), "recall": numbers(r), "f1": numbers(f), "support": numbers(s)},
        "confusion": numbers(metrics.confusion_matrix(
            actual, predicted, sample_weight=weights, labels=list(range(count)))),
    }


def regression(name, actual, predicted, weights):
    def score(metric):
        # scikit-learn computes in the type that it is given.
        return metric(actual.astype(np.float64), predicted.astype(np.float64), sample_weight=weights)

    return {
        "name": name, "actual": numbers(actual), "predicted": numbers(predicted),
        "weights": None if weights is None else numbers(weights),
        "metrics": {
            "rmse": score(metrics.root_mean_squared_error), "mae": score(metrics.mean_absolute_error),
            "r2": score(metrics.r2_score),
        },
    }


def make_metrics():
    random = np.random.default_rng(7)

    def softmax(x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        return (e / e.sum(axis=1, keepdims=True)).astype(np.float32)

    actual = random.integers(0, 3, 90)
    scores = softmax(random.normal(size=(90, 3)) + 1.5 * np.eye(3)[actual])
    weights = random.uniform(0.1, 2, 90).astype(np.float32)
    absent = np.where(actual == 1, 0, actual)  # class 1 is never there, and
    unseen = scores.copy()
    unseen[:, 2] = 0  # class 2 is never found
    unseen = (unseen / unseen.sum(axis=1, keepdims=True)).astype(np.float32)
    binary = random.integers(0, 2, 80)
    probability = np.round(np.clip(random.normal(0.35 + 0.3 * binary, 0.25), 0, 1), 1).astype(np.float32)  # many ties
    wide = np.stack([1 - probability, probability], axis=1)
    x = random.normal(size=60).astype(np.float32)
    y = (x + random.normal(scale=0.4, size=60)).astype(np.float32)
    x2, y2 = x.reshape(20, 3), y.reshape(20, 3)
    large = (x + np.float32(1e5)).astype(np.float32)
    constant = np.full(10, 2.5, dtype=np.float32)
    return {
        "versions": VERSIONS,
        "classification": [
            classification("three classes", actual, scores, None),
            classification("three classes, weighted", actual, scores, weights),
            classification("a class absent, another never predicted", absent, unseen, None),
            classification("two classes, one probability, ties", binary, probability, None),
            classification("two classes, weighted", binary, wide, weights[:80]),
        ],
        "regression": [
            regression("one target", x, y, None),
            regression("one target, weighted", x, y, weights[:60]),
            regression("three targets", x2, y2, weights[:20]),
            regression("far from zero", large, (large + y).astype(np.float32), None),
            regression("constant, not hit", constant, constant + np.float32(1), None),
            regression("constant, hit", constant, constant, None),
        ],
    }


def make_preprocessing():
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

    random = np.random.default_rng(11)
    rows, train = 60, 40
    table = np.stack([
        random.normal(size=rows),
        1e6 + random.normal(size=rows),  # far from zero
        np.full(rows, 3.7),  # constant
        random.integers(0, 4, rows).astype(float),
        np.exp(random.normal(scale=3, size=rows)),
    ], axis=1).astype(np.float32)
    holes = table.copy()
    holes[random.random(table.shape) < 0.15] = np.nan
    exact = table.astype(np.float64)
    gaps = holes.astype(np.float64)
    city = random.choice(["Bonn", "Köln", "Aachen", "Ulm"], rows, p=[0.4, 0.3, 0.2, 0.1])
    city[:4] = ["Bonn", "Köln", "Aachen", "Bonn"]
    city[train:][:3] = ["Rom", "Bonn", ""]  # unknown, known, missing
    city = np.where((np.arange(rows) < train) & (city == "Ulm"), "Bonn", city)
    floor = random.integers(-2, 3, rows)
    floor[-1] = 99
    words = "the a river flows, slowly: through (green) hills! and fields; Where? the River Ends.".split(" ")
    texts = [" ".join(random.choice(words, random.integers(0, 9))) for _ in range(rows)]
    texts[2] = ""

    def split(text):
        for separator in ".,;:!?\"()":
            text = text.replace(separator, " ")
        return text.lower().split()

    def fit(step, x):
        step.fit(x[:train])
        return numbers(np.asarray(step.transform(x), dtype=np.float32))

    def bag(step):
        step.fit(texts[:train])
        return {"names": step.get_feature_names_out().tolist(),
                "rows": numbers(step.transform(texts).toarray().astype(np.float32))}

    common = {"tokenizer": split, "lowercase": False, "token_pattern": None}
    encoder = OneHotEncoder(sparse_output=False, handle_unknown="ignore")
    return {
        "versions": VERSIONS, "train": train, "table": numbers(table), "holes": numbers(holes),
        "city": city.tolist(), "floor": floor.tolist(), "texts": texts,
        "standardize": fit(StandardScaler(), exact), "standardize_holes": fit(StandardScaler(), gaps),
        "min_max": fit(MinMaxScaler((-1, 2)), exact), "min_max_clip": fit(MinMaxScaler((0, 1), clip=True), exact),
        "mean": fit(SimpleImputer(strategy="mean"), gaps), "median": fit(SimpleImputer(strategy="median"), gaps),
        "most_frequent": fit(SimpleImputer(strategy="most_frequent"), gaps),
        "city_one_hot": fit(encoder, city[:, None]), "city_names": encoder.categories_[0].tolist(),
        "floor_one_hot": fit(encoder, floor[:, None]), "floor_names": encoder.categories_[0].tolist(),
        "count": bag(CountVectorizer(**common)), "binary": bag(CountVectorizer(binary=True, min_df=3, **common)),
        "tf_idf": bag(TfidfVectorizer(**common)), "tf_idf_2": bag(TfidfVectorizer(ngram_range=(1, 2), norm=None, **common)),
    }


def write(name, value):
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / name).write_text(json.dumps(value, separators=(",", ":"), allow_nan=False) + "\n")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    write("metrics.json", make_metrics())
    write("preprocessing.json", make_preprocessing())
