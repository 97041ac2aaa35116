import JSONDocuments

/// A request to change.
enum RequestExamples {
    static let members: [String: JSONValue] = [
        "model": "points",
        "architecture": [
            "input": ["shape": [2]], "layers": [["type": "dense", "units": 2, "activation": "softmax"]],
        ],
        "dataset": dataset(["label": ["kind": "class_index", "count": 2]]), "loss": "softmax_cross_entropy",
    ]

    /// Two numbers a row, with other members of the schema.
    static func dataset(_ schema: [String: JSONValue]) -> JSONValue {
        let usual: [String: JSONValue] = ["features": ["shape": [2]], "label": [:]]
        return [
            "rows": [["features": [1, 2], "label": 0]], "schema": .object(usual.merging(schema) { _, given in given }),
        ]
    }

    /// The request with some members changed; null removes one.
    static func request(_ changes: [String: JSONValue]) -> JSONValue {
        .object(members.merging(changes) { _, given in given }.filter { $0.value != .null })
    }

    /// The request of an early model.
    static func earlyModel(_ family: String, _ hyperparameters: JSONValue) -> JSONValue {
        request([
            "architecture": .null, "loss": .null,
            "early_model": ["family": .string(family), "hyperparameters": hyperparameters],
        ])
    }
}
