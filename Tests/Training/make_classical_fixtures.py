#!/usr/bin/env python3
"""Writes Tests/Fixtures/training/classical.npz: scikit-learn's small data sets and what its models make of them.

Needs numpy and scikit-learn. Names are <data>.<what>: `features` (float32), `labels` (int64) or `targets` (float64),
`folds` (int64, the fold in which a row is held out), and of a model <data>.<model>.<what>:

  held_out      for each row what the model says that was fitted without the row's fold
  scores        of each fold, a mean over seeds where the model draws random numbers
  fitted        what the model fitted to all rows says of them
  coefficients, intercepts

"iris" is in tenths of a millimetre, whole numbers, so that rows are exactly as far apart as they seem.
"""
import pathlib
import warnings

import numpy as np
from sklearn import datasets, ensemble, linear_model, metrics, model_selection, neighbors, svm, tree

SEEDS = range(8)
TREES = 40
OUT = pathlib.Path(__file__).resolve().parent.parent / "Fixtures" / "training" / "classical.npz"


def standardized(x):
    return ((x - x.mean(0)) / x.std(0)).astype(np.float32)


def load():
    """Name -> (features, labels or targets, is a classification)."""
    iris, wine = datasets.load_iris(), datasets.load_wine()
    cancer, diabetes = datasets.load_breast_cancer(), datasets.load_diabetes()
    return {
        "iris": (np.rint(iris.data * 10).astype(np.float32), iris.target, True),
        "iris_standardized": (standardized(iris.data), iris.target, True),
        "wine": (wine.data.astype(np.float32), wine.target, True),
        "wine_standardized": (standardized(wine.data), wine.target, True),
        "cancer_standardized": (standardized(cancer.data), cancer.target, True),
        "diabetes": (standardized(diabetes.data), diabetes.target, False),
    }


def held_out(make, x, y, folds):
    result = np.zeros(len(y), dtype=y.dtype)
    for fold in range(5):
        model = make().fit(x[folds != fold], y[folds != fold])
        result[folds == fold] = model.predict(x[folds == fold])
    return result


def scores(make, x, y, folds, seeds=SEEDS):
    """The mean score of each fold over seeds: accuracy, or R²."""
    result = np.zeros(5)
    for seed in seeds:
        for fold in range(5):
            model = make(seed).fit(x[folds != fold], y[folds != fold])
            result[fold] += model.score(x[folds == fold], y[folds == fold]) / len(seeds)
    return result


def only_tree(make, x, y, weights):
    """What the tree says of all rows, in which no two splits are equally good: no seed makes another."""
    results = []
    for seed in range(20):
        model = make(seed).fit(x, y, weights)
        results.append(model.predict_proba(x)[:, 1] if hasattr(model, "predict_proba") else model.predict(x))
    assert np.ptp(results, axis=0).max() < 1e-9, "the tree depends on the seed"
    return results[0]


def main():
    out = {}
    data = load()
    for name, (x, y, classes) in data.items():
        splitter = (model_selection.StratifiedKFold if classes else model_selection.KFold)(5, shuffle=True, random_state=0)
        folds = np.zeros(len(y), dtype=np.int64)
        for fold, (_, test) in enumerate(splitter.split(x, y)):
            folds[test] = fold
        out[f"{name}.features"] = x
        out[f"{name}.{'labels' if classes else 'targets'}"] = y.astype(np.int64 if classes else np.float64)
        out[f"{name}.folds"] = folds
        data[name] = (x.astype(np.float64), y.astype(np.int64 if classes else np.float64), folds)

    for name in ["iris", "wine_standardized", "cancer_standardized"]:
        x, y, folds = data[name]
        out[f"{name}.decision_tree.scores"] = scores(
            lambda seed: tree.DecisionTreeClassifier(random_state=seed), x, y, folds)
        out[f"{name}.random_forest.scores"] = scores(
            lambda seed: ensemble.RandomForestClassifier(TREES, random_state=seed), x, y, folds)
        # The search for neighbours that has no order of its own among equally far ones.
        for weights in ["uniform", "distance"]:
            for metric in ["euclidean", "manhattan"]:
                model = lambda: neighbors.KNeighborsClassifier(5, weights=weights, metric=metric, algorithm="brute")
                out[f"{name}.neighbors_{weights}_{metric}.held_out"] = held_out(model, x, y, folds)
    x, y, folds = data["diabetes"]
    out["diabetes.decision_tree.scores"] = scores(
        lambda seed: tree.DecisionTreeRegressor(random_state=seed, min_samples_leaf=10), x, y, folds)
    out["diabetes.random_forest.scores"] = scores(
        lambda seed: ensemble.RandomForestRegressor(TREES, random_state=seed, max_features=0.34), x, y, folds)
    for weights in ["uniform", "distance"]:
        model = lambda: neighbors.KNeighborsRegressor(7, weights=weights, algorithm="brute")
        out[f"diabetes.neighbors_{weights}.held_out"] = held_out(model, x, y, folds)

    x, y, _ = data["cancer_standardized"]
    weights = 1 + np.arange(len(y)) % 3
    out["cancer_standardized.tree_gini.fitted"] = only_tree(
        lambda seed: tree.DecisionTreeClassifier(max_depth=3, min_samples_leaf=5, random_state=seed), x, y, weights)
    out["cancer_standardized.tree_entropy.fitted"] = only_tree(
        lambda seed: tree.DecisionTreeClassifier(
            criterion="entropy", max_depth=4, min_samples_leaf=10, min_impurity_decrease=0.02, class_weight="balanced",
            random_state=seed), x, y, None)
    x, y, _ = data["diabetes"]
    weights = 1 + np.arange(len(y)) % 3
    out["diabetes.tree.fitted"] = only_tree(
        lambda seed: tree.DecisionTreeRegressor(
            max_depth=5, min_samples_leaf=4, min_samples_split=12, random_state=seed), x, y, weights)

    for name in ["iris_standardized", "wine_standardized", "cancer_standardized"]:
        x, y, folds = data[name]
        for kernel in ["linear", "rbf", "poly", "sigmoid"]:
            out[f"{name}.svm_{kernel}.held_out"] = held_out(lambda: svm.SVC(kernel=kernel), x, y, folds)
        out[f"{name}.logistic.held_out"] = held_out(lambda: linear_model.LogisticRegression(), x, y, folds)
        fitted = linear_model.LogisticRegression(tol=1e-10, max_iter=100_000).fit(x, y)
        out[f"{name}.logistic.coefficients"] = fitted.coef_
        out[f"{name}.logistic.intercepts"] = fitted.intercept_
    x, y, _ = data["wine_standardized"]
    fitted = svm.SVC(class_weight="balanced", C=0.5, gamma="auto", tol=1e-6).fit(x, y)
    out["wine_standardized.svm_balanced.fitted"] = fitted.decision_function(x)
    x, y, folds = data["iris_standardized"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        losses = []
        for fold in range(5):
            model = svm.SVC(probability=True, random_state=0).fit(x[folds != fold], y[folds != fold])
            losses.append(metrics.log_loss(y[folds == fold], model.predict_proba(x[folds == fold])))
    out["iris_standardized.svm_probability.losses"] = np.array(losses)
    x, y, _ = data["wine"]
    # As given, without a common scale: scikit-learn's own solver takes long for these.
    fitted = linear_model.LogisticRegression(
        C=0.1, tol=1e-12, max_iter=2_000, solver="newton-cholesky", class_weight="balanced").fit(
            x, y, 1 + np.arange(len(y)) % 2)
    out["wine.logistic.coefficients"] = fitted.coef_
    out["wine.logistic.intercepts"] = fitted.intercept_

    x, y, folds = data["diabetes"]
    for kernel in ["linear", "rbf"]:
        model = lambda: svm.SVR(kernel=kernel, C=10, epsilon=1, tol=1e-6)
        out[f"diabetes.svm_{kernel}.held_out"] = held_out(model, x, y, folds)
    weights = 1 + np.arange(len(y)) % 3
    for name, model in {
            "linear": linear_model.LinearRegression(), "ridge": linear_model.Ridge(alpha=2.5),
            "linear_origin": linear_model.LinearRegression(fit_intercept=False)}.items():
        out[f"diabetes.{name}.held_out"] = held_out(lambda: model, x, y, folds)
        fitted = model.fit(x, y, weights)
        out[f"diabetes.{name}.coefficients"] = fitted.coef_
        out[f"diabetes.{name}.intercepts"] = np.atleast_1d(fitted.intercept_)
    # Dependent columns, a constant one, and fewer rows than columns: the shortest solution.
    dependent = np.column_stack([x[:, :4], 2 * x[:, 1], -x[:, 0], np.full(len(y), 3.0)])
    dependent = dependent.astype(np.float32).astype(np.float64)
    fitted = linear_model.LinearRegression().fit(dependent, y)
    out["diabetes.dependent.coefficients"] = fitted.coef_
    fitted = linear_model.LinearRegression().fit(x[:7], y[:7])
    out["diabetes.wide.coefficients"] = fitted.coef_

    OUT.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(OUT, **out)
    print(f"{OUT.name}: {OUT.stat().st_size} bytes, {len(out)} arrays")
    for name, value in out.items():
        if name.endswith(".scores"):
            print(f"{name}: {value.mean():.4f} ± {value.std(ddof=1) / 5 ** 0.5:.4f}")


if __name__ == "__main__":
    main()
