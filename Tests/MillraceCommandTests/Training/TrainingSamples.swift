import Foundation
import JSONDocuments
import TestSupport

@testable import MillraceCommand

/// Training requests of the digits and of small tables.
enum TrainingSamples {
    static let digits = Fixtures.digits + "/digits.npz"

    /// A perceptron that learns the digits a little, in a second.
    static func digitsRequest(
        epochs: Int = 2, seed: Int64 = 7, evaluation: JSONValue = ["method": "hold_out", "fraction": 0.2]
    ) -> JSONValue {
        [
            "model": "digits",
            "architecture": [
                "input": ["shape": [64]],
                "layers": [
                    ["type": "rescaling", "scale": 0.0625], ["type": "dense", "units": 16, "activation": "relu"],
                    ["type": "dense", "units": 10, "activation": "softmax"],
                ],
            ],
            "dataset": [
                "npz": .string(digits),
                "schema": [
                    "features": [["name": "pixels", "kind": "tensor", "shape": [64]]],
                    "label": ["name": "labels", "kind": "class_index", "count": 10],
                ],
            ],
            "loss": "softmax_cross_entropy", "optimizer": ["type": "adam", "learning_rate": 0.01],
            "epochs": .integer(Int64(epochs)), "batch_size": 64, "seed": .integer(seed), "evaluation": evaluation,
        ]
    }

    static let classes = ["low", "middle", "high"]

    /// Rows of two numbers whose class is the first's third.
    static func table(_ count: Int) -> [(x: Double, y: Double, label: String)] {
        (0..<count).map { row in
            let x = Double((row * 37) % count) / Double(count)
            return (x, Double((row * 11) % 7), classes[min(Int(x * 3), 2)])
        }
    }

    static func csv(_ count: Int) -> String {
        "x,y,label\n" + table(count).map { "\($0.x),\($0.y),\($0.label)\n" }.joined()
    }

    static func jsonLines(_ count: Int) -> [String] {
        table(count).map { #"{"x":\#($0.x),"y":\#($0.y),"label":"\#($0.label)"}"# }
    }

    static let schema: JSONValue = [
        "features": [["name": "x"], ["name": "y"]],
        "label": ["name": "label", "classes": .array(classes.map { .string($0) })],
    ]

    /// A tree, which needs no second.
    static func treeRequest(_ source: [String: JSONValue], evaluation: JSONValue = ["method": "k_fold", "folds": 3])
        -> JSONValue
    {
        [
            "model": "thirds",
            "early_model": ["family": "decision_tree"],
            "dataset": .object(source.merging(["schema": schema]) { given, _ in given }), "seed": 3,
            "evaluation": evaluation,
        ]
    }
}

extension TemporaryFolder {
    /// Writes a file and returns its path.
    func write(_ text: String, as name: String) throws -> String {
        let path = "\(self.path)/\(name)"
        try Data(text.utf8).write(to: URL(filePath: path))
        return path
    }

    func write(_ value: JSONValue, as name: String) throws -> String {
        try write(String(decoding: value.serialized(.indented), as: UTF8.self), as: name)
    }

    func read(_ name: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(filePath: "\(path)/\(name)")), as: UTF8.self)
    }
}
