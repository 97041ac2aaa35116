/// A failure that librdkafka or a broker reported.
public struct KafkaError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The call or event that failed, with its object where there is one: `commit transaction`, `seek requests/3`.
    public var operation: String
    /// A Kafka protocol error code, or a negative code of librdkafka's own.
    public var code: Int32
    /// The code's name: `MSG_SIZE_TOO_LARGE`, `_TIMED_OUT`.
    public var name: String
    public var reason: String
    /// The client instance cannot go on; only a new one can.
    public var isFatal: Bool
    /// The same call with the same arguments may succeed.
    public var isRetriable: Bool
    /// The current transaction must be aborted.
    public var requiresAbort: Bool
    /// Which of the records handed over caused it, where one did.
    public var recordIndex: Int?

    public init(
        operation: String, code: Int32, name: String, reason: String,
        isFatal: Bool = false, isRetriable: Bool = false, requiresAbort: Bool = false, recordIndex: Int? = nil
    ) {
        self.operation = operation
        self.code = code
        self.name = name
        self.reason = reason
        self.isFatal = isFatal
        self.isRetriable = isRetriable
        self.requiresAbort = requiresAbort
        self.recordIndex = recordIndex
    }

    public var description: String {
        var text = "\(operation): \(reason) (\(name)"
        if isFatal { text += ", fatal" }
        if requiresAbort { text += ", requires abort" }
        if isRetriable { text += ", retriable" }
        if let recordIndex { text += ", record \(recordIndex)" }
        return text + ")"
    }
}
