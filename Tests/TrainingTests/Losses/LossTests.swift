import JSONDocuments
import TensorEngine
import Testing

@testable import Training

/// Losses against PyTorch's, through the engine.
@Suite struct LossTests {
    struct Case: CustomTestStringConvertible {
        /// In the fixture.
        let value: String
        let loss: String
        let predictions: String
        let labels: String
        var hasSampleWeights = false
        /// The operator at the end of the model.
        var activation = "Identity"

        var testDescription: String { "\(value) after \(activation)" }
    }

    static let cases: [Case] = {
        let plain = #""softmax_cross_entropy""#
        let weighted = #"{"type": "softmax_cross_entropy", "class_weights": [0.5, 2, 1, 3]}"#
        let smooth = #"{"type": "softmax_cross_entropy", "label_smoothing": 0.1}"#
        var cases: [Case] = [
            Case(value: "cross_entropy", loss: plain, predictions: "scores", labels: "labels"),
            Case(value: "cross_entropy class", loss: weighted, predictions: "scores", labels: "labels"),
            Case(
                value: "cross_entropy sample", loss: plain, predictions: "scores", labels: "labels",
                hasSampleWeights: true),
            Case(
                value: "cross_entropy class sample", loss: weighted, predictions: "scores", labels: "labels",
                hasSampleWeights: true),
            Case(value: "cross_entropy smooth", loss: smooth, predictions: "scores", labels: "labels"),
            Case(
                value: "cross_entropy smooth class",
                loss: #"{"type": "softmax_cross_entropy", "label_smoothing": 0.1, "class_weights": [0.5, 2, 1, 3]}"#,
                predictions: "scores", labels: "labels"),
            Case(
                value: "cross_entropy shares", loss: #""categorical_crossentropy""#, predictions: "scores",
                labels: "shares"),
            Case(
                value: "cross_entropy shares smooth",
                loss: #"{"type": "softmax_cross_entropy", "labels": "one_hot", "label_smoothing": 0.2}"#,
                predictions: "scores", labels: "shares"),
            Case(value: "cross_entropy steps", loss: plain, predictions: "sequence", labels: "step_labels"),
            Case(value: "cross_entropy steps class", loss: weighted, predictions: "sequence", labels: "step_labels"),
            Case(
                value: "cross_entropy steps sample", loss: plain, predictions: "sequence", labels: "step_labels",
                hasSampleWeights: true),
            Case(value: "cross_entropy steps smooth", loss: smooth, predictions: "sequence", labels: "step_labels"),
        ]
        cases += cases.map { test in
            var test = test
            test.activation = "Softmax"
            return test
        }
        for activation in ["Identity", "Sigmoid"] {
            let binary = [
                ("binary", #""binary_cross_entropy""#, false), ("binary sample", #""binary_crossentropy""#, true),
                ("binary smooth", #"{"type": "binary_cross_entropy", "label_smoothing": 0.1}"#, false),
                ("binary class", #"{"type": "binary_cross_entropy", "class_weights": [0.5, 3]}"#, false),
            ]
            cases += binary.map { value, loss, hasSampleWeights in
                Case(
                    value: value, loss: loss, predictions: "logits", labels: "binary",
                    hasSampleWeights: hasSampleWeights, activation: activation)
            }
        }
        for (value, loss) in [
            ("mse", #""mse""#), ("mae", #""mean_absolute_error""#), ("huber", #""huber""#),
            ("huber delta", #"{"type": "huber", "delta": 2.5}"#),
        ] {
            cases.append(Case(value: value, loss: loss, predictions: "predictions", labels: "targets"))
        }
        cases.append(
            Case(
                value: "mse sample", loss: #""mean_squared_error""#, predictions: "predictions", labels: "targets",
                hasSampleWeights: true))
        cases += ["hinge", "squared_hinge"].map {
            Case(value: $0, loss: "\"\($0)\"", predictions: "predictions", labels: "binary")
        }
        return cases
    }()

    /// A model that ends with an operator and does nothing else.
    private func model(_ activation: String, _ dimensions: [Int]) -> Graph {
        let dimensions = [Dimension.batch] + dimensions.dropFirst().map { .fixed($0) }
        return Graph(
            name: "model", inputs: [ValueInfo(name: "x", elementType: .float32, dimensions: dimensions)],
            outputs: [ValueInfo(name: "y", elementType: .float32, dimensions: dimensions)],
            nodes: [Node(name: "end", operatorType: activation, inputs: ["x"], outputs: ["y"])])
    }

    @Test(arguments: cases) func value(_ test: Case) throws {
        let fixture = try LearningFixtures.document("losses")
        let scores = try LearningFixtures.tensor(fixture.member(test.predictions))
        var labels = try LearningFixtures.tensor(fixture.member(test.labels))
        let graph = model(test.activation, scores.shape.dimensions)
        let configuration = try LossConfiguration(JSONCursor(JSONValue(json: test.loss)))
        let loss = try configuration.attached(to: graph, hasSampleWeights: test.hasSampleWeights)
        if loss.labels.elementType == .int64 { labels = try LearningFixtures.integers(labels) }
        var inputs = ["x": scores, loss.labels.name: labels]
        if let weights = loss.sampleWeights {
            inputs[weights] = try LearningFixtures.tensor(fixture.member("sample_weights"))
        }
        let outputs = try LearningFixtures.run(loss.graph, inputs)
        let found = try #require(outputs[loss.loss])
        let expected = Float(try fixture.member("values").member(test.value).number())
        #expect(found.shape == [])
        let value = try #require(try found.elements(as: Float.self).first)
        #expect(abs(value - expected) <= 2e-6 * max(1, abs(expected)), "\(value) is not \(expected)")
        // The predictions are what the model says without the loss.
        let plain = try LearningFixtures.run(graph, ["x": scores])
        #expect(
            try outputs[loss.predictions]?.elements(as: Float.self) == plain["y"]?.elements(as: Float.self))
    }

    /// A short batch filled up with anything, weighing nothing, has the loss of the short batch.
    @Test func paddedRowsCountForNothing() throws {
        let scores: [Float] = [1, 2, 3, -1, 0, 4]
        let configuration = LossConfiguration(.softmaxCrossEntropy, classWeights: [1, 2, 3])
        let graph = model("Softmax", [1, 3])
        let short = try configuration.attached(to: graph)
        let padded = try configuration.attached(to: graph, hasSampleWeights: true)
        let weights = try #require(padded.sampleWeights)
        let expected = try LearningFixtures.run(
            short.graph,
            [
                "x": Tensor(shape: [2, 3], elements: scores),
                "labels": Tensor(shape: [2], elements: [2, 0] as [Int64]),
            ])
        let found = try LearningFixtures.run(
            padded.graph,
            [
                "x": Tensor(shape: [4, 3], elements: scores + [9, 9, 9, 1e9, 0, 0] as [Float]),
                "labels": Tensor(shape: [4], elements: [2, 0, 1, 1] as [Int64]),
                weights: Tensor(shape: [4], elements: [1, 1, 0, 0] as [Float]),
            ])
        let (a, b) = (try found["loss"]?.elements(as: Float.self), try expected["loss"]?.elements(as: Float.self))
        let difference = abs(try #require(a?.first) - #require(b?.first))
        #expect(difference < 1e-6)
        let nothing = try LearningFixtures.run(
            padded.graph,
            [
                "x": Tensor(shape: [1, 3], elements: [1, 2, 3] as [Float]),
                "labels": Tensor(shape: [1], elements: [0] as [Int64]),
                weights: Tensor(shape: [1], elements: [0] as [Float]),
            ])
        #expect(try nothing["loss"]?.elements(as: Float.self) == [0])
    }

    /// The loss of a softmax is that of its scores, so that it is exact where the share rounds to 0.
    @Test func extremeScoresStayFinite() throws {
        let loss = try LossConfiguration(.softmaxCrossEntropy).attached(to: model("Softmax", [1, 2]))
        let outputs = try LearningFixtures.run(
            loss.graph,
            [
                "x": Tensor(shape: [1, 2], elements: [500, -500] as [Float]),
                "labels": Tensor(shape: [1], elements: [1] as [Int64]),
            ])
        #expect(try outputs["loss"]?.elements(as: Float.self) == [1_000])
        #expect(try outputs["y"]?.elements(as: Float.self) == [1, 0])
    }

    @Test func namesAvoidTheModels() throws {
        var graph = model("Identity", [1, 2])
        graph.nodes = [Node(name: "loss", operatorType: "Identity", inputs: ["labels"], outputs: ["y"])]
        graph.inputs[0].name = "labels"
        let loss = try LossConfiguration(.meanSquaredError).attached(to: graph)
        #expect(loss.labels.name == "labels_1")
        #expect(loss.loss == "loss_1")
        #expect(loss.graph.inputs.map(\.name) == ["labels", "labels_1"])
        #expect(loss.graph.outputs.map(\.name) == ["loss_1", "y"])
        _ = try CompiledGraph(loss.graph)
    }

    @Test(arguments: [
        (#""mes""#, #"loss: found "mes", expected a loss, one of"#), (#""mes""#, #"did you mean "mse"?"#),
        (#"{"type": "huber", "delta": 0}"#, "loss.delta: found 0, expected a number above 0"),
        (#"{"type": "mse", "delta": 1}"#, #"loss: unknown member "delta""#),
        (
            #"{"type": "binary_cross_entropy", "class_weights": [1, 2, 3]}"#,
            "loss.class_weights: found an array of 3, expected \"balanced\" or a list of 2 weights"
        ),
        (
            #"{"type": "softmax_cross_entropy", "class_weights": [1, -2]}"#,
            "loss.class_weights[1]: found -2, expected a number of at least 0"
        ),
        (#"{"type": "softmax_cross_entropy", "class_weights": [0, 0]}"#, "loss.class_weights: found weights of 0 only"),
        (
            #"{"type": "softmax_cross_entropy", "label_smoothing": 1}"#,
            "loss.label_smoothing: found 1, expected a number from 0 to below 1"
        ),
        (
            #"{"type": "softmax_cross_entropy", "labels": "onehot"}"#,
            #"loss.labels: found "onehot", expected one of classes, one_hot; did you mean "one_hot"?"#
        ),
        (#"3"#, "loss: found 3, expected a loss, one of"),
    ]) func settings(_ json: String, _ expected: String) throws {
        let value = try JSONValue(json: json)
        let error = try #require(throws: JSONError.self) {
            _ = try LossConfiguration(JSONCursor(value, path: "loss"))
        }
        #expect(error.description.contains(expected), "\(error)")
    }

    @Test func predictionsThatDoNotFit() throws {
        func message(_ configuration: LossConfiguration, _ graph: Graph, _ output: String? = nil) throws -> String {
            try #require(throws: JSONError.self) { _ = try configuration.attached(to: graph, output: output) }
                .description
        }
        let softmax = LossConfiguration(.softmaxCrossEntropy)
        let wrong = try message(softmax, model("Identity", [1, 1]))
        #expect(
            wrong
                == "loss: the model's output 'y' is float32 [batch, 1], expected two or more classes along its last axis"
        )
        let counts = try message(
            LossConfiguration(.softmaxCrossEntropy, classWeights: [1, 2]), model("Identity", [1, 3]))
        #expect(counts.contains("loss.class_weights: found 2 weights, expected 3"))
        var graph = model("Identity", [1, 3])
        #expect(try message(softmax, graph, "z").contains(#"loss: found "z", expected one of the outputs y"#))
        graph.outputs.append(ValueInfo(name: "x", elementType: .float32, dimensions: graph.outputs[0].dimensions))
        #expect(try message(softmax, graph).contains("the model has 2 outputs, expected the name of one of y, x"))
        graph.outputs = [ValueInfo(name: "y", elementType: .int64, dimensions: [.batch])]
        #expect(try message(softmax, graph).contains("is int64 [batch], expected float32 predictions"))
    }

    @Test(arguments: [
        #""softmax_cross_entropy""#, #"{"type": "huber", "delta": 2.5}"#, #""hinge""#, #""squared_hinge""#, #""mae""#,
        #"{"type": "softmax_cross_entropy", "labels": "one_hot", "class_weights": [1, 2], "label_smoothing": 0.5}"#,
        #"{"type": "binary_cross_entropy", "class_weights": [1, 2]}"#,
    ]) func roundTrip(_ json: String) throws {
        let configuration = try LossConfiguration(JSONCursor(JSONValue(json: json)))
        #expect(try LossConfiguration(JSONCursor(configuration.json)) == configuration)
    }
}
