import JSONDocuments
package import KafkaClient

/// A record of the request topic: a job, or the wish to end one.
package struct TrainingCommand: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        /// Whether it can be read at all is found out when it is begun.
        case request
        case cancel
    }

    static let jobHeader = "millrace-job"
    /// Of a job's id.
    static let maximumJobBytes = 249

    package let position: RecordPosition
    package let kind: Kind
    /// The job's id: the one to end, or the request's own.
    package let job: String
    /// Whether the sender chose the id.
    package let isNamed: Bool
    /// Milliseconds since 1970-01-01 UTC, by the broker or the producer.
    package let timestamp: Int64?
    /// The model's name, by the record's key.
    package let model: String
    /// The request; empty of a cancellation and of a request that is too large.
    package let value: [UInt8]
    /// Why the request is not looked at.
    package let refusal: String?

    package init(
        position: RecordPosition, kind: Kind, job: String, isNamed: Bool = false, timestamp: Int64? = nil,
        model: String = "", value: [UInt8] = [], refusal: String? = nil
    ) {
        self.position = position
        self.kind = kind
        self.job = job
        self.isNamed = isNamed
        self.timestamp = timestamp
        self.model = model
        self.value = value
        self.refusal = refusal
    }

    /// - Parameter maximumBytes: of a request; the value of a larger one is not kept.
    package init(_ record: KafkaRecord, maximumBytes: Int) {
        position = RecordPosition(record.topicPartition, offset: record.offset)
        timestamp = record.timestamp
        // A copy: the record would hold its neighbours' bytes too.
        let count = record.value?.count ?? 0
        let bytes = count <= maximumBytes ? Array(record.value ?? []) : []
        model = String(decoding: (record.key ?? []).prefix(Self.maximumJobBytes), as: UTF8.self)
        refusal = count <= maximumBytes ? nil : "found \(count) bytes, at most \(maximumBytes) are allowed"
        if let job = Self.cancelled(bytes) {
            (kind, self.job, isNamed, value) = (.cancel, job, true, [])
            return
        }
        let header = record.firstHeaderValue(ignoringCase: Self.jobHeader).map { String(decoding: $0, as: UTF8.self) }
        kind = .request
        value = bytes
        if let header, (1...Self.maximumJobBytes).contains(header.utf8.count) {
            (job, isNamed) = (header, true)
        } else {
            (job, isNamed) = ("\(record.topicPartition)/\(record.offset)", false)
        }
    }

    /// Of `{"cancel": "<job>"}`. Cancellations are short: a long value is not looked at twice.
    private static func cancelled(_ bytes: [UInt8]) -> String? {
        guard bytes.count <= 4096, let json = try? JSONValue(parsing: bytes), case .object(let members) = json,
            members.count == 1, case .string(let job)? = members["cancel"]
        else { return nil }
        return job
    }
}
