import FoundationEssentials
import Serving
import SwiftProtobuf
import Testing

typealias ProtobufRequest = Inference_ModelInferRequest

let protobufHeaders: TestHeaders = ["content-type": "application/x-protobuf"]

extension Inference_ModelInferRequest {
    /// A request with the id `r` and one input `x`.
    static func one(
        _ datatype: String, _ shape: [Int64], raw: [UInt8]? = nil,
        _ fill: (inout Inference_InferTensorContents) -> Void = { _ in }
    ) -> Self {
        var request = Inference_ModelInferRequest()
        request.id = "r"
        request.inputs = [
            .with {
                $0.name = "x"; $0.datatype = datatype; $0.shape = shape
            }
        ]
        var contents = Inference_InferTensorContents()
        fill(&contents)
        if contents != Inference_InferTensorContents() { request.inputs[0].contents = contents }
        if let raw { request.rawInputContents = [.init(raw)] }
        return request
    }

    var bytes: [UInt8] {
        get throws { try serializedBytes() }
    }
}

/// The error of a protobuf request that must not decode.
func failure(
    _ request: ProtobufRequest, limits: RequestLimits = RequestLimits(),
    sourceLocation: SourceLocation = #_sourceLocation
) throws -> RequestError? {
    failure(try request.bytes, protobufHeaders, limits: limits, sourceLocation: sourceLocation)
}
