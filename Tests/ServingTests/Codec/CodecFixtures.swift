import Serving
import TensorEngine
import TestSupport
import Testing

struct TestHeaders: HeaderFields, ExpressibleByDictionaryLiteral {
    var fields: [String: [UInt8]]

    init(_ fields: [String: [UInt8]]) { self.fields = fields }

    init(dictionaryLiteral elements: (String, String)...) {
        fields = Dictionary(uniqueKeysWithValues: elements.map { ($0, Array($1.utf8)) })
    }

    func firstValue(named name: String) -> ArraySlice<UInt8>? { fields[name].map { $0[...] } }
}

let codec = RequestCodec()

func decode(
    _ text: String, _ headers: TestHeaders = [:], limits: RequestLimits = RequestLimits()
) throws(RequestError) -> InferenceRequest {
    try decode(Array(text.utf8), headers, limits: limits)
}

func decode(
    _ bytes: [UInt8]?, _ headers: TestHeaders = [:], limits: RequestLimits = RequestLimits()
) throws(RequestError) -> InferenceRequest {
    try RequestCodec(limits: limits).decode(value: bytes.map { $0[...] }, headers: headers, using: DecodeScratch())
}

/// The error of a request that must not decode.
func failure(
    _ bytes: [UInt8]?, _ headers: TestHeaders = [:], limits: RequestLimits = RequestLimits(),
    sourceLocation: SourceLocation = #_sourceLocation
) -> RequestError? {
    do throws(RequestError) {
        _ = try decode(bytes, headers, limits: limits)
        Issue.record("decoded, expected an error", sourceLocation: sourceLocation)
        return nil
    } catch {
        return error
    }
}

func failure(
    _ text: String, _ headers: TestHeaders = [:], limits: RequestLimits = RequestLimits(),
    sourceLocation: SourceLocation = #_sourceLocation
) -> RequestError? {
    failure(Array(text.utf8), headers, limits: limits, sourceLocation: sourceLocation)
}

/// A request with one input `x`.
func oneInput(_ datatype: String, _ shape: String, _ data: String) -> String {
    #"{"id":"r","inputs":[{"name":"x","shape":\#(shape),"datatype":"\#(datatype)","data":\#(data)}]}"#
}

func bytes(of tensor: Tensor) -> [UInt8] { tensor.withBytes { Array($0) } }

func text(_ message: EncodedMessage) -> String { String(decoding: message.value, as: UTF8.self) }

/// JSON followed by raw bytes, with the header that says where the JSON ends.
func withBinary(_ json: String, _ tail: [UInt8], contentType: String? = nil) -> (value: [UInt8], headers: TestHeaders) {
    var headers: TestHeaders = ["inference-header-content-length": String(json.utf8.count)]
    headers.fields["content-type"] = contentType.map { Array($0.utf8) }
    return (Array(json.utf8) + tail, headers)
}
