import JSONDocuments
import Testing
import Training

/// Hyperparameters from JSON, with scikit-learn's names and defaults.
@Suite struct HyperparameterTests {
    @Test(arguments: EarlyModelKind.allCases) func defaultsComeBack(_ kind: EarlyModelKind) throws {
        let defaults = try kind.makeModel(nil)
        #expect(type(of: defaults).kind == kind)
        let again = try model(kind, defaults.hyperparameters)
        #expect(again.hyperparameters == defaults.hyperparameters)
    }

    @Test func valuesComeBack() throws {
        let cases: [(EarlyModelKind, JSONValue)] = [
            (
                .randomForest,
                [
                    "n_estimators": 7, "bootstrap": false, "criterion": "entropy", "max_depth": 3,
                    "min_samples_split": 4, "min_samples_leaf": 2, "max_features": 0.5,
                    "min_impurity_decrease": 0.25, "class_weight": ["a": 2.0],
                ]
            ),
            (.decisionTree, ["max_features": "log2"]), (.decisionTree, ["max_features": 3]),
            (.nearestNeighbors, ["n_neighbors": 3, "weights": "distance", "metric": "manhattan"]),
            (
                .supportVectorMachine,
                [
                    "C": 2.0, "kernel": "poly", "gamma": 0.5, "degree": 2, "coef0": 1.0, "epsilon": 0.2, "tol": 0.01,
                    "shrinking": false, "probability": true, "class_weight": "balanced", "cache_size": 50,
                ]
            ),
            (.ridge, ["alpha": 3.0, "fit_intercept": false]),
            (
                .logisticRegression,
                ["C": 2.0, "penalty": "l2", "tol": 0.001, "max_iter": 7, "fit_intercept": false]
            ),
        ]
        for (kind, given) in cases {
            let found = try JSONCursor(model(kind, given).hyperparameters)
            for (key, value) in try JSONCursor(given).members() {
                #expect(try found.member(key).value == value.value, "\(kind.rawValue).\(key)")
            }
        }
    }

    private static let badValues: [(kind: EarlyModelKind, hyperparameters: JSONValue, error: String)] = [
        (
            .randomForest, ["n_estimatros": 3],
            "unknown member \"n_estimatros\"; did you mean \"n_estimators\"?"
        ),
        (.randomForest, ["n_estimators": 0], ".n_estimators: found 0, expected 1 to 10000"),
        (.randomForest, ["n_estimators": "many"], ".n_estimators: found string, expected integer"),
        (.randomForest, ["max_features": "sqr"], ".max_features: found \"sqr\", expected \"sqrt\""),
        (.randomForest, ["max_features": 1.5], ".max_features: found 1.5, expected a number above 0.0, at most 1.0"),
        (
            .decisionTree, ["criterion": "ginny"],
            ".criterion: found \"ginny\", expected one of gini, entropy, squared_error; did you mean \"gini\"?"
        ),
        (.decisionTree, ["max_depth": 0], ".max_depth: found 0, expected 1 to 65536"),
        (.decisionTree, ["class_weight": "even"], ".class_weight: found \"even\", expected \"balanced\" or an object"),
        (.decisionTree, ["class_weight": ["a": 0]], ".class_weight.a: found 0.0, expected a number above 0.0"),
        (
            .nearestNeighbors, ["metric": "euclid"],
            ".metric: found \"euclid\", expected one of euclidean, manhattan; did you mean \"euclidean\"?"
        ),
        (.nearestNeighbors, ["n_neighbors": -1], ".n_neighbors: found -1, expected 1 to 65536"),
        (.supportVectorMachine, ["C": 0], ".C: found 0.0, expected a number above 0.0"),
        (
            .supportVectorMachine, ["gamma": "scaled"],
            ".gamma: found \"scaled\", expected \"scale\", \"auto\" or a number"
        ),
        (
            .supportVectorMachine, ["kernel": "gauss"],
            ".kernel: found \"gauss\", expected one of linear, poly, rbf, sigmoid"
        ),
        (.ridge, ["alpha": -1], ".alpha: found -1.0, expected 0.0 to"),
        (.linearRegression, ["alpha": 1], "unknown member \"alpha\""),
        (
            .logisticRegression, ["penalty": "l1"],
            ".penalty: found \"l1\", expected one of l2, none; did you mean \"l2\"?"
        ),
        (.logisticRegression, ["max_iter": 1.5], ".max_iter: found 1.5, expected integer"),
    ]

    @Test func badValuesAreNamed() {
        for (kind, hyperparameters, expected) in Self.badValues {
            let error = #expect(throws: JSONError.self) { _ = try model(kind, hyperparameters) }
            #expect(error?.description.contains("hyperparameters") == true)
            #expect(error?.description.contains(expected) == true, "found: \(error?.description ?? "")")
        }
    }

    @Test func familiesHaveNames() throws {
        #expect(try EarlyModelKind(reading: JSONCursor("ridge")) == .ridge)
        let error = #expect(throws: JSONError.self) {
            _ = try EarlyModelKind(reading: JSONCursor("random_forrest", path: "model.kind"))
        }
        #expect(
            error?.description.hasPrefix("model.kind: found \"random_forrest\", expected one of decision_tree") == true)
        #expect(error?.description.hasSuffix("did you mean \"random_forest\"?") == true)
    }
}
