import JSONDocuments
import TestSupport
import Testing

@testable import Training

/// The published schema of training requests says of them what the code says.
@Suite struct RequestSchemaTests {
    private typealias Document = JSONSchemaValidator.Document

    private static func subject(_ changes: [String: JSONValue]) -> JSONValue { RequestExamples.request(changes) }
    private static func dataset(_ schema: [String: JSONValue]) -> JSONValue {
        subject(["dataset": RequestExamples.dataset(schema)])
    }
    private static func source(_ members: [String: JSONValue]) -> JSONValue {
        let schema: [String: JSONValue] = ["schema": ["features": ["shape": [2]], "label": [:]]]
        return subject(["dataset": .object(schema.merging(members) { _, given in given })])
    }
    private static func steps(_ steps: JSONValue...) -> JSONValue {
        subject(["preprocessing": ["steps": .array(steps)]])
    }
    private static func changes(_ steps: JSONValue...) -> JSONValue {
        subject(["augmentation": ["steps": .array(steps)]])
    }
    private static func search(_ members: [String: JSONValue]) -> JSONValue {
        let usual: [String: JSONValue] = ["metric": "accuracy", "parameters": ["epochs": [1, 2]]]
        return subject(["search": .object(usual.merging(members) { _, given in given }.filter { $0.value != .null })])
    }
    /// With labels that are numbers.
    private static func numbers(_ changes: [String: JSONValue]) -> JSONValue {
        let dataset = RequestExamples.dataset(["label": ["kind": "number"]])
        return subject(changes.merging(["dataset": dataset, "loss": "mse"]) { given, _ in given })
    }
    private static func promotion(_ condition: JSONValue) -> JSONValue { subject(["promotion": ["if": condition]]) }

    private static let good: [JSONValue] =
        [
            subject([:]), subject(["architecture": .null, "base": [:]]),
            subject(["architecture": .null, "base": ["version": 3, "frozen": ["a*"], "output": "y", "model": "m"]]),
            subject(["epochs": 3, "batch_size": 1, "shuffle": false, "checkpoint_steps": 9, "seed": 4]),
            subject(["deadline_seconds": 0.5, "promotion": [:], "early_stopping": [:]]),
            subject(["early_stopping": ["monitor": "validation_f1_macro", "patience": 0, "mode": "max"]]),
            subject(["evaluation": ["method": "none"], "early_stopping": ["monitor": "loss", "min_delta": 0.1]]),
            subject(["evaluation": ["method": "none"], "promotion": ["alias": "x"]]),
            subject(["evaluation": ["method": "k_fold", "assignment": "hash", "stratified": false]]),
            subject(["evaluation": ["method": "leave_one_out"]]),
            promotion(["metric": "log_loss", "at_most": 1]), promotion(["metric": "accuracy", "at_least": "champion"]),
            numbers(["promotion": ["if": ["metric": "rmse", "at_most": 1]]]),
            numbers(["search": ["strategy": "grid", "metric": "r2", "parameters": ["epochs": [1]]]]),
            numbers(["early_stopping": ["monitor": "validation_mae"]]),
        ] + earlyModels + losses + datasets + pipelines + searches

    private static let earlyModels: [JSONValue] =
        EarlyModelKind.allCases.map { kind in
            let model = try? kind.makeModel(nil)
            guard case .object(let all)? = model?.hyperparameters else { return .null }
            return RequestExamples.earlyModel(kind.rawValue, .object(all.filter { $0.value != .null }))
        } + [
            RequestExamples.earlyModel("decision_tree", ["max_features": 0.5, "class_weight": ["a": 2]]),
            RequestExamples.earlyModel("support_vector_machine", ["gamma": "auto", "class_weight": "balanced"]),
        ]

    private static let losses: [JSONValue] =
        [
            ["type": "softmax_cross_entropy", "class_weights": "balanced", "label_smoothing": 0.1],
            ["type": "categorical_crossentropy", "class_weights": [0, 1], "labels": "one_hot"], "mae",
            ["type": "binary_crossentropy", "class_weights": [1, 2]], ["type": "huber", "delta": 2], ["type": "hinge"],
        ].map { subject(["loss": $0]) }
        + ["sgd", "gradient_descent", "adam", "adamw", "rmsprop", "adagrad"].flatMap { type -> [JSONValue] in
            let name = JSONValue.string(type)
            guard let written = try? OptimizerConfiguration(JSONCursor(name)).json else { return [.null] }
            return [subject(["optimizer": name]), subject(["optimizer": written])]
        }
        + [
            ["type": "sgd", "momentum": 0.9, "nesterov": true, "clip_norm": 1, "schedule": "cosine"],
            [
                "type": "adam", "decay": "all",
                "schedule": ["type": "warmup", "duration": 5, "then": ["type": "cosine"]],
            ],
            ["type": "adam", "schedule": ["type": "step", "step_size": 3, "unit": "step"], "clip_value": 0.1],
        ].map { subject(["optimizer": $0]) }

    private static let datasets: [JSONValue] = [
        dataset(["label": ["kind": "class", "classes": [1, "b"]]]), dataset(["label": ["kind": "number"]]),
        dataset(["label": ["kind": "number", "names": ["a", "b"]], "weight": "w", "missing": [], "absent": "missing"]),
        dataset(["features": [["name": "a", "column": 3], ["name": "b", "kind": "text", "column": "c"]]]),
        dataset(["features": [["name": "a", "kind": "category", "values": "words"]]]),
        dataset(["features": [["name": "a", "kind": "tensor", "shape": [1, 2], "columns": [0, "x"]]]]),
        source(["csv": "a.csv", "csv_options": ["header": false, "delimiter": "\t"], "poison": "refuse"]),
        source(["json_lines": "a.jsonl", "poison": ["skip": 0]]), source(["npz": "a.npz"]),
        source(["topic": "t", "partitions": [0, 4], "from": "latest", "to": ["time": "2026-01-31T12:00:00Z"]]),
        source(["topic": "t", "from": ["offsets": ["0": 12]]]),
    ]

    private static let pipelines: [JSONValue] = [
        steps(["type": "standardize"], ["type": "standardize", "statistics": "channel", "layout": "channels_first"]),
        steps(["type": "min_max", "lower": -1, "upper": 1, "clip": true, "columns": ["a"]]),
        steps(["type": "impute"], ["type": "impute", "strategy": "constant", "value": "x"]),
        steps(["type": "impute", "strategy": "most_frequent"], ["type": "one_hot", "unknown": "error"]),
        steps(["type": "token_ids", "column": "a", "length": 3, "padding": "start", "separators": ""]),
        steps(["type": "bag_of_words", "column": "a", "weighting": "count", "longest": 2, "normalize": true]),
        steps(["type": "rescale", "scale": 2], ["type": "resize", "height": 2, "width": 3, "mode": "cubic"]),
        steps(["type": "select", "columns": ["a"]]), subject(["preprocessing": ["inputs": ["a": ["b"]]]]),
        changes(["type": "horizontal_flip"], ["type": "vertical_flip", "probability": 0], ["type": "shift"]),
        changes(["type": "rotate", "degrees": 3, "fill": -1], ["type": "crop", "padding": 1]),
        changes(["type": "cutout", "height": 1, "width": 1, "count": 2], ["type": "brightness", "delta": 0]),
        changes(["type": "contrast", "lower": 0.5, "upper": 2], ["type": "noise", "standard_deviation": 1]),
        changes(["type": "scale", "lower": -1, "upper": 1], ["type": "clip", "lower": 0, "upper": 1]),
        changes(["type": "time_mask", "maximum": 3], ["type": "feature_mask", "maximum": 1, "count": 2]),
    ]

    private static let searches: [JSONValue] = [
        search(["trials": 3]), search(["strategy": "grid"]), search(["strategy": "random", "trials": 1]),
        search(["strategy": "grid", "parameters": ["a": ["lower": 0, "upper": 1, "count": 3], "b": ["choices": [1]]]]),
        search(["strategy": "grid", "parameters": ["a": ["distribution": "integer", "lower": 0, "upper": 4]]]),
        search([
            "strategy": "successive_halving", "trials": 2, "maximum_resource": 3, "reduction": 2,
            "direction": "minimize",
            "minimum_resource": 2, "resource": "early_model.hyperparameters.n_estimators",
        ]),
    ]

    private static let bad: [JSONValue] =
        [
            subject(["model": "a b"]), subject(["model": .string(String(repeating: "a", count: 65))]),
            subject(["architecture": .null]), subject(["base": [:]]), subject(["loss": .null]), subject(["los": "mse"]),
            subject(["epochs": 0]), subject(["batch_size": 1_048_577]), subject(["seed": -1]),
            subject(["checkpoint_steps": 0]), subject(["deadline_seconds": 0]),
            subject(["early_stopping": ["monitor": "accuracy"]]), subject(["early_stopping": ["patience": -1]]),
            subject(["evaluation": ["method": "none"], "early_stopping": [:]]),
            subject(["evaluation": ["method": "k_fold", "assignment": "hash", "stratified": true]]),
            subject(["evaluation": ["method": "hold_out", "folds": 3]]), subject(["evaluation": [:]]),
            subject(["evaluation": ["method": "none"], "promotion": ["if": ["metric": "accuracy", "at_least": 1]]]),
            promotion(["metric": "log_loss", "at_least": 1]), promotion(["metric": "accuracy", "at_most": 1]),
            promotion(["metric": "loss", "at_most": 1]), promotion(["metric": "rmse", "at_most": 1]),
            numbers(["promotion": ["if": ["metric": "accuracy", "at_least": 1]]]),
            numbers(["search": ["strategy": "grid", "metric": "accuracy", "parameters": ["epochs": [1]]]]),
            numbers(["early_stopping": ["monitor": "validation_accuracy"]]),
            subject(["early_stopping": ["monitor": "validation_rmse"]]),
            subject([
                "evaluation": ["method": "none"],
                "search": ["strategy": "grid", "metric": "accuracy", "parameters": ["epochs": [1]]],
            ]),
            promotion(["metric": "accuracy"]),
            subject(["architecture": .null, "early_model": ["family": "ridge"]]),
            subject(["architecture": .null, "loss": .null, "epochs": 3, "early_model": ["family": "ridge"]]),
            numbers([
                "architecture": .null, "loss": .null, "checkpoint_steps": 3, "early_model": ["family": "ridge"],
            ]),
            RequestExamples.earlyModel("ridge", ["C": 1]), RequestExamples.earlyModel("forest", [:]),
            RequestExamples.earlyModel("random_forest", ["n_estimators": 0]),
            RequestExamples.earlyModel("logistic_regression", ["class_weight": ["a": 0]]),
        ] + badFits + badRows + badSteps

    private static let badFits: [JSONValue] =
        [
            ["type": "mse", "delta": 1], "softmax", ["type": "binary_cross_entropy", "class_weights": [1, 2, 3]],
            ["type": "softmax_cross_entropy", "class_weights": [0, 0]], ["type": "huber", "delta": 0],
            ["type": "softmax_cross_entropy", "class_weights": "balance"], ["labels": "classes"],
        ].map { subject(["loss": $0]) }
        + [
            ["type": "sgd", "beta_1": 0.9], ["type": "sgd", "nesterov": true], ["type": "adam", "beta_1": 1],
            ["type": "adam", "clip_norm": 1, "clip_value": 1], ["type": "adam", "schedule": "step"],
            ["type": "adam", "schedule": ["type": "exponential"]], ["type": "adam", "learning_rate": 0],
            ["decay": "all"],
            [
                "type": "adam",
                "schedule": ["type": "warmup", "duration": 1, "then": ["type": "warmup", "duration": 1]],
            ],
        ].map { subject(["optimizer": $0]) }
        + [
            search([:]), search(["strategy": "grid", "trials": 3]), search(["trials": 3, "metric": "f1"]),
            search(["trials": 3, "metric": "loss"]), search(["trials": 3, "metric": "rmse"]),
            search(["trials": 3, "parameters": [:]]), search(["trials": 3, "parameters": ["a": []]]),
            search(["strategy": "grid", "parameters": ["a": ["lower": 0, "upper": 1]]]),
            search(["trials": 3, "parameters": ["a": ["distribution": "log_uniform", "lower": 0, "upper": 1]]]),
            search(["trials": 3, "parameters": ["a": ["distribution": "integer", "lower": 0.5, "upper": 1]]]),
            search(["trials": 3, "reduction": 2]), search(["strategy": "successive_halving", "trials": 3]),
            search(["strategy": "successive_halving", "trials": 1, "maximum_resource": 3]),
        ]

    private static let badRows: [JSONValue] = [
        dataset(["features": []]), dataset(["features": [:]]), dataset(["features": ["shape": []]]),
        dataset(["features": [["kind": "number"]]]), dataset(["features": [["name": "a", "kind": "image"]]]),
        dataset(["features": [["name": "a", "kind": "tensor"]]]), dataset(["absent": "zero"]),
        dataset(["features": [["name": "a", "values": "words"]]]),
        dataset(["features": [["name": "a", "kind": "tensor", "shape": [2], "column": "x"]]]),
        dataset(["label": ["kind": "class_index"]]), dataset(["label": ["kind": "number", "classes": ["a", "b"]]]),
        dataset(["label": ["kind": "class", "classes": ["a"]]]), dataset(["label": ["kind": "klass"]]),
        dataset(["label": ["kind": "number", "name": "a", "names": ["a", "b"]]]), dataset(["label": ["count": 2]]),
        source([:]), source(["csv": "a", "npz": "b"]), source(["npz": "a", "csv_options": [:]]),
        source(["csv": "a", "csv_options": ["delimiter": ";;"]]), source(["csv": "a", "poison": "skip"]),
        source(["csv": "a", "csv_options": ["delimiter": "\""]]), source(["csv": "a", "poison": ["skip": -1]]),
        source(["topic": ""]), source(["topic": "t", "from": "begin"]), source(["topic": "t", "partitions": []]),
        source(["topic": "t", "from": ["offsets": ["0": -1]]]), source(["topic": "t", "to": [:]]),
        source(["topic": "t", "to": ["time": "2026-01-31T12:00:00Z", "offsets": [:]]]), source(["rows": []]),
    ]

    private static let badSteps: [JSONValue] = [
        steps(["type": "standardise"]), steps(["type": "standardize", "statistics": "row"]),
        steps(["type": "impute", "value": 3]), steps(["type": "impute", "strategy": "constant"]),
        steps(["type": "one_hot", "unknown": "skip"]), steps(["type": "token_ids", "column": "a"]),
        steps(["type": "token_ids", "column": "a", "length": 1, "maximum_vocabulary": 2]),
        steps(["type": "bag_of_words", "column": "a", "longest": 9]), steps(["type": "select"]),
        steps(["type": "resize", "height": 0, "width": 3]), steps(["type": "rescale", "factor": 3]),
        subject(["preprocessing": ["step": []]]), subject(["augmentation": [:]]),
        changes(["type": "flip"]), changes(["type": "rotate", "degrees": 181]), changes(["type": "crop"]),
        changes(["type": "noise", "standard_deviation": 1, "probability": 2]),
        changes(["type": "scale", "lower": 1]), changes(["type": "clip", "lower": 0, "upper": 1, "fill": 0]),
        changes(["type": "cutout", "height": 1, "width": 1, "count": 101]),
    ]

    @Test func whatIsReadIsValid() throws {
        var documents: [Document] = []
        for (index, request) in Self.good.enumerated() {
            let text = String(decoding: request.serialized(.compact), as: UTF8.self)
            #expect(throws: Never.self, "request \(index): \(text)") { try TrainingRequest(request) }
            documents.append(
                Document(schema: "training-request.schema.json", name: "\(index): \(text)", json: request.serialized()))
        }
        let violations = try JSONSchemaValidator.violations(in: documents)
        #expect(violations == [], "\(violations.joined(separator: "\n"))")
    }

    @Test func whatIsRefusedIsInvalid() throws {
        var documents: [Document] = []
        for (index, request) in Self.bad.enumerated() {
            let text = String(decoding: request.serialized(.compact), as: UTF8.self)
            #expect(throws: JSONError.self, "request \(index): \(text)") { try TrainingRequest(request) }
            documents.append(
                Document(schema: "training-request.schema.json", name: "request \(index)", json: request.serialized()))
        }
        let violations = try JSONSchemaValidator.violations(in: documents)
        for (document, request) in zip(documents, Self.bad) {
            let text = String(decoding: request.serialized(.compact), as: UTF8.self)
            #expect(violations.contains { $0.hasPrefix("\(document.name): ") }, "valid: \(document.name) \(text)")
        }
    }
}
