"""Writes small scikit-learn models as ONNX files, each with rows and what ONNX Runtime answers them.

usage: make_models.py [NAME ...]    (scikit-learn 1.9.1, skl2onnx 1.20.0, onnxruntime 1.32.0, from PyPI)
"""

import json
import pathlib
import sys
import warnings

import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn import datasets, ensemble, linear_model, naive_bayes, neighbors, neural_network, pipeline, preprocessing, svm, tree
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer

FOLDER = pathlib.Path(__file__).parent
warnings.simplefilter("ignore")
iris_x, iris_y = datasets.load_iris(return_X_y=True)
cancer_x, cancer_y = datasets.load_breast_cancer(return_X_y=True)
diabetes_x, diabetes_y = datasets.load_diabetes(return_X_y=True)
iris = (iris_x[:120:1], iris_y[:120], iris_x[2::5])
# Labels that are no indices.
shifted = (iris_x, iris_y * 10 + 7, iris_x[1::6])
cancer = (cancer_x[:, :10], cancer_y, cancer_x[3::40, :10])
diabetes = (diabetes_x, diabetes_y, diabetes_x[1::30])
holes = iris_x.copy()
holes[::7, 1] = np.nan
scaled = pipeline.make_pipeline
# Classes that are text, two of them beyond ASCII.
species = np.array(["Schwertlilie", "größer", "kleine Iris ✿"])[iris_y]
named = (iris_x, species, iris_x[2::5])
kinds = (cancer_x[:, :10], np.where(cancer_y == 1, "benign", "malignant"), cancer_x[3::40, :10])

MODELS = {
    "tree_classifier": (tree.DecisionTreeClassifier(max_depth=4, random_state=1), shifted),
    "tree_regressor": (tree.DecisionTreeRegressor(max_depth=4, random_state=1), diabetes),
    "forest_classifier": (ensemble.RandomForestClassifier(8, max_depth=4, random_state=1), iris),
    "forest_binary": (ensemble.RandomForestClassifier(8, max_depth=4, random_state=1), cancer),
    "forest_regressor": (ensemble.RandomForestRegressor(8, max_depth=4, random_state=1), diabetes),
    "extra_trees": (ensemble.ExtraTreesClassifier(8, max_depth=4, random_state=1), iris),
    "boosting_classifier": (ensemble.GradientBoostingClassifier(n_estimators=6, random_state=1), iris),
    "boosting_binary": (ensemble.GradientBoostingClassifier(n_estimators=6, random_state=1), cancer),
    "boosting_regressor": (ensemble.GradientBoostingRegressor(n_estimators=6, random_state=1), diabetes),
    "logistic_binary": (scaled(preprocessing.StandardScaler(), linear_model.LogisticRegression()), cancer),
    "logistic_multinomial": (linear_model.LogisticRegression(max_iter=1000), shifted),
    "linear": (linear_model.LinearRegression(), diabetes),
    "ridge": (scaled(preprocessing.MinMaxScaler(), linear_model.Ridge()), diabetes),
    "svc_rbf": (svm.SVC(), iris),
    "svc_poly": (svm.SVC(kernel="poly"), iris),
    "svc_sigmoid": (scaled(preprocessing.StandardScaler(), svm.SVC(kernel="sigmoid")), iris),
    "svc_probability": (svm.SVC(probability=True, random_state=1), iris),
    "svc_binary": (scaled(preprocessing.StandardScaler(), svm.SVC(probability=True, random_state=1)), cancer),
    "svc_linear": (svm.LinearSVC(random_state=1), iris),
    "svr": (svm.SVR(), diabetes),
    "nu_svr": (svm.NuSVR(kernel="linear"), diabetes),
    "one_class": (svm.OneClassSVM(), iris),
    "neighbours_classifier": (neighbors.KNeighborsClassifier(3), (iris_x[::3], iris_y[::3], iris_x[1::9])),
    "neighbours_regressor": (neighbors.KNeighborsRegressor(3), (diabetes_x[::6], diabetes_y[::6], diabetes_x[1::40])),
    "normalizer": (scaled(preprocessing.Normalizer("l2"), linear_model.LogisticRegression(max_iter=1000)), iris),
    "binarizer": (scaled(preprocessing.Binarizer(threshold=3.0), tree.DecisionTreeClassifier(random_state=1)), iris),
    "imputer": (scaled(SimpleImputer(), tree.DecisionTreeClassifier(max_depth=4, random_state=1)), (holes, iris_y, holes[::5])),
    "perceptron": (neural_network.MLPClassifier((16,), max_iter=60, random_state=1), iris),
    "naive_bayes": (naive_bayes.GaussianNB(), iris),
    "principal_components": (scaled(PCA(2), linear_model.LogisticRegression(max_iter=1000)), iris),
    "forest_names": (ensemble.RandomForestClassifier(8, max_depth=4, random_state=1), named),
    "forest_binary_names": (ensemble.RandomForestClassifier(8, max_depth=4, random_state=1), kinds),
    "boosting_binary_names": (ensemble.GradientBoostingClassifier(n_estimators=6, random_state=1), kinds),
    "svc_names": (svm.SVC(probability=True, random_state=1), named),
    "svc_binary_names": (scaled(preprocessing.StandardScaler(), svm.SVC()), kinds),
    "logistic_names": (linear_model.LogisticRegression(max_iter=1000), named),
    "logistic_binary_names": (scaled(preprocessing.StandardScaler(), linear_model.LogisticRegression()), kinds),
    "neighbours_names": (neighbors.KNeighborsClassifier(3), (iris_x[::3], species[::3], iris_x[1::9])),
    "perceptron_names": (neural_network.MLPClassifier((16,), max_iter=60, random_state=1), named),
    "naive_bayes_names": (naive_bayes.GaussianNB(), named),
    "k_means": (KMeans(3, n_init=1, random_state=1), iris),
    "polynomial": (scaled(preprocessing.PolynomialFeatures(2), linear_model.Ridge()), iris),
}


def columns():
    """A table of two columns of text and one of numbers, and the rows to answer, one with categories never seen."""
    random = np.random.default_rng(1)
    colours = np.array(["rot", "grün", "blau", ""])[random.integers(0, 4, 90)].astype(object)
    sizes = np.array(["S", "M", "L"])[random.integers(0, 3, 90)].astype(object)
    weights = random.normal(size=90).astype(np.float32)
    labels = np.where((colours == "rot") ^ (sizes == "L") ^ (weights > 0.5), "ja", "nein")
    table = {"colour": colours[:, None], "size": sizes[:, None], "weight": weights[:, None]}
    rows = {key: value[:12].copy() for key, value in table.items()}
    rows["colour"][3, 0], rows["size"][5, 0] = "Grün", "gru\u0308n"
    return table, labels, rows


def write_columns(name, classifier, encoder):
    """A pipeline with columns of text: `NAME.json` holds inputs and outputs, since arrays of text need pickles in `.npz`."""
    table, labels, rows = columns()
    frame = np.hstack([table[key].astype(object) for key in table])
    model = pipeline.make_pipeline(ColumnTransformer([("text", encoder, [0, 1]), ("number", preprocessing.StandardScaler(), [2])]), classifier)
    model.fit(frame, labels)
    types = [("colour", StringTensorType([None, 1])), ("size", StringTensorType([None, 1])), ("weight", FloatTensorType([None, 1]))]
    onnx = to_onnx(model, initial_types=types, target_opset={"": 21, "ai.onnx.ml": 3})
    del onnx.metadata_props[:]
    (FOLDER / f"{name}.onnx").write_bytes(onnx.SerializeToString())
    session = onnxruntime.InferenceSession(onnx.SerializeToString(), providers=["CPUExecutionProvider"])
    label, maps = session.run(None, rows)
    document = {
        "inputs": {key: [float(x) if key == "weight" else x for x in value[:, 0]] for key, value in rows.items()},
        "labels": list(label), "probabilities": [[float(row[key]) for key in sorted(row)] for row in maps],
    }
    (FOLDER / f"{name}.json").write_text(json.dumps(document, ensure_ascii=False) + "\n")
    print(name, [info.name for info in session.get_outputs()], list(label))


def main():
    chosen = sys.argv[1:]
    one_hot = preprocessing.OneHotEncoder(handle_unknown="ignore")
    for name, classifier in [("columns_logistic", linear_model.LogisticRegression()), ("columns_forest", ensemble.RandomForestClassifier(6, max_depth=4, random_state=1))]:
        if not chosen or name in chosen:
            write_columns(name, classifier, one_hot)
    for name, (model, (x, y, rows)) in MODELS.items():
        if chosen and name not in chosen:
            continue
        x, rows = x.astype(np.float32), rows.astype(np.float32)
        model.fit(x, y)
        # Converters write maps of probabilities unless asked not to: both forms are among the files.
        final = model[-1] if isinstance(model, pipeline.Pipeline) else model
        has_maps = hasattr(final, "predict_proba") and name not in ("tree_classifier", "forest_binary")
        options = {id(final): {"zipmap": False}} if has_maps else None
        onnx = to_onnx(model, x[:1], options=options, target_opset={"": 21, "ai.onnx.ml": 3})
        del onnx.metadata_props[:]
        path = FOLDER / f"{name}.onnx"
        path.write_bytes(onnx.SerializeToString())
        session = onnxruntime.InferenceSession(onnx.SerializeToString(), providers=["CPUExecutionProvider"])
        arrays = {"input": rows}
        for info, value in zip(session.get_outputs(), session.run(None, {"X": rows})):
            if isinstance(value, list):
                value = np.array([[row[key] for key in sorted(row)] for row in value], dtype=np.float32)
            if value.dtype == object:
                # Text as bytes and their lengths: arrays of text need pickles.
                texts = [text.encode() for text in value.reshape(-1)]
                arrays[f"lengths_{info.name}"] = np.array([len(text) for text in texts], dtype=np.int64).reshape(value.shape)
                value = np.frombuffer(b"".join(texts), dtype=np.uint8)
            arrays[f"output_{info.name}"] = value
        np.savez_compressed(FOLDER / f"{name}.npz", **arrays)
        print(name, path.stat().st_size, {key: (value.shape, str(value.dtype)) for key, value in arrays.items()})


if __name__ == "__main__":
    main()
