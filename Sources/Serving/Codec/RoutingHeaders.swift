import ModelRegistry

/// What the headers say about a request, besides how its value is written.
struct RoutingHeaders {
    let model: ModelReference?
    let deadline: Int64?
    let traceparent: String?

    /// The model by precedence: `millrace-model`, `mlserver-model`, the body. A `millrace-version` without
    /// `millrace-model` qualifies the body's model. An empty header counts as absent. Headers that decide nothing are not
    /// looked at, whatever they hold.
    init(
        _ headers: some HeaderFields, bodyModel: String?, bodyVersion: String?, limits: RequestLimits
    ) throws(DecodeFailure) {
        let reader = HeaderReader(limits: limits)
        let deadline = headers.firstValue(named: HeaderName.expiryTime)
        if let deadline, !deadline.isEmpty {
            guard let milliseconds = Timestamp.milliseconds(rfc3339: deadline) else {
                throw .malformed(
                    "header \(HeaderName.expiryTime): found \(HeaderReader.summary(deadline)), expected an RFC 3339 time"
                )
            }
            self.deadline = milliseconds
        } else {
            self.deadline = nil
        }
        traceparent = headers.firstValue(named: HeaderName.traceparent).flatMap(HeaderReader.traceparent)

        if let name = try reader.text(headers, HeaderName.model) {
            model = Self.reference(name, try reader.text(headers, HeaderName.version))
        } else if let name = try reader.text(headers, HeaderName.mlserverModel) {
            model = Self.reference(name, try reader.text(headers, HeaderName.mlserverVersion))
        } else if let bodyModel {
            model = Self.reference(bodyModel, try reader.text(headers, HeaderName.version) ?? bodyVersion)
        } else if let version = try reader.text(headers, HeaderName.version) {
            throw .malformed(
                "header \(HeaderName.version): found \(quoted(version)) without a model, "
                    + "expected \(HeaderName.model) as well")
        } else if bodyVersion != nil {
            throw .malformed("model_version: found without a model, expected model_name as well")
        } else {
            model = nil
        }
    }

    private static func reference(_ name: String, _ version: String?) -> ModelReference {
        guard let version, !version.isEmpty else { return ModelReference(name: name) }
        return ModelReference(name: name, version: VersionSelector(parsing: version))
    }
}

/// Reads single header values.
struct HeaderReader {
    let limits: RequestLimits

    /// The value as text; nil when absent or empty.
    func text(_ headers: some HeaderFields, _ name: String) throws(DecodeFailure) -> String? {
        guard let bytes = headers.firstValue(named: name), !bytes.isEmpty else { return nil }
        guard bytes.count <= limits.maximumNameBytes else {
            throw .tooLarge("header \(name): found \(bytes.count) bytes, expected at most \(limits.maximumNameBytes)")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .malformed("header \(name): not UTF-8")
        }
        return text
    }

    /// A number of bytes; nil when absent.
    func length(_ headers: some HeaderFields, _ name: String) throws(DecodeFailure) -> Int? {
        guard let bytes = headers.firstValue(named: name) else { return nil }
        let isDecimal = !bytes.isEmpty && bytes.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard isDecimal, let length = Int(String(decoding: bytes.prefix(32), as: UTF8.self)), bytes.count <= 32 else {
            throw .malformed("header \(name): found \(Self.summary(bytes)), expected a number of bytes")
        }
        return length
    }

    /// A W3C `traceparent` of any version, or nil: the specification has receivers ignore a malformed one.
    static func traceparent(_ bytes: ArraySlice<UInt8>) -> String? {
        guard bytes.count >= 55, bytes.count <= 512 else { return nil }
        let start = bytes.startIndex
        let dashes: Set<Int> = [2, 35, 52]
        for (index, byte) in bytes[start..<(start + 55)].enumerated() {
            let isHexadecimal =
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
            guard dashes.contains(index) ? byte == UInt8(ascii: "-") : isHexadecimal else { return nil }
        }
        func isZero(_ range: Range<Int>) -> Bool {
            bytes[(start + range.lowerBound)..<(start + range.upperBound)].allSatisfy { $0 == UInt8(ascii: "0") }
        }
        let version = bytes[start..<(start + 2)]
        // All-zero trace and parent ids and version ff are invalid; version 00 ends after the flags.
        guard !isZero(3..<35), !isZero(36..<52), !version.elementsEqual("ff".utf8),
            bytes.count == 55 || (!isZero(0..<2) && bytes[start + 55] == UInt8(ascii: "-"))
        else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }

    static func summary(_ bytes: ArraySlice<UInt8>) -> String {
        String(validating: bytes.prefix(256), as: UTF8.self).map(quoted) ?? "\(bytes.count) bytes that are not UTF-8"
    }
}
