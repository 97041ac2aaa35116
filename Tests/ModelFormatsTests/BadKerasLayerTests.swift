import ModelFormats
import TensorEngine
import TestSupport
import Testing

/// Layers whose options or weights are wrong or unsupported: the error names the layer and what is wrong with it.
@Suite struct BadKerasLayerTests {
    /// A model in memory, whose weights have whatever shape is asked for, up to a size.
    private struct Model: KerasContainer {
        let path = "model.h5"
        let limits = ModelFormatLimits.default
        let config: String

        func text(_ name: String, of group: [Substring], at location: String) throws(ModelFormatError) -> String? {
            name == "model_config" ? config : "3.10.0"
        }

        func textList(
            _ name: String, of group: [Substring], at location: String
        ) throws(ModelFormatError) -> [String]? {
            if name == "layer_names" { return ["layer"] }
            return [
                "kernel", "recurrent_kernel", "bias", "gamma", "beta", "alpha", "embeddings", "depthwise_kernel",
                "pointwise_kernel", "mean", "variance",
            ].map { "layer/\($0)" }
        }

        func float32(
            _ components: [Substring], expected: [Int], at location: String
        ) throws(ModelFormatError) -> Tensor {
            guard let shape = try? Shape(expected), shape.elementCount <= 1 << 20 else {
                throw ModelFormatError(.mismatch, file: path, at: location, "found [3], expected \(expected)")
            }
            return Tensor(zeros: .float32, shape: shape)
        }
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let className: String
        let options: String
        let reason: ModelFormatError.Reason
        let mention: String
        var input = "[null,5,3]"
        var dtype = "float32"
        var testDescription: String { "\(className) \(options)" }
    }

    static let cases: [Case] = [
        Case(className: "LSTM", options: #""units":2,"stateful":true"#, reason: .unsupported, mention: "'stateful'"),
        Case(className: "LSTM", options: #""unit":2"#, reason: .missing, mention: "'units'"),
        Case(className: "LSTM", options: #""units":268435456"#, reason: .mismatch, mention: "weight 'kernel'"),
        Case(className: "GRU", options: #""units":2,"activation":"mish""#, reason: .unsupported, mention: "'mish'"),
        Case(className: "GRU", options: #""units":"two""#, reason: .malformed, mention: "units"),
        Case(
            className: "SimpleRNN", options: #""units":2"#, reason: .mismatch, mention: "[batch, steps, features]",
            input: "[null,5]"),
        Case(
            className: "Bidirectional", options: #""layer":{"class_name":"Dense","config":{"name":"d","units":2}}"#,
            reason: .unsupported, mention: "a bidirectional Dense"),
        Case(
            className: "Bidirectional",
            options: #""merge_mode":"max","layer":{"class_name":"GRU","config":{"name":"d","units":2}}"#,
            reason: .unsupported, mention: "merge_mode 'max'"),
        Case(className: "Bidirectional", options: #""units":2"#, reason: .missing, mention: "'layer'"),
        Case(
            className: "TimeDistributed", options: #""layer":{"class_name":"ConvLSTM1D","config":{"name":"d"}}"#,
            reason: .unsupported, mention: "ConvLSTM1D inside"),
        Case(
            className: "TimeDistributed",
            options: #""layer":{"class_name":"Dense","config":{"name":"d","units":-1}}"#, reason: .malformed,
            mention: "layer 2 'layer' (TimeDistributed): layer 1 'd' (Dense)"),
        Case(className: "Dense", options: #""units":2"#, reason: .unsupported, mention: "integers", dtype: "int32"),
        Case(
            className: "Embedding", options: #""input_dim":0,"output_dim":2"#, reason: .malformed, mention: "input_dim"),
        Case(
            className: "Embedding", options: #""input_dim":268435456,"output_dim":4"#, reason: .mismatch,
            mention: "weight 'embeddings'"),
        Case(
            className: "Embedding", options: #""input_dim":4,"output_dim":2,"mask_zero":true"#, reason: .unsupported,
            mention: "mask_zero", dtype: "int32"),
        Case(
            className: "MultiHeadAttention", options: #""num_heads":2,"key_dim":3"#, reason: .malformed,
            mention: "1 inputs"),
        Case(className: "RepeatVector", options: #""n":268435456"#, reason: .tooLarge, mention: "", input: "[null,1]"),
        Case(className: "UpSampling1D", options: #""size":268435456"#, reason: .tooLarge, mention: ""),
        Case(className: "Cropping1D", options: #""cropping":[3,2]"#, reason: .mismatch, mention: "leaves nothing of 5"),
        Case(
            className: "UpSampling2D", options: #""interpolation":"lanczos3""#, reason: .unsupported,
            mention: "'lanczos3'", input: "[null,4,4,1]"),
        Case(
            className: "Conv3D", options: #""filters":2,"kernel_size":2,"groups":2"#, reason: .unsupported,
            mention: "groups", input: "[null,4,4,4,2]"),
        Case(
            className: "Conv2DTranspose", options: #""filters":2,"kernel_size":2,"strides":268435456"#,
            reason: .tooLarge, mention: "exceeds", input: "[null,4,4,1]"),
        Case(
            className: "GroupNormalization", options: #""groups":2"#, reason: .mismatch, mention: "2 groups"),
        Case(
            className: "LayerNormalization", options: #""axis":[1]"#, reason: .unsupported, mention: "the last ones"),
        Case(className: "PReLU", options: #""shared_axes":[3]"#, reason: .malformed, mention: "at most 2"),
        Case(
            className: "Normalization", options: #""axis":-1,"mean":[1,2,3,4],"variance":1"#, reason: .mismatch,
            mention: "more than 3 numbers"),
        Case(className: "Functional", options: #""layers":[]"#, reason: .malformed, mention: "layer 2 'layer'"),
        Case(
            className: "Sequential",
            options:
                #""layers":[{"class_name":"InputLayer","config":{"name":"i","batch_shape":[null,5,3]}},{"class_name":"Lambda","config":{"name":"l"}}]"#,
            reason: .unsupported, mention: "layer 2 'layer' (Sequential): layer 2 'l' (Lambda)"),
    ]

    @Test(arguments: cases)
    func isRefused(_ bad: Case) throws {
        let config = """
            {"class_name":"Functional","config":{"name":"m","layers":[{"class_name":"InputLayer","name":"x",
            "config":{"name":"x","batch_shape":\(bad.input),"dtype":"\(bad.dtype)"},"inbound_nodes":[]},
            {"class_name":"\(bad.className)","name":"layer","config":{"name":"layer",\(bad.options)},
            "inbound_nodes":[[["x",0,0,{}]]]}],"input_layers":[["x",0,0]],"output_layers":[["layer",0,0]]}}
            """
        let error = try error { _ = try KerasImporter.read(Model(config: config)) }
        #expect(error.reason == bad.reason, "\(error)")
        #expect(error.description.contains("layer 2 'layer' (\(bad.className))"), "\(error)")
        #expect(error.description.contains(bad.mention), "\(error)")
    }

    /// A model that calls a model twice that calls a model twice …: the calls are counted, not made.
    @Test(.timeLimit(.minutes(1))) func nestedCallsAreBounded() throws {
        var inner =
            #"{"class_name":"ReLU","name":"r","config":{"name":"r"},"inbound_nodes":[[["i",0,0,{}]],[["r",0,0,{}]]]}"#
        var last = "r"
        for level in 0..<10 {
            let calls = (0..<8).map { #"[["\#($0 == 0 ? "i" : "m\(level)")",\#(max($0 - 1, 0)),0,{}]]"# }
            inner = """
                {"class_name":"Functional","name":"m\(level)","config":{"name":"m\(level)","layers":[
                {"class_name":"InputLayer","name":"i","config":{"name":"i","batch_shape":[null,2]},"inbound_nodes":[]},
                \(inner)],"input_layers":[["i",0,0]],"output_layers":[["\(last)",0,0]]},
                "inbound_nodes":[\(calls.joined(separator: ","))]}
                """
            last = "m\(level)"
        }
        let config = """
            {"class_name":"Functional","config":{"name":"m","layers":[{"class_name":"InputLayer","name":"i",
            "config":{"name":"i","batch_shape":[null,2]},"inbound_nodes":[]},\(inner)],
            "input_layers":[["i",0,0]],"output_layers":[["\(last)",0,0]]}}
            """
        let error = try error { _ = try KerasImporter.read(Model(config: config)) }
        #expect(error.reason == .tooLarge, "\(error)")
    }

    @Test func archivesWithoutTheirPartsAreRefused() throws {
        let folder = try TemporaryFolder()
        let whole = try bytes(of: Fixtures.path("keras/nested.keras3.keras"))
        for length in stride(from: 5, to: whole.count, by: 2_503) {
            let path = try folder.file("cut.keras", whole.prefix(length))
            let error = try error { _ = try ModelFile.open(path) }
            #expect(error.file == path)
        }
        let arrays = "\(folder.path)/arrays.keras"
        try NumPyArchive.write([("x", Tensor(zeros: .float32, shape: [2]))], to: arrays)
        let missing = try error { _ = try ModelFile.open(arrays) }
        #expect(missing.reason == .missing)
        #expect(missing.description.contains("metadata.json"))
        var limits = ModelFormatLimits()
        limits.maximumTotalBytes = 1_000
        let path = Fixtures.path("keras/nested.keras3.keras")
        #expect(try error { _ = try ModelFile.open(path, limits: limits) }.reason == .tooLarge)
    }
}
