import JSONDocuments
import KafkaClient
import ModelFormats
import Serving
import TensorEngine
import TestSupport
import Testing

/// The handwritten digits as request bodies, and Keras's answers to compare with.
struct DigitsRequests {
    static let mlpInput = "pixels"
    static let tolerance = 1e-5

    let images: [Float]
    let mlpReference: [Float]
    let count: Int

    init() throws {
        let data = try NumPyArchive.read(Fixtures.digits + "/digits.npz")
        let images = try #require(data.first { $0.name == "images" }).tensor
        self.images = try images.elements(as: Float.self)
        count = images.shape[0]
        let reference = try NumPyArchive.read(Fixtures.digits + "/mlp_outputs.npz")
        mlpReference = try #require(reference.first { $0.name == "probabilities" }).tensor.elements(as: Float.self)
    }

    func pixels(_ image: Int) -> ArraySlice<Float> { images[(image * 64)..<(image * 64 + 64)] }

    /// One request of one row for the MLP.
    func mlpBody(_ image: Int, id: String) throws -> String { try mlpBody([image], id: id) }

    /// One request of several rows.
    func mlpBody(_ rows: [Int], id: String) throws -> String {
        let data = rows.flatMap { pixels($0) }.map { "\($0)" }.joined(separator: ",")
        return #"{"id":"\#(id)","inputs":[{"name":"\#(Self.mlpInput)","shape":[\#(rows.count),64],"#
            + #""datatype":"FP32","data":[\#(data)]}]}"#
    }

    /// The probabilities of a result, all rows.
    func probabilities(_ record: KafkaRecord) throws -> [Double] {
        let document = JSONCursor(try JSONValue(parsing: Array(record.value ?? [])), path: "result")
        let output = try #require(try document.member("outputs").elements().first)
        return try output.member("data").elements().map { try $0.number() }
    }

    func expectMLPAnswer(
        _ record: KafkaRecord, image: Int, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        try expectMLPAnswer(record, rows: [image], sourceLocation: sourceLocation)
    }

    func expectMLPAnswer(
        _ record: KafkaRecord, rows: [Int], sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let found = try probabilities(record)
        let expected = rows.flatMap { mlpReference[($0 * 10)..<($0 * 10 + 10)] }.map(Double.init)
        try #require(found.count == expected.count, sourceLocation: sourceLocation)
        for (found, expected) in zip(found, expected) {
            #expect(abs(found - expected) <= Self.tolerance, sourceLocation: sourceLocation)
        }
    }
}
