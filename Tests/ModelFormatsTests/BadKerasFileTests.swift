import Foundation
import ModelFormats
import TensorEngine
import TestSupport
import Testing

/// Every damaged or unsupported file is refused with an error that names the file and the place.
@Suite struct BadKerasFileTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let reason: ModelFormatError.Reason
        /// Parts of the error's description.
        let mentions: [String]
        var testDescription: String { name }

        init(_ name: String, _ reason: ModelFormatError.Reason, _ mentions: String...) {
            self.name = name
            self.reason = reason
            self.mentions = mentions
        }
    }

    static let cases: [Case] = [
        Case("unknown_layer", .unsupported, "layer 2 'lstm_1' (ConvLSTM1D): not supported; supported are", "Conv2D"),
        Case("nested_model", .missing, "layer 2 'nested' (Sequential): layer 2 'inside' (Dense): weight 'kernel'"),
        Case("weights_only", .missing, "'model_config' is missing", "weights only"),
        Case("config_not_json", .malformed, "attribute 'model_config'", "line 1"),
        Case("config_is_a_number", .malformed, "attribute 'model_config'", "found numbers, expected text"),
        Case("no_keras_version", .missing, "'keras_version' is missing"),
        Case("keras_1", .unsupported, "'keras_version'", "'1.2.2'"),
        Case("no_weights_group", .missing, "model_weights"),
        Case("no_layer_names", .missing, "'layer_names' is missing"),
        Case("missing_layer_group", .missing, "weights of layer 'first'"),
        Case("missing_dataset", .missing, "layer 2 'first' (Dense): weight 'kernel'", "no object 'kernel:0'"),
        Case("missing_weight_name", .missing, "layer 2 'first' (Dense): weight 'kernel'", "'first/bias:0'"),
        Case(
            "wrong_shape", .mismatch, "layer 2 'first' (Dense): weight 'kernel'",
            "found the shape [3, 4], expected [4, 3]"),
        Case("integer_weight", .unsupported, "layer 2 'first' (Dense): weight 'kernel'", "not floating-point"),
        Case("soft_link", .unsupported, "layer 2 'first' (Dense): weight 'kernel'", "soft or external link"),
        Case("external_link", .unsupported, "layer 2 'first' (Dense): weight 'kernel'", "soft or external link"),
        Case("external_storage", .unsupported, "layer 2 'first' (Dense): weight 'kernel'", "another file"),
        Case("weight_is_a_group", .malformed, "layer 2 'first' (Dense): weight 'kernel'", "expected a dataset"),
        Case("path_leaves_the_layer", .malformed, "layer 2 'first' (Dense): weight 'kernel'", "'..'"),
        Case("units_disagree", .mismatch, "layer 2 'first' (Dense)", "found the shape [4, 3], expected [4, 5]"),
        Case("units_absurd", .tooLarge, "layer 2 'first' (Dense)", "units", "1000000000000000"),
        Case("units_negative", .malformed, "layer 2 'first' (Dense)", "units", "-3", "at least 1"),
        Case("units_missing", .missing, "layer 2 'first' (Dense)", "'units' is missing"),
        Case("units_text", .malformed, "layer 2 'first' (Dense)", "units", "string"),
        Case("cycle", .malformed, "wait for each other", "'first'", "'second'"),
        Case("unknown_inbound", .malformed, "layer 3 'second' (Dense)", "'third'"),
        Case("unknown_call", .malformed, "layer 3 'second' (Dense)", "call 7 of 'first'"),
        Case("duplicate_layer", .malformed, "layer 4 'second' (Dense)", "same name"),
        Case("unknown_activation", .unsupported, "layer 2 'first' (Dense)", "'mish'", "softmax"),
        Case("training_call", .unsupported, "'second'", "'training'"),
        Case("no_outputs", .malformed, "0 outputs"),
        Case("input_absurd", .tooLarge, "layer 1 'x' (InputLayer)"),
        Case("input_integer", .unsupported, "layer 2 'first' (Dense)", "'int32'", "only Embedding"),
        Case("hollow_weight", .malformed, "layer 2 'first' (Dense): weight 'kernel'", "0 bytes stored"),
    ]

    @Test(arguments: cases)
    func isRefused(_ bad: Case) throws {
        let path = Fixtures.path("keras/bad/\(bad.name).h5")
        let error = try error { _ = try ModelFile.open(path) }
        #expect(error.reason == bad.reason, "\(error)")
        #expect(error.file == path)
        for mention in bad.mentions { #expect(error.description.contains(mention), "\(error)") }
    }

    @Test func theTableIsComplete() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: Fixtures.path("keras/bad"))
        #expect(Set(files) == Set(Self.cases.map { "\($0.name).h5" } + ["base.h5"]))
        _ = try ModelFile.open(Fixtures.path("keras/bad/base.h5"))
    }

    @Test func whatIsNoHDF5FileIsNamed() throws {
        let folder = try TemporaryFolder()
        let missing = try error { _ = try ModelFile.open("\(folder.path)/absent.h5") }
        #expect(missing.reason == .notFound)
        let empty = try folder.file("empty.h5", [])
        #expect(try error { _ = try ModelFile.open(empty) }.reason == .truncated)
        let text = try folder.file("text.h5", "not a model at all".utf8)
        let unknown = try error { _ = try ModelFile.open(text) }
        #expect(unknown.reason == .unknownFormat)
        #expect(unknown.description.contains("supported are"))
        let signature = try folder.file("signature.h5", [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A])
        #expect(try error { _ = try ModelFile.open(signature) }.reason == .malformed)
        let bare = try error { _ = try ModelFile.open(folder.path) }
        #expect(bare.reason == .unknownFormat)
        #expect(bare.description.contains("manifest.json"))
    }

    /// A file cut anywhere is refused, never half-read.
    @Test func truncatedFilesAreRefused() throws {
        let folder = try TemporaryFolder()
        let whole = try bytes(of: Fixtures.path("digits/mlp.h5"))
        for length in stride(from: 16, to: whole.count, by: 4_999) {
            let path = try folder.file("cut.h5", whole.prefix(length))
            let error = try error { _ = try ModelFile.open(path) }
            #expect(error.file == path)
        }
    }

    @Test func limitsHold() throws {
        var limits = ModelFormatLimits()
        limits.maximumFileBytes = 1_000
        let path = Fixtures.path("digits/mlp.h5")
        #expect(try error { _ = try ModelFile.open(path, limits: limits) }.reason == .tooLarge)
        limits = ModelFormatLimits()
        limits.maximumTensorBytes = 1_000
        let large = try error { _ = try ModelFile.open(path, limits: limits) }
        #expect(large.reason == .tooLarge)
        #expect(large.description.contains("'hidden_1' (Dense): weight 'kernel'"))
        limits = ModelFormatLimits()
        limits.maximumJSONBytes = 100
        #expect(try error { _ = try ModelFile.open(path, limits: limits) }.reason == .tooLarge)
    }

    /// libhdf5 is not thread-safe; the importer is.
    @Test func loadsFromManyThreads() async throws {
        let digests = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<16 {
                group.addTask { try ModelFile.open(Fixtures.path("digits/cnn.h5")).graph.nodes.count }
                group.addTask {
                    _ = try? ModelFile.open(Fixtures.path("keras/bad/missing_dataset.h5"))
                    return 0
                }
            }
            return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
        }
        #expect(digests.count == 2)
    }
}
