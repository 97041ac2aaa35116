package import KafkaClient
package import ModelRegistry

/// A result as the log holds it, and what its provenance headers say of where it came from.
package struct RecordedResult: Sendable {
    package let record: KafkaRecord
    /// The request that it answers.
    package let source: RecordPosition

    /// Nil for a record without provenance: whoever wrote it, it is not a result.
    package init?(_ record: KafkaRecord) {
        guard let source = record.firstHeaderValue(ignoringCase: RecordHeaderName.source).flatMap(RecordPosition.init)
        else { return nil }
        self.record = record
        self.source = source
    }

    package func text(_ header: String) -> String? {
        record.firstHeaderValue(ignoringCase: header).map { String(decoding: $0, as: UTF8.self) }
    }

    /// `ok` or an error's code.
    package var status: String? { text(RecordHeaderName.status) }

    package var isPrediction: Bool {
        record.firstHeaderValue(ignoringCase: RecordHeaderName.status)?.elementsEqual("ok".utf8) == true
    }

    /// The version that answered; nil for an error, which no version gave.
    package var version: ModelVersion.Identity? {
        guard let name = text(RecordHeaderName.model), let number = text(RecordHeaderName.version).flatMap({ Int($0) })
        else { return nil }
        return ModelVersion.Identity(name: name, number: number)
    }

    /// Where the result itself lies.
    package var position: RecordPosition { record.position }
}

extension RecordPosition: Comparable, CustomStringConvertible {
    /// `topic/partition/offset`, as headers and command lines write it; a topic's name holds no slash.
    package init?(parsing text: some Collection<UInt8>) {
        let parts = text.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty, parts[0].count <= 249,
            let partition = Self.number(parts[1]).flatMap({ Int32(exactly: $0) }), let offset = Self.number(parts[2])
        else { return nil }
        self.init(
            TopicPartition(topic: String(decoding: parts[0], as: UTF8.self), partition: partition), offset: offset)
    }

    package init?(_ text: ArraySlice<UInt8>) { self.init(parsing: text) }

    private static func number(_ digits: some Collection<UInt8>) -> Int64? {
        guard !digits.isEmpty, digits.count <= 19 else { return nil }
        var value: Int64 = 0
        for byte in digits {
            guard case let digit = byte &- UInt8(ascii: "0"), digit < 10 else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carries) = product.addingReportingOverflow(Int64(digit))
            guard !overflow, !carries else { return nil }
            value = sum
        }
        return value
    }

    package var description: String { "\(topicPartition)/\(offset)" }

    package static func < (left: Self, right: Self) -> Bool {
        (left.topicPartition, left.offset) < (right.topicPartition, right.offset)
    }
}
