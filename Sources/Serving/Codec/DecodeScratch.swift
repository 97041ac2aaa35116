import CSimdJSON
import JSONDocuments

/// The reusable memory of a decoding thread: simdjson's parser and its buffers. One thread at a time uses it.
///
/// It grows with the largest request and gives the memory of a rare huge one back.
public final class DecodeScratch {
    /// Documents up to this length keep their buffers for the next one (about ten times their length).
    private static let retainedBytes = 1 << 20
    /// Malformed documents up to this length are read a second time, to say where they break.
    private static let explainedBytes = 64 << 10

    private var parser: OpaquePointer?
    private var limits: (bytes: Int, depth: Int) = (0, 0)

    public init() {}

    deinit { csj_parser_destroy(parser) }

    /// Parses `document` and lets `body` read it.
    func withDocument<Result>(
        _ document: UnsafeBufferPointer<UInt8>, limits: RequestLimits,
        _ body: (JSONElement) throws(DecodeFailure) -> Result
    ) throws(DecodeFailure) -> Result {
        if parser == nil || self.limits != (limits.maximumBytes, limits.maximumDepth) {
            csj_parser_destroy(parser)
            parser = csj_parser_create(limits.maximumBytes, limits.maximumDepth)
            self.limits = (limits.maximumBytes, limits.maximumDepth)
        }
        guard let parser else { throw DecodeFailure(.internal, "out of memory for the JSON parser") }
        defer { if document.count > Self.retainedBytes { csj_parser_shrink(parser) } }

        var root = csj_element()
        switch csj_parse(parser, document.baseAddress, document.count, &root) {
        case .ok: return try body(JSONElement(handle: root))
        case .not_utf8: throw .malformed("value: not UTF-8")
        case .too_deep:
            throw .tooLarge("value: arrays and objects are nested deeper than \(limits.maximumDepth) levels")
        case .too_large:
            throw .tooLarge("value: found \(document.count) bytes of JSON, expected at most \(limits.maximumBytes)")
        case .out_of_memory:
            throw DecodeFailure(.internal, "out of memory for \(document.count) bytes of JSON")
        case .malformed:
            throw .malformed(
                "value: not JSON: \(Self.place(of: document, limits) ?? String(cString: csj_parser_message(parser)))")
        case .number:
            let reason = "a number is malformed, or an integer beyond 64 bits (write it with an exponent)"
            throw .malformed("value: not JSON: \(Self.place(of: document, limits) ?? reason)")
        }
    }

    /// The line and column of the error as the document parser sees it: simdjson does not say.
    private static func place(of document: UnsafeBufferPointer<UInt8>, _ limits: RequestLimits) -> String? {
        guard document.count <= explainedBytes else { return nil }
        let limits = JSONLimits(
            maximumBytes: explainedBytes, maximumDepth: limits.maximumDepth, maximumValues: explainedBytes)
        do throws(JSONError) {
            _ = try JSONValue(parsing: document, limits: limits)
            return nil
        } catch {
            // What Python's json module writes for floats that JSON has no spelling for.
            let isPython = ["'NaN'", "'Infinity'", "'-'"].contains { error.message.hasSuffix($0) }
            return error.description + (isPython ? " (write NaN and infinities as strings: \"NaN\")" : "")
        }
    }
}
