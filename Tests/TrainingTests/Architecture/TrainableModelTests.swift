import JSONDocuments
import ModelFormats
import TensorEngine
import TestSupport
import Testing

@testable import Training

@Suite struct TrainableModelTests {
    private func tensor(_ shape: [Int]) throws -> Tensor { try LearningFixtures.wave(shape) }

    /// A standardized input, a convolution, a normalization, an attention-like mask, a dense layer, and what hangs loose.
    private func graph() throws -> Graph {
        Graph(
            name: "imported", inputs: [ValueInfo(name: "x", elementType: .float32, dimensions: [.batch, .fixed(4)])],
            outputs: [ValueInfo(name: "y", elementType: .float32, dimensions: [.batch, .fixed(2)])],
            nodes: [
                Node(name: "n1", operatorType: "Sub", inputs: ["x", "mean"], outputs: ["a"]),
                Node(
                    name: "n2", operatorType: "Gemm", inputs: ["a", "encoder.kernel", "encoder.bias"], outputs: ["b"]),
                Node(name: "n3", operatorType: "Mul", inputs: ["b", "half"], outputs: ["c"]),
                Node(
                    name: "n4", operatorType: "BatchNormalization",
                    inputs: ["c", "norm.gamma", "norm.beta", "norm.mean", "norm.variance"], outputs: ["d"]),
                Node(name: "n5", operatorType: "Transpose", inputs: ["head.weight"], outputs: ["w"]),
                Node(name: "n6", operatorType: "MatMul", inputs: ["d", "w"], outputs: ["e"]),
                Node(name: "n7", operatorType: "Add", inputs: ["e", "head.bias"], outputs: ["y"]),
                Node(name: "n8", operatorType: "MatMul", inputs: ["d", "unused"], outputs: ["z"]),
            ],
            initializers: [
                "mean": try tensor([4]), "encoder.kernel": try tensor([4, 3]), "encoder.bias": try tensor([3]),
                "half": try tensor([1]), "norm.gamma": try tensor([3]), "norm.beta": try tensor([3]),
                "norm.mean": try tensor([3]), "norm.variance": try tensor([3]), "head.weight": try tensor([2, 3]),
                "head.bias": try tensor([2]), "unused": try tensor([3, 3]),
            ])
    }

    @Test func parametersAreWeights() throws {
        let model = try TrainableModel(importing: graph())
        #expect(
            model.parameters == [
                "encoder.kernel", "encoder.bias", "norm.gamma", "norm.beta", "head.weight", "head.bias",
            ])
        #expect(model.regularized == ["encoder.kernel", "head.weight"])
        #expect(model.parameterCount == 12 + 3 + 3 + 3 + 6 + 2)
    }

    @Test func patternsFreeze() throws {
        let model = try TrainableModel(importing: graph(), frozen: ["encoder.*", "*.b?ta"])
        #expect(model.parameters == ["norm.gamma", "head.weight", "head.bias"])
    }

    @Test(arguments: [
        (
            ["encoder.*", "decoder.*"],
            #"frozen[1]: found "decoder.*", expected a pattern that matches one of the model's 6"#
        ),
        (["hed.bias"], #"did you mean "head.bias"?"#),
        (["*"], "frozen: all 6 parameters of the model 'imported' are frozen"),
    ]) func refusals(_ frozen: [String], _ expected: String) throws {
        let graph = try graph()
        let error = try #require(throws: JSONError.self) { _ = try TrainableModel(importing: graph, frozen: frozen) }
        #expect(error.description.contains(expected), "\(error)")
    }

    @Test func nothingToTrain() throws {
        var graph = try graph()
        graph.nodes = [Node(name: "n", operatorType: "Identity", inputs: ["x"], outputs: ["y"])]
        let error = try #require(throws: JSONError.self) { _ = try TrainableModel(importing: graph) }
        #expect(error.description == "frozen: the model 'imported' has no float32 weights to train")
    }

    /// What is built and then read as if it were imported has the parameters that it was built with.
    @Test(arguments: [
        #"[{"type": "conv1d", "filters": 4, "kernel_size": 3}, {"type": "batch_normalization"}, {"type": "flatten"}, {"type": "dense", "units": 2}]"#,
        #"[{"type": "lstm", "units": 4, "return_sequences": true}, {"type": "bidirectional", "layer": {"type": "gru", "units": 2}}]"#,
        #"[{"type": "multi_head_attention", "num_heads": 2, "key_dim": 3, "causal": true}, {"type": "layer_normalization"}]"#,
        #"[{"type": "separable_conv1d", "filters": 4, "kernel_size": 2}, {"type": "group_normalization", "groups": 2}]"#,
        #"[{"type": "residual", "layers": [{"type": "dense", "units": 3}]}, {"type": "prelu"}]"#,
    ]) func agreesWithTheBuilder(_ layers: String) throws {
        let spec = try ArchitectureSpec(JSONValue(json: #"{"input": {"shape": [6, 4]}, "layers": \#(layers)}"#))
        let built = try spec.build(seed: 1)
        let imported = try TrainableModel(importing: built.graph)
        var expected = Set(built.parameters)
        // A slope that is multiplied with what is below zero looks like any factor.
        expected.formUnion(imported.parameters.filter { $0.hasSuffix("alpha") })
        #expect(Set(imported.parameters) == expected)
        #expect(Set(imported.regularized) == Set(built.regularized))
    }

    @Test func kerasFile() throws {
        let graph = try ModelFile.open("\(Fixtures.keras)/sequential.keras3.h5").graph
        let model = try TrainableModel(importing: graph, frozen: ["convolution/*"])
        #expect(model.parameters == ["classes/kernel", "classes/bias"])
    }

    @Test(arguments: [
        ("*", "", true), ("a*c", "abc", true), ("a*c", "ac", true), ("a*c", "acb", false), ("?", "", false),
        ("a?c", "abc", true), ("*.weight", "layer.1.weight", true), ("*.weight", "weight", false),
        ("**a**b", "xxaxxab", true), ("layer.?.*", "layer.12.w", false), ("", "", true), ("", "a", false),
    ]) func globs(_ pattern: String, _ name: String, _ expected: Bool) {
        #expect(GlobPattern(pattern).matches(name) == expected)
    }

    @Test func hostileGlobsEnd() {
        let pattern = String(repeating: "*a", count: 2_000) + "b"
        #expect(!GlobPattern(pattern).matches(String(repeating: "a", count: 3_000)))
    }
}
