import Foundation
import JSONDocuments
import ModelFormats
import Serving
import TensorEngine
import TestSupport
import Testing

/// The demonstration's digits as arrays on disk, and Keras's answers.
struct DigitArrays {
    static let mlp = Fixtures.digits + "/mlp.h5"
    static let cnn = Fixtures.digits + "/cnn.h5"
    static let tolerance: Float = 1e-5

    let images: Tensor
    let pixels: Tensor

    /// The first `count` digits.
    init(_ count: Int) throws {
        let data = try NumPyArchive.read(Fixtures.digits + "/digits.npz")
        images = try #require(data.first { $0.name == "images" }).tensor.rows(0..<count)
        pixels = try #require(data.first { $0.name == "pixels" }).tensor.rows(0..<count)
    }

    /// A request of the first `count` digits for the MLP.
    func request(id: String = "r") throws -> String {
        let data = try pixels.elements(as: Float.self).map { "\($0)" }.joined(separator: ",")
        return #"{"id":"\#(id)","inputs":[{"name":"pixels","shape":[\#(pixels.shape[0]),64],"#
            + #""datatype":"FP32","data":[\#(data)]}]}"#
    }

    /// Compares probabilities with what Keras gave for the first digits.
    static func expectReference(
        _ found: [Float], model: String, count: Int, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let file = try NumPyArchive.read("\(Fixtures.digits)/\(model)_outputs.npz")
        let expected = try #require(file.first { $0.name == "probabilities" }).tensor.elements(as: Float.self)
        try #require(found.count == count * 10, sourceLocation: sourceLocation)
        for (found, expected) in zip(found, expected) {
            #expect(abs(found - expected) <= tolerance, sourceLocation: sourceLocation)
        }
    }

    /// The numbers of a response's only output, which must be the model's.
    static func probabilities(_ response: JSONCursor) throws -> [Float] {
        let outputs = try response.member("outputs").elements()
        try #require(outputs.count == 1)
        #expect(try outputs[0].member("name").string() == "probabilities")
        #expect(try outputs[0].member("datatype").string() == "FP32")
        return try outputs[0].member("data").elements().map { Float(try $0.number()) }
    }
}
