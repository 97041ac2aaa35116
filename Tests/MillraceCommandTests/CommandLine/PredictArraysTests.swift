import Foundation
import JSONDocuments
import ModelFormats
import TensorEngine
import TestSupport
import Testing

/// `millrace predict --inputs`.
@Suite struct PredictArraysTests {
    let folder: TemporaryFolder
    let digits: DigitArrays
    var inputs: String { folder.path + "/in.npz" }

    init() throws {
        folder = try TemporaryFolder()
        digits = try DigitArrays(20)
    }

    private func predict(_ model: String, _ arguments: [String] = []) async throws -> BinaryRunner.Output {
        try await BinaryRunner.run(["predict", model, "--inputs", inputs] + arguments)
    }

    @Test(arguments: [false, true])
    func `named arrays, others ignored, stored and deflated`(compressed: Bool) async throws {
        try NumPyArchive.write(
            [("labels", Tensor(zeros: .int64, shape: [3])), ("pixels", digits.pixels)], to: inputs,
            compressed: compressed)
        let output = try await predict(DigitArrays.mlp)
        #expect(output.exitCode == 0, "\(output.stderr)")
        let response = try output.document()
        #expect(try response.member("model_name").string() == "mlp")
        try DigitArrays.expectReference(DigitArrays.probabilities(response), model: "mlp", count: 20)
    }

    @Test func `a positional array, images`() async throws {
        try NumPyArchive.write([("arr_0", digits.images)], to: inputs)
        let output = try await predict(DigitArrays.cnn)
        #expect(output.exitCode == 0, "\(output.stderr)")
        try DigitArrays.expectReference(DigitArrays.probabilities(output.document()), model: "cnn", count: 20)
    }

    @Test(arguments: [ElementType.float64, .uint8, .int64])
    func `arrays of another numeric type are converted`(type: ElementType) async throws {
        let values = try digits.pixels.elements(as: Float.self)
        let shape = digits.pixels.shape
        let converted =
            switch type {
            case .uint8: try Tensor(shape: shape, elements: values.map { UInt8($0) })
            case .int64: try Tensor(shape: shape, elements: values.map { Int64($0) })
            default: try Tensor(shape: shape, elements: values.map { Double($0) })
            }
        #expect(converted.elementType == type)
        try NumPyArchive.write([("pixels", converted)], to: inputs)
        let output = try await predict(DigitArrays.mlp)
        #expect(output.exitCode == 0, "\(output.stderr)")
        try DigitArrays.expectReference(DigitArrays.probabilities(output.document()), model: "mlp", count: 20)
    }

    @Test func `the batch size changes no bit`() async throws {
        let digits = try DigitArrays(150)
        try NumPyArchive.write([("image", digits.images)], to: inputs)
        var files: [Data] = []
        for batch in [1, 7, 128] {
            let path = "\(folder.path)/\(batch).npz"
            let output = try await predict(DigitArrays.cnn, ["--batch", "\(batch)", "--output", path])
            #expect(output.exitCode == 0, "\(output.stderr)")
            #expect(output.stdout.isEmpty)
            files.append(try Data(contentsOf: URL(filePath: path)))
        }
        #expect(files[0] == files[1])
        #expect(files[0] == files[2])
        let written = try NumPyArchive.read("\(folder.path)/7.npz")
        #expect(written.map(\.name) == ["probabilities"])
        #expect(written.first?.tensor.shape == [150, 10])
        try DigitArrays.expectReference(
            try #require(written.first).tensor.elements(as: Float.self), model: "cnn", count: 150)
    }

    @Test func `several inputs match by name, outputs keep the model's order`() async throws {
        let model = Fixtures.keras + "/functional.keras3.h5"
        let reference = try NumPyArchive.read(Fixtures.keras + "/functional.keras3.npz")
        func array(_ name: String) throws -> Tensor { try #require(reference.first { $0.name == name }).tensor }
        // The model's order is right, left.
        for names in [["input.left", "input.right"], ["input.right", "input.left"]] {
            try NumPyArchive.write(
                try names.map { (String($0.dropFirst("input.".count)), try array($0)) }, to: inputs)
            try await expect(model, "classes", "score", array)
        }
        try NumPyArchive.write(
            [("arr_0", try array("input.right")), ("arr_1", try array("input.left"))], to: inputs)
        try await expect(model, "classes", "score", array)
    }

    private func expect(_ model: String, _ first: String, _ second: String, _ array: (String) throws -> Tensor)
        async throws
    {
        let npz = folder.path + "/out.npz"
        #expect(try await predict(model, ["--output", npz]).exitCode == 0)
        let written = try NumPyArchive.read(npz)
        #expect(written.map(\.name) == [first, second])
        for (name, tensor) in written {
            let expected = try array("output.\(name)")
            #expect(tensor.shape == expected.shape)
            for (found, expected) in zip(try tensor.elements(as: Float.self), try expected.elements(as: Float.self)) {
                #expect(abs(found - expected) <= DigitArrays.tolerance)
            }
        }
        let json = folder.path + "/out.json"
        #expect(try await predict(model, ["--output", json]).exitCode == 0)
        let response = JSONCursor(try JSONValue(parsing: Array(Data(contentsOf: URL(filePath: json)))), path: "file")
        #expect(try response.member("outputs").elements().map { try $0.member("name").string() } == [first, second])
    }

    @Test func `arrays that do not fit are refused by name`() async throws {
        let pixels = digits.pixels
        let cases: [(arrays: [(String, Tensor)], mentions: [String])] = [
            ([("image", pixels)], ["\"image\"", "\"pixels\""]),
            ([("arr_0", pixels), ("arr_1", pixels)], ["\"arr_1\"", "\"pixels\""]),
            ([("pixels", try pixels.reshaped(to: [40, 32]))], ["pixels", "[40, 32]", "[batch, 64]"]),
            ([("pixels", digits.images)], ["pixels", "[20, 8, 8, 1]", "[batch, 64]"]),
            ([("pixels", Tensor(zeros: .float32, shape: [0, 64]))], ["pixels", "[0, 64]", "row"]),
        ]
        for (arrays, mentions) in cases {
            try NumPyArchive.write(arrays, to: inputs)
            let output = try await predict(DigitArrays.mlp)
            #expect(output.exitCode == 2, "\(arrays.map(\.0)): \(output.stdout.prefix(200))")
            #expect(output.stdout.isEmpty)
            for word in mentions { #expect(output.stderr.contains(word), "\(word): \(output.stderr)") }
        }
        // An archive without entries, and none at all.
        let empty: [UInt8] = [0x50, 0x4B, 5, 6] + Array(repeating: 0, count: 18)
        try Data(empty).write(to: URL(filePath: inputs))
        let none = try await predict(DigitArrays.mlp)
        #expect(none.exitCode == 2 && none.stderr.contains("found the arrays none"), "\(none.stderr)")
        try Data("no zip".utf8).write(to: URL(filePath: inputs))
        let output = try await predict(DigitArrays.mlp)
        #expect(output.exitCode == 2)
        #expect(output.stderr.contains(inputs) && output.stderr.contains(".npz"))
    }
}
