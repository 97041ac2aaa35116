package import KafkaClient

/// Compares an answer computed again with the recorded one, bit for bit.
package struct ResultComparison: Sendable {
    /// Headers that belong to the moment of the answer: its trace, its time, the event that made its version live.
    private static let momentary: Set<String> = [
        RecordHeaderName.traceparent, "tracestate", "ce_time", "millrace-activation",
    ]

    private let ignored: Set<String>

    /// - Parameter ignoredHeaders: names of further headers that may differ.
    package init(ignoringHeaders ignoredHeaders: Set<String> = []) {
        ignored = Self.momentary.union(ignoredHeaders)
    }

    /// What differs; empty when nothing does.
    package func differences(_ recomputed: ProducerRecord, from recorded: KafkaRecord) -> [ResultDifference.Field] {
        var fields: [ResultDifference.Field] = []
        let (own, other) = (recomputed.headers, recorded.headers)
        if recomputed.value != recorded.value {
            fields.append(ValueDifference.first(recomputed.value, own, recorded.value, other))
        }
        if recomputed.key != recorded.key {
            fields.append(.init("key", recorded: Self.text(recorded.key), recomputed: Self.text(recomputed.key)))
        }
        guard own != other else { return fields }
        let (found, expected) = (byName(own), byName(other))
        for name in Set(found.keys).union(expected.keys).sorted() where found[name] != expected[name] {
            fields.append(
                .init("header \(name)", recorded: Self.list(expected[name]), recomputed: Self.list(found[name])))
        }
        return fields
    }

    private func byName(_ headers: [KafkaHeader]) -> [String: [ArraySlice<UInt8>?]] {
        var found: [String: [ArraySlice<UInt8>?]] = [:]
        for header in headers where !ignored.contains(header.name) {
            found[header.name, default: []].append(header.value)
        }
        return found
    }

    private static func list(_ values: [ArraySlice<UInt8>?]?) -> String {
        guard let values else { return "absent" }
        return values.map(text).joined(separator: ", ")
    }

    private static func text(_ bytes: ArraySlice<UInt8>?) -> String {
        guard let bytes else { return "null" }
        return String(validating: bytes.prefix(256), as: UTF8.self).map { "\"\($0)\"" } ?? "\(bytes.count) bytes"
    }
}
