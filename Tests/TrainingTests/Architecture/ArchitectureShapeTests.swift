import JSONDocuments
import TensorEngine
import Testing

@testable import Training

@Suite struct ArchitectureShapeTests {
    struct Case: CustomTestStringConvertible {
        let input: [Int]
        let layers: String
        let output: [Int]
        /// Numbers in the trainable parameters.
        let parameters: Int

        init(_ input: [Int], _ layers: String, _ output: [Int], _ parameters: Int) {
            (self.input, self.layers, self.output, self.parameters) = (input, layers, output, parameters)
        }

        var testDescription: String { layers }
    }

    static let cases = [
        Case([5], #"{"type": "dense", "units": 3}"#, [3], 18),
        Case([4, 5], #"{"type": "dense", "units": 3, "use_bias": false, "activation": "gelu"}"#, [4, 3], 15),
        Case([9, 4], #"{"type": "conv1d", "filters": 3, "kernel_size": 3, "padding": "causal"}"#, [9, 3], 39),
        Case([8, 8, 1], #"{"type": "conv2d", "filters": 16, "kernel_size": 3, "padding": "same"}"#, [8, 8, 16], 160),
        Case([8, 7, 4], #"{"type": "conv2d", "filters": 2, "kernel_size": [3, 2], "strides": 2}"#, [3, 3, 2], 50),
        Case([8, 8, 4], #"{"type": "conv2d", "filters": 4, "kernel_size": 3, "groups": 2}"#, [6, 6, 4], 76),
        Case(
            [4, 5, 3], #"{"type": "conv2d_transpose", "filters": 2, "kernel_size": 3, "strides": 2}"#, [9, 11, 2], 56),
        Case([6, 2], #"{"type": "conv1d_transpose", "filters": 3, "kernel_size": 3, "strides": 2}"#, [13, 3], 21),
        Case([6, 2], #"{"type": "depthwise_conv1d", "kernel_size": 3, "depth_multiplier": 2}"#, [4, 4], 16),
        Case([6, 6, 3], #"{"type": "depthwise_conv2d", "kernel_size": 3, "padding": "same"}"#, [6, 6, 3], 30),
        Case([9, 4], #"{"type": "separable_conv1d", "filters": 5, "kernel_size": 3}"#, [7, 5], 37),
        Case([6, 6, 3], #"{"type": "separable_conv2d", "filters": 5, "kernel_size": 3}"#, [4, 4, 5], 47),
        Case([8, 3], #"{"type": "max_pooling1d"}"#, [4, 3], 0),
        Case([8, 8, 3], #"{"type": "max_pooling2d", "pool_size": 3, "padding": "same"}"#, [3, 3, 3], 0),
        Case([8, 3], #"{"type": "average_pooling1d", "strides": 1}"#, [7, 3], 0),
        Case([8, 8, 3], #"{"type": "average_pooling2d"}"#, [4, 4, 3], 0),
        Case([8, 3], #"{"type": "global_max_pooling1d"}"#, [3], 0),
        Case([8, 8, 3], #"{"type": "global_max_pooling2d", "keepdims": true}"#, [1, 1, 3], 0),
        Case([8, 3], #"{"type": "global_average_pooling1d"}"#, [3], 0),
        Case([8, 8, 3], #"{"type": "global_average_pooling2d"}"#, [3], 0),
        Case([8, 3], #"{"type": "zero_padding1d", "padding": [1, 2]}"#, [11, 3], 0),
        Case([8, 8, 3], #"{"type": "zero_padding2d", "padding": [[1, 2], [0, 3]]}"#, [11, 11, 3], 0),
        Case([8, 3], #"{"type": "cropping1d", "cropping": 1}"#, [6, 3], 0),
        Case([8, 8, 3], #"{"type": "cropping2d", "cropping": [1, 2]}"#, [6, 4, 3], 0),
        Case([4, 3], #"{"type": "up_sampling1d"}"#, [8, 3], 0),
        Case([4, 4, 3], #"{"type": "up_sampling2d", "size": [2, 3], "interpolation": "bilinear"}"#, [8, 12, 3], 0),
        Case([8, 8, 3], #"{"type": "batch_normalization"}"#, [8, 8, 3], 6),
        Case([5], #"{"type": "batch_normalization", "scale": false}"#, [5], 5),
        Case([4, 6], #"{"type": "layer_normalization"}"#, [4, 6], 12),
        Case([4, 4, 6], #"{"type": "group_normalization", "groups": 3}"#, [4, 4, 6], 12),
        Case([5], #"{"type": "dropout", "rate": 0.5}"#, [5], 0),
        Case([5, 2], #"{"type": "spatial_dropout1d", "rate": 0.5}"#, [5, 2], 0),
        Case([5, 4, 2], #"{"type": "spatial_dropout2d", "rate": 0.5}"#, [5, 4, 2], 0),
        Case([5, 2], #"{"type": "rescaling", "scale": [0.5, 2], "offset": -1}"#, [5, 2], 0),
        Case([5], #"{"type": "activation", "activation": "swish"}"#, [5], 0),
        Case([5], #"{"type": "relu", "max_value": 6}"#, [5], 0),
        Case([5], #"{"type": "leaky_relu", "negative_slope": 0.1}"#, [5], 0),
        Case([5, 3], #"{"type": "prelu", "shared_axes": [1]}"#, [5, 3], 3),
        Case([5], #"{"type": "elu"}"#, [5], 0),
        Case([5], #"{"type": "softmax"}"#, [5], 0),
        Case([5, 4, 2], #"{"type": "flatten"}"#, [40], 0),
        Case([5, 4], #"{"type": "reshape", "target_shape": [2, -1]}"#, [2, 10], 0),
        Case([5, 4, 2], #"{"type": "permute", "dims": [3, 1, 2]}"#, [2, 5, 4], 0),
        Case([5], #"{"type": "repeat_vector", "n": 3}"#, [3, 5], 0),
        Case([7], #"{"type": "embedding", "input_dim": 9, "output_dim": 4}"#, [7, 4], 36),
        Case([7, 4], #"{"type": "positional_embedding"}"#, [7, 4], 28),
        Case([7, 4], #"{"type": "positional_embedding", "max_length": 10}"#, [7, 4], 40),
        Case([7, 4], #"{"type": "simple_rnn", "units": 3}"#, [3], 24),
        Case([7, 4], #"{"type": "lstm", "units": 3, "return_sequences": true}"#, [7, 3], 96),
        Case([7, 4], #"{"type": "lstm", "units": 3, "go_backwards": true, "return_sequences": true}"#, [7, 3], 96),
        Case([7, 4], #"{"type": "gru", "units": 3}"#, [3], 81),
        Case([7, 4], #"{"type": "gru", "units": 3, "reset_after": false}"#, [3], 72),
        Case([7, 4], #"{"type": "bidirectional", "layer": {"type": "lstm", "units": 3}}"#, [6], 192),
        Case(
            [7, 4],
            #"{"type": "bidirectional", "merge_mode": "sum", "layer": {"type": "gru", "units": 3, "return_sequences": true}}"#,
            [7, 3], 162),
        Case([7, 4], #"{"type": "time_distributed", "layer": {"type": "dense", "units": 2}}"#, [7, 2], 10),
        Case([5, 6], #"{"type": "multi_head_attention", "num_heads": 2, "key_dim": 3}"#, [5, 6], 168),
        Case([5], #"{"type": "residual", "layers": [{"type": "dense", "units": 5}]}"#, [5], 30),
        Case([5], #"{"type": "residual", "layers": [{"type": "dense", "units": 3}], "activation": "relu"}"#, [3], 33),
        Case(
            [8, 8, 2],
            #"""
            {"type": "residual", "layers": [
              {"type": "conv2d", "filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"}]}
            """#, [4, 4, 4], 84),
        Case(
            [9, 2],
            #"""
            {"type": "residual", "layers": [{"type": "conv1d", "filters": 4, "kernel_size": 3, "strides": 2}],
             "projection": [{"type": "average_pooling1d", "strides": 2}, {"type": "conv1d", "filters": 4, "kernel_size": 1}]}
            """#, [4, 4], 40),
        Case(
            [8, 8, 2],
            #"""
            {"type": "concat", "branches": [[{"type": "conv2d", "filters": 3, "kernel_size": 1}], [],
              [{"type": "max_pooling2d", "strides": 1, "padding": "same"}]]}
            """#, [8, 8, 7], 9),
    ]

    @Test(arguments: cases) func layer(_ test: Case) throws {
        let json = """
            {"input": {"shape": [\(test.input.map(String.init).joined(separator: ", "))]}, "layers": [\(test.layers)]}
            """
        let spec = try ArchitectureSpec(JSONValue(json: json))
        let model = try spec.build(seed: 1)
        let expected = [Dimension.batch] + test.output.map { .fixed($0) }
        #expect(model.outputs.map(\.dimensions) == [expected])
        #expect(model.parameterCount == test.parameters)
        #expect(Set(model.parameters).count == model.parameters.count)
        for name in model.parameters { #expect(model.graph.initializers[name]?.elementType == .float32) }

        let rows = try LearningFixtures.wave([2] + test.input)
        let isLookup = test.layers.contains(#""embedding""#)
        let positive = try Tensor(shape: rows.shape, elements: rows.elements(as: Float.self).map { abs($0) * 8 })
        let result = try #require(
            try LearningFixtures.run(model.graph, ["input": isLookup ? positive : rows])["output"])
        #expect(result.shape.dimensions == [2] + test.output)
        let elements = try result.elements(as: Float.self)
        let finite = elements.allSatisfy(\.isFinite)
        #expect(finite)
        #expect(Set(elements).count > 1)
    }

    @Test func everyTypeIsBuilt() {
        let built = Set(LayerTable.names.filter { type in Self.cases.contains { $0.layers.contains("\"\(type)\"") } })
        #expect(Set(LayerTable.names).subtracting(built) == [])
    }

    @Test func wholeModel() throws {
        let spec = try ArchitectureSpec(
            JSONValue(
                json:
                    #"""
                    {"name": "digits", "input": {"name": "image", "shape": [8, 8, 1]}, "output": {"name": "classes"}, "layers": [
                      {"type": "conv2d", "filters": 16, "kernel_size": 3, "padding": "same", "activation": "relu"},
                      {"type": "batch_normalization"}, {"type": "max_pooling2d"}, {"type": "dropout", "rate": 0.25},
                      {"type": "flatten"}, {"type": "dense", "units": 10, "activation": "softmax", "name": "head"}]}
                    """#))
        let model = try spec.build(seed: 3)
        #expect(
            model.parameters == [
                "conv2d/kernel", "conv2d/bias", "batch_normalization/gamma", "batch_normalization/beta", "head/kernel",
                "head/bias",
            ])
        #expect(model.regularized == ["conv2d/kernel", "head/kernel"])
        #expect(model.inputs.map(\.name) == ["image"])
        #expect(model.outputs.map(\.name) == ["classes"])
        #expect(model.graph.name == "digits")
        let operators = model.graph.nodes.map(\.operatorType)
        #expect(operators.contains("Dropout"))
        let normalization = try #require(model.graph.nodes.first { $0.operatorType == "BatchNormalization" })
        guard case .float(let momentum)? = normalization.attributes["momentum"],
            case .float(let epsilon)? = normalization.attributes["epsilon"]
        else {
            Issue.record("BatchNormalization has no momentum and epsilon")
            return
        }
        #expect(momentum == 0.99)
        #expect(epsilon == 1e-3)
        #expect(model.graph.initializers[normalization.inputs[3]]?.shape == [16])
        #expect(!model.parameters.contains(normalization.inputs[3]))
    }

    @Test func openExtentsStayOpen() throws {
        let spec = try ArchitectureSpec(
            JSONValue(
                json:
                    #"""
                    {"input": {"shape": [null, 3]}, "layers": [{"type": "lstm", "units": 4, "return_sequences": true},
                     {"type": "global_average_pooling1d"}, {"type": "dense", "units": 2}]}
                    """#))
        let model = try spec.build(seed: 3)
        for steps in [4, 9] {
            let result = try LearningFixtures.run(model.graph, ["input": try LearningFixtures.wave([2, steps, 3])])
            #expect(result["output"]?.shape == [2, 2])
        }
    }

    /// The bias that Keras's LSTM does not have is no parameter.
    @Test func recurrentBiasIsPadded() throws {
        let spec = try ArchitectureSpec(
            JSONValue(json: #"{"input": {"shape": [5, 3]}, "layers": [{"type": "lstm", "units": 4}]}"#))
        let model = try spec.build(seed: 3)
        #expect(model.parameters == ["lstm/W", "lstm/R", "lstm/B"])
        #expect(model.graph.initializers["lstm/B"]?.shape == [1, 16])
        #expect(model.regularized == ["lstm/W", "lstm/R"])
    }
}
