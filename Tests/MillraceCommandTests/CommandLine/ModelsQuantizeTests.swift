import Foundation
import JSONDocuments
import ModelFormats
import Serving
import TensorEngine
import TestSupport
import Testing

/// `millrace models import --quantize`.
@Suite struct ModelsQuantizeTests {
    let folder: TemporaryFolder
    var store: String { folder.path + "/store" }

    init() throws { folder = try TemporaryFolder() }

    private func models(_ arguments: [String]) async throws -> BinaryRunner.Output {
        try await BinaryRunner.run(["models"] + arguments + ["--store", store])
    }

    /// The demonstration's digits with what they are, for either model.
    private func calibration(_ name: String = "rows.npz", labels: Int? = nil) throws -> String {
        let data = try NumPyArchive.read(Fixtures.digits + "/digits.npz")
        let rows = labels ?? 1797
        let arrays = try data.map { array in
            (name: array.name, tensor: array.name == "labels" ? try array.tensor.rows(0..<rows) : array.tensor)
        }
        let renamed = arrays.map { (name: $0.name == "images" ? "image" : $0.name, tensor: $0.tensor) }
        let path = "\(folder.path)/\(name)"
        try NumPyArchive.write(renamed, to: path)
        return path
    }

    @Test(arguments: [DigitArrays.mlp, DigitArrays.cnn]) func `digits keep their classes`(_ file: String) async throws {
        let output = try await models([
            "import", file, "--name", "digits", "--quantize", "int8", "--calibration", try calibration(), "--output",
            "json",
        ])
        #expect(output.exitCode == 0, "\(output.stderr)")
        let report = try output.document().member("quantization")
        #expect(try report.member("rows").integer() == 1797)
        #expect(try report.member("layers").integer() >= 1)
        #expect(try report.member("agreement").number() >= 0.99)
        let (before, after) = (
            try report.member("accuracy_before").number(), try report.member("accuracy_after").number()
        )
        #expect(before > 0.99 && after > before - 0.01)
        #expect(try report.member("maximum_difference").number() > 0)
        #expect(try report.member("bytes_after").integer() < (try report.member("bytes_before").integer()))
        // The version answers with 8-bit weights, wherever it is opened.
        let shown = try await models(["show", "digits", "--output", "json"]).document()
        #expect(try shown.member("metadata").member("quantization").string() == "int8")
        let digest = try output.document().member("digest").string()
        let bundle = try ModelBundle.load(at: "\(store)/bundles/\(digest)")
        #expect(bundle.graph.nodes.contains { $0.operatorType == "DynamicQuantizeMatMul" })
        #expect(bundle.graph.initializers.values.contains { $0.elementType == .int8 })
    }

    @Test func `without rows the report says so`() async throws {
        let output = try await models(["import", DigitArrays.mlp, "--quantize", "int8"])
        #expect(output.exitCode == 0, "\(output.stderr)")
        #expect(output.stdout.contains("on 256 rows (seeded random rows): outputs differ by at most"))
        #expect(output.stdout.contains("bytes"))
    }

    @Test func `what does not fit is refused`() async throws {
        let wrong = "\(folder.path)/wrong.npz"
        try NumPyArchive.write([(name: "pixels", tensor: Tensor(zeros: .float32, shape: [3, 63]))], to: wrong)
        let shape = try await models(["import", DigitArrays.mlp, "--quantize", "int8", "--calibration", wrong])
        #expect(shape.exitCode == 2 && shape.stderr.contains("--calibration") && shape.stderr.contains("63"))
        let other = "\(folder.path)/other.npz"
        try NumPyArchive.write([(name: "x", tensor: Tensor(zeros: .float32, shape: [3, 64]))], to: other)
        let name = try await models(["import", DigitArrays.mlp, "--quantize", "int8", "--calibration", other])
        #expect(name.exitCode == 2 && name.stderr.contains("\"x\"") && name.stderr.contains("\"pixels\""))
        let labels = try await models([
            "import", DigitArrays.mlp, "--quantize", "int8", "--calibration", try calibration("few.npz", labels: 5),
        ])
        #expect(labels.exitCode == 2 && labels.stderr.contains("\"labels\"") && labels.stderr.contains("[1797]"))
        let type = try await models(["import", DigitArrays.mlp, "--quantize", "int3"])
        #expect(type.exitCode == 2 && type.stderr.contains("int8"))
        let alone = try await models(["import", DigitArrays.mlp, "--calibration", wrong])
        #expect(alone.exitCode == 2 && alone.stderr.contains("--quantize"))
        #expect(try await models(["list", "--output", "json"]).document().elements().isEmpty)
    }
}
