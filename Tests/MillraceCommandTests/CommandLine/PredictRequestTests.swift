import Foundation
import JSONDocuments
import TestSupport
import Testing

/// `millrace predict --request`, and model files that cannot be used.
@Suite struct PredictRequestTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test func `a request from a file and from standard input`() async throws {
        let body = try DigitArrays(2).request(id: "seven")
        let path = folder.path + "/r.json"
        try Data(body.utf8).write(to: URL(filePath: path))
        for (request, input) in [(path, ""), ("-", body)] {
            let output = try await BinaryRunner.run(["predict", DigitArrays.mlp, "--request", request], input: input)
            #expect(output.exitCode == 0, "\(output.stderr)")
            let response = try output.document()
            #expect(try response.member("id").string() == "seven")
            try DigitArrays.expectReference(DigitArrays.probabilities(response), model: "mlp", count: 2)
        }
    }

    @Test func `the example of the README`() async throws {
        let output = try await BinaryRunner.run([
            "predict", DigitArrays.mlp, "--request", Fixtures.root + "/schemas/examples/digits-request.json",
        ])
        #expect(output.exitCode == 0, "\(output.stderr)")
        // The first digit of the data set.
        try DigitArrays.expectReference(DigitArrays.probabilities(output.document()), model: "mlp", count: 1)
    }

    @Test(arguments: [
        ("", "MALFORMED_REQUEST"), ("{\"inputs\":", "MALFORMED_REQUEST"), ("[]", "MALFORMED_REQUEST"),
        ("{}", "inputs"),
        (#"{"inputs":[{"name":"pixels","shape":[1,63],"datatype":"FP32","data":[1]}]}"#, "inputs[0].data"),
        (#"{"inputs":[{"name":"pixels","shape":[1,2],"datatype":"FP32","data":[1,2]}]}"#, "[batch, 64]"),
        (#"{"inputs":[{"name":"pixel","shape":[1],"datatype":"FP32","data":[1]}]}"#, "\"pixel\""),
        (#"{"inputs":[{"name":"pixels","shape":[1],"datatype":"INT8","data":[1]}]}"#, "INT8"),
        (#"{"inputs":[{"name":"pixels","shape":[1],"datatype":"BYTES","data":["a"]}]}"#, "UNSUPPORTED_DATATYPE"),
    ])
    func `a request that cannot be answered is refused by field`(body: String, mentions: String) async throws {
        let output = try await BinaryRunner.run(["predict", DigitArrays.mlp, "--request", "-"], input: body)
        #expect(output.exitCode == 2)
        #expect(output.stdout.isEmpty)
        #expect(output.stderr.contains(mentions), "\(output.stderr)")
    }

    /// A pipeline of scikit-learn with columns of text and classes that are text; one category it has never seen.
    @Test func `strings go in and come out`() async throws {
        let model = Fixtures.root + "/Tests/Fixtures/onnx-ml/columns_logistic.onnx"
        let body = #"""
            {"inputs":[{"name":"weight","shape":[2,1],"datatype":"FP32","data":[1.5,-1]},
              {"name":"colour","shape":[2,1],"datatype":"BYTES","data":["grün","rot"]},
              {"name":"size","shape":[2,1],"datatype":"BYTES","data":[["XXL"],["S"]]}]}
            """#
        let output = try await BinaryRunner.run(["predict", model, "--request", "-"], input: body)
        #expect(output.exitCode == 0, "\(output.stderr)")
        let label = try output.document().member("outputs").elements()[0]
        #expect(try label.member("datatype").string() == "BYTES")
        let labels = try label.member("data").elements().map { try $0.string() }
        #expect(labels.count == 2 && labels.allSatisfy { ["ja", "nein"].contains($0) })
        let arrays = try await BinaryRunner.run(
            ["predict", model, "--request", "-", "--output", folder.path + "/out.npz"], input: body)
        #expect(arrays.exitCode != 0 && arrays.stderr.contains("string"), "\(arrays.stderr)")
    }

    @Test func `files that are not there or cannot be written`() async throws {
        let body = try DigitArrays(1).request()
        let model = DigitArrays.mlp
        let missing = try await BinaryRunner.run(["predict", model, "--request", "absent.json"])
        #expect(missing.exitCode == 4 && missing.stderr.contains("absent.json"))
        let arrays = try await BinaryRunner.run(["predict", model, "--inputs", "absent.npz"])
        #expect(arrays.exitCode == 4 && arrays.stderr.contains("absent.npz"))
        for name in ["no/such/folder/out.json", "no/such/folder/out.npz"] {
            let output = try await BinaryRunner.run(
                ["predict", model, "--request", "-", "--output", name], input: body)
            #expect(output.exitCode == 2)
            #expect(output.stderr.contains(name) && output.stderr.contains("No such file"), "\(output.stderr)")
        }
    }

    @Test func `model files that cannot be used`() async throws {
        func predict(_ model: String) async throws -> BinaryRunner.Output {
            try await BinaryRunner.run(["predict", model, "--request", "-"], input: DigitArrays(1).request())
        }
        let absent = try await predict("absent.h5")
        #expect(absent.exitCode == 4 && absent.stderr.contains("absent.h5"))

        let whole = try Data(contentsOf: URL(filePath: DigitArrays.mlp))
        let contents: [(name: String, bytes: Data, mentions: [String])] = [
            ("truncated.h5", whole.prefix(whole.count / 2), []),
            ("start.h5", whole.prefix(100), []),
            ("empty.h5", Data(), ["empty"]),
            ("text.h5", Data("weights".utf8), ["unknown format", ".h5"]),
            (
                "model.keras", Data([0x50, 0x4B, 3, 4] + Array(repeating: 0, count: 60)),
                [".keras", "the zip archive cannot be opened"]
            ),
        ]
        for (name, bytes, mentions) in contents {
            let path = "\(folder.path)/\(name)"
            try bytes.write(to: URL(filePath: path))
            let output = try await predict(path)
            #expect(output.exitCode == 2, "\(name): \(output.stderr)")
            for word in mentions + [path] { #expect(output.stderr.contains(word), "\(output.stderr)") }
            // One message, not the library's own trace before it.
            #expect(output.stderr.split(separator: "\n").count == 1, "\(output.stderr)")
        }
        let directory = try await predict(folder.path)
        #expect(directory.exitCode == 2 && directory.stderr.contains("manifest.json"))
    }
}
