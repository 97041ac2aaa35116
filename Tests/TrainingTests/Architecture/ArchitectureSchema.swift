import JSONDocuments

@testable import Training

/// The JSON Schema of architecture specifications, made of the table of layers.
enum ArchitectureSchema {
    static let document: JSONValue = [
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:millrace:schema:architecture",
        "title": "Architecture",
        "description":
            "A model to train, as a chain of layers with Keras's names, meanings and defaults. Data has its channels last.",
        "type": "object",
        "required": ["input", "layers"],
        "additionalProperties": false,
        "properties": [
            "name": ["$ref": "#/$defs/name", "description": "The model's name."],
            "input": [
                "type": "object", "required": ["shape"], "additionalProperties": false,
                "properties": [
                    "name": ["$ref": "#/$defs/name"],
                    "shape": [
                        "description": "The extents of a row, without the batch; null when any will do.",
                        "type": "array",
                        "minItems": 1, "maxItems": 7,
                        "items": ["type": ["integer", "null"], "minimum": 1, "maximum": 67_108_864],
                    ],
                    "dtype": ["enum": ["float32", "int32", "int64"], "default": "float32"],
                ],
            ],
            "output": [
                "type": "object", "additionalProperties": false, "properties": ["name": ["$ref": "#/$defs/name"]],
            ],
            "layers": ["$ref": "#/$defs/layers"],
        ],
        "$defs": .object(definitions),
        "examples": [
            [
                "input": ["shape": [8, 8, 1]],
                "layers": [
                    [
                        "type": "conv2d", "filters": 16, "kernel_size": 3, "padding": "same", "activation": "relu",
                    ],
                    ["type": "max_pooling2d"], ["type": "flatten"],
                    ["type": "dense", "units": 10, "activation": "softmax"],
                ],
            ],
            [
                "name": "reviews", "input": ["name": "tokens", "shape": [64], "dtype": "int64"],
                "layers": [
                    ["type": "embedding", "input_dim": 5_000, "output_dim": 32],
                    ["type": "positional_embedding"],
                    [
                        "type": "residual",
                        "layers": [
                            ["type": "layer_normalization"],
                            ["type": "multi_head_attention", "num_heads": 4, "key_dim": 8, "dropout": 0.1],
                        ],
                    ],
                    ["type": "global_average_pooling1d"],
                    [
                        "type": "dense", "units": 1, "activation": "sigmoid",
                        "kernel_initializer": ["type": "truncated_normal", "stddev": 0.02],
                    ],
                ],
                "output": ["name": "positive"],
            ],
        ],
    ]

    private static var definitions: [String: JSONValue] {
        var result: [String: JSONValue] = [
            "name": ["type": "string", "pattern": "^[A-Za-z0-9_.-]{1,64}$"],
            "layers": ["type": "array", "minItems": 1, "items": ["$ref": "#/$defs/layer"]],
            "layer": ["oneOf": .array(LayerTable.names.map { ["$ref": .string("#/$defs/\($0)")] })],
            "activationName": ["enum": .array(LayerTable.activations.map { .string($0) })],
            "initializer": initializer,
        ]
        for (type, definition) in LayerTable.definitions {
            var properties: [String: JSONValue] = ["type": ["const": .string(type)], "name": ["$ref": "#/$defs/name"]]
            for (key, option) in definition.options { properties[key] = schema(option.kind) }
            let required = definition.options.filter(\.value.isRequired).keys.sorted()
            result[type] = [
                "description": .string(definition.summary), "type": "object",
                "required": .array((["type"] + required).map { .string($0) }), "properties": .object(properties),
                "additionalProperties": false,
            ]
        }
        return result
    }

    private static var initializer: JSONValue {
        let names = JSONValue.array(WeightInitializer.names.map { .string($0) })
        let settings = Set(WeightInitializer.settings.values.joined()).sorted()
        var properties: [String: JSONValue] = ["type": ["enum": names]]
        for setting in settings { properties[setting] = ["type": "number"] }
        return [
            "oneOf": [
                ["enum": names],
                [
                    "type": "object", "required": ["type"], "properties": .object(properties),
                    "additionalProperties": false,
                ],
            ]
        ]
    }

    private static func whole(_ range: ClosedRange<Int>) -> JSONValue {
        ["type": "integer", "minimum": .integer(Int64(range.lowerBound)), "maximum": .integer(Int64(range.upperBound))]
    }

    private static func list(_ items: JSONValue, _ count: ClosedRange<Int>) -> JSONValue {
        [
            "type": "array", "items": items, "minItems": .integer(Int64(count.lowerBound)),
            "maxItems": .integer(Int64(count.upperBound)),
        ]
    }

    private static func schema(_ kind: LayerOption.Kind) -> JSONValue {
        let extent = 1...LayerTable.maximumExtent
        switch kind {
        case .wholeNumber(let range): return whole(range)
        case .window(let axes): return ["oneOf": [whole(extent), list(whole(extent), axes...axes)]]
        case .margins(let axes):
            let margin = whole(0...LayerTable.maximumExtent)
            let pair = list(margin, 2...2)
            return ["oneOf": [margin, list(axes == 1 ? margin : ["oneOf": [margin, pair]], 2...2)]]
        case .number(let range):
            var result: [String: JSONValue] = ["type": "number"]
            if range.lower.isFinite {
                result[range.excludesLower ? "exclusiveMinimum" : "minimum"] = .integer(Int64(range.lower))
            }
            if range.upper.isFinite {
                result[range.excludesUpper ? "exclusiveMaximum" : "maximum"] = .integer(Int64(range.upper))
            }
            return .object(result)
        case .numbers: return ["oneOf": [["type": "number"], list(["type": "number"], extent)]]
        case .bool: return ["type": "boolean"]
        case .choice(let names): return ["enum": .array(names.map { .string($0) })]
        case .activation: return ["$ref": "#/$defs/activationName"]
        case .initializer: return ["$ref": "#/$defs/initializer"]
        case .axis: return whole(-8...8)
        case .shape: return list(whole(-1...(1 << 28)), 1...8)
        case .permutation: return list(whole(1...8), 1...8)
        case .layer: return ["$ref": "#/$defs/layer"]
        case .layers: return ["$ref": "#/$defs/layers"]
        case .branches:
            return ["type": "array", "minItems": 2, "items": ["type": "array", "items": ["$ref": "#/$defs/layer"]]]
        case .projection: return ["oneOf": [["const": false], ["$ref": "#/$defs/layers"]]]
        }
    }
}
