import JSONDocuments
import Training

/// What the demonstration of training trains, and what it expects of it.
struct DigitsTraining: Sendable {
    static let classes = 10
    let model = "digits"
    let alias = "champion"
    /// The topic of the rows.
    let topic = "digits.rows"

    /// Filters of the two convolutions, units of the dense layer between them and the classes.
    var filters = [16, 32]
    var units = 128
    var dropout = 0.5
    /// To either side, as a share of the width: people do not write in the middle.
    var shift = 0.125
    var epochs = 40
    var batchSize = 32
    var folds = 5
    var seed = 7
    /// Of the images, kept from the training and asked afterwards.
    var heldOut = 0.2
    /// Mean of the folds.
    var leastAccuracy = 0.98
    /// For the job to end.
    var trainingTimeout = Duration.seconds(300)

    /// Which images are trained on and which are held out: the same share of each class.
    /// - Throws: `DataError` for rows that are not what the schema says, or too few.
    func split(_ digits: LabelledDigits) throws -> Split {
        let rows = try (0..<digits.count).map { JSONCursor(try JSONValue(parsing: digits.row($0)), path: "row \($0)") }
        let schema = try DatasetSchema(JSONCursor(self.schema(digits), path: "schema"))
        let dataset = try DatasetLoading.rows(JSONCursor(.array(rows.map(\.value)), path: "rows"), schema: schema)
            .dataset
        let spec = SplitSpec(.holdOut(fraction: heldOut), isStratified: true)
        return try SplitPlan(spec, dataset, seed: UInt64(clamping: seed)).split(0)
    }

    /// The request as a pipeline would send it.
    func request(_ digits: LabelledDigits) -> JSONValue {
        [
            "model": .string(model),
            "architecture": [
                "input": ["name": .string(LabelledDigits.imageName), "shape": shape(digits)],
                "output": ["name": "probabilities"],
                "layers": .array(layers),
            ],
            "dataset": ["topic": .string(topic), "from": "earliest", "to": "latest", "schema": schema(digits)],
            "augmentation": ["steps": [["type": "shift", "width": .real(shift)]]],
            "loss": "softmax_cross_entropy",
            "optimizer": ["type": "adam", "learning_rate": 0.003, "schedule": ["type": "cosine"]],
            "epochs": .integer(Int64(epochs)), "batch_size": .integer(Int64(batchSize)), "seed": .integer(Int64(seed)),
            "evaluation": ["method": "k_fold", "folds": .integer(Int64(folds)), "stratified": true],
            "promotion": [
                "alias": .string(alias), "if": ["metric": "accuracy", "at_least": .real(leastAccuracy)],
            ],
        ]
    }

    private func shape(_ digits: LabelledDigits) -> JSONValue { .array(digits.shape.map { .integer(Int64($0)) }) }

    private func schema(_ digits: LabelledDigits) -> JSONValue {
        [
            "features": [
                ["name": .string(LabelledDigits.imageName), "kind": "tensor", "shape": shape(digits)]
            ],
            "label": [
                "name": .string(LabelledDigits.labelName), "kind": "class_index",
                "count": .integer(Int64(Self.classes)),
            ],
        ]
    }

    private var layers: [JSONValue] {
        // Grey values from 0 to 16.
        var layers: [JSONValue] = [["type": "rescaling", "scale": 0.0625]]
        for count in filters {
            layers += [
                [
                    "type": "conv2d", "filters": .integer(Int64(count)), "kernel_size": 3, "padding": "same",
                    "activation": "relu",
                ],
                ["type": "max_pooling2d"],
            ]
        }
        return layers + [
            ["type": "flatten"],
            ["type": "dense", "units": .integer(Int64(units)), "activation": "relu"],
            ["type": "dropout", "rate": .real(dropout)],
            ["type": "dense", "units": .integer(Int64(Self.classes)), "activation": "softmax"],
        ]
    }
}
