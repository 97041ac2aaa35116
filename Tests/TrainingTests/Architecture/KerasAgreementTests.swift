import JSONDocuments
import ModelFormats
import TensorEngine
import TestSupport
import Testing

@testable import Training

/// Layers of specifications with the weights of Keras's models give Keras's own outputs.
@Suite struct KerasAgreementTests {
    struct Case: CustomTestStringConvertible {
        let fixture: String
        let input: String
        let layers: String
        /// The fixture's; that of the specification is the last layer's name.
        let output: String

        init(_ fixture: String, _ input: String, _ output: String, _ layers: String) {
            (self.fixture, self.input, self.output, self.layers) = (fixture, input, output, layers)
        }

        var testDescription: String { "\(fixture) \(output)" }
    }

    static let cases = [
        Case("dense", "features", "with_softmax", #"{"type": "dense", "units": 4, "activation": "softmax"}"#),
        Case(
            "conv1d", "series", "causal_dilated",
            #"{"type": "conv1d", "filters": 3, "kernel_size": 3, "padding": "causal", "dilation_rate": 2}"#),
        Case(
            "conv2d", "image", "same_strided",
            #"{"type": "conv2d", "filters": 3, "kernel_size": 3, "padding": "same", "strides": 2}"#),
        Case(
            "conv2d", "image", "grouped", #"{"type": "conv2d", "filters": 4, "kernel_size": 3, "groups": 2}"#),
        Case(
            "separable", "image", "two_same",
            #"""
            {"type": "separable_conv2d", "filters": 4, "kernel_size": 3, "strides": 2, "padding": "same",
             "depth_multiplier": 2, "activation": "relu"}
            """#),
        Case(
            "transposed", "image", "same",
            #"""
            {"type": "conv2d_transpose", "filters": 2, "kernel_size": 3, "strides": 2, "padding": "same",
             "activation": "relu"}
            """#),
        Case("normalization", "image", "image_last", #"{"type": "batch_normalization"}"#),
        Case(
            "normalization", "image", "image_columns", #"{"type": "batch_normalization", "axis": 2, "epsilon": 0.01}"#),
        Case("recurrent", "series", "simplernn_last", #"{"type": "simple_rnn", "units": 3}"#),
        Case("recurrent", "series", "lstm_all", #"{"type": "lstm", "units": 3, "return_sequences": true}"#),
        Case(
            "recurrent", "series", "lstm_backwards_all",
            #"{"type": "lstm", "units": 3, "return_sequences": true, "go_backwards": true}"#),
        Case("recurrent", "series", "gru_last", #"{"type": "gru", "units": 3}"#),
        Case("recurrent", "series", "gru_reset_before", #"{"type": "gru", "units": 3, "reset_after": false}"#),
        Case("attention", "query", "self", #"{"type": "multi_head_attention", "num_heads": 2, "key_dim": 3}"#),
        Case(
            "attention", "query", "causal",
            #"{"type": "multi_head_attention", "num_heads": 3, "key_dim": 2, "causal": true}"#),
    ]

    @Test(arguments: cases) func layer(_ test: Case) throws {
        let path = "\(Fixtures.keras)/\(test.fixture).keras3"
        let imported = try ModelFile.open("\(path).h5").graph
        let arrays = Dictionary(
            uniqueKeysWithValues: try NumPyArchive.read("\(path).npz").map { ($0.name, $0.tensor) })
        let input = try #require(arrays["input.\(test.input)"])
        let expected = try #require(arrays["output.\(test.output)"])
        guard case .object(var layer) = try JSONValue(json: test.layers) else { return }
        layer["name"] = .string(test.output)
        let shape = input.shape.dimensions.dropFirst().map { JSONValue.integer(Int64($0)) }
        let spec = try ArchitectureSpec([
            "input": ["shape": .array(Array(shape))], "layers": [.object(layer)],
        ])
        var model = try spec.build(seed: 5).graph
        var copied = 0
        for (name, tensor) in model.initializers where tensor.elementType == .float32 {
            guard let weight = imported.initializers[name], weight.elementType == .float32 else { continue }
            // The importer fills the bias of LSTM and SimpleRNN up with zeros, which are no weights here.
            let count = tensor.shape.elementCount
            model.initializers[name] = try Tensor(
                shape: tensor.shape, elements: Array(weight.elements(as: Float.self).prefix(count)))
            copied += 1
        }
        #expect(copied >= 2)
        let found = try #require(try LearningFixtures.run(model, ["input": input])["output"])
        #expect(found.shape == expected.shape)
        for (a, b) in zip(try found.elements(as: Float.self), try expected.elements(as: Float.self)) {
            #expect(abs(a - b) <= 1e-5 * max(1, abs(b)), "\(a) is not \(b)")
        }
    }
}
