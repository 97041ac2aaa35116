import CRdKafka
import Logging

/// Owns one `rd_kafka_t`. Every use goes through ``use(_:_:)``, which keeps the client alive for the length of the call;
/// destruction waits for the calls under way.
final class ClientHandle: @unchecked Sendable {
    struct Usage {
        var isClosing = false
        var isDestroying = false
        var users = 0
    }

    private let client: OpaquePointer
    /// Held twice: here, and by librdkafka through its opaque pointer until the client has been destroyed.
    private let context: ClientContext
    private let usage = Monitor(Usage())
    let logger: Logger

    /// - Parameters:
    ///   - events: `RD_KAFKA_EVENT_…` types that are served as events instead of callbacks.
    ///   - isPolled: whether somebody serves the client's queue. Without that, errors must be logged instead, or they
    ///     would pile up there.
    /// - Throws: ``KafkaConfigurationError``, or ``KafkaError`` when the combination of properties is refused.
    init(
        _ type: rd_kafka_type_t, properties: NativeProperties, logger: Logger,
        wake: @escaping @Sendable () -> Void = {},
        events: Int32 = 0, isPolled: Bool = true
    ) throws {
        self.logger = logger
        let context = ClientContext(
            logger: logger, redactor: properties.redactor, clientID: properties.clientID, wake: wake)
        guard let configuration = rd_kafka_conf_new() else {
            throw KafkaError("create client", RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE)
        }
        var isConsumed = false
        defer { if !isConsumed { rd_kafka_conf_destroy(configuration) } }
        for entry in properties.entries {
            try Self.set(entry, on: configuration, redactor: properties.redactor)
        }
        rd_kafka_conf_set_log_cb(configuration, logCallback)
        if isPolled { rd_kafka_conf_set_error_cb(configuration, errorCallback) }
        if events != 0 { rd_kafka_conf_set_events(configuration, events) }
        let retained = Unmanaged.passRetained(context)
        rd_kafka_conf_set_opaque(configuration, retained.toOpaque())
        let (created, reason) = withErrorString { rd_kafka_new(type, configuration, $0, $1) }
        guard let created else {
            retained.release()
            // The text quotes the property or properties that do not go together.
            let key = properties.entries.map(\.key).first { reason.contains("`\($0)`") }
            throw KafkaConfigurationError(
                key: key ?? "(combination of properties)", reason: properties.redactor.redact(reason))
        }
        isConsumed = true
        client = created
        self.context = context
    }

    private static func set(
        _ entry: NativeProperties.Entry, on configuration: OpaquePointer, redactor: SecretRedactor
    ) throws {
        let (result, reason) = withErrorString {
            rd_kafka_conf_set(configuration, entry.key, entry.value, $0, $1)
        }
        switch result {
        case RD_KAFKA_CONF_OK: return
        case RD_KAFKA_CONF_UNKNOWN where entry.isOptional: return
        default: throw KafkaConfigurationError(key: entry.key, reason: redactor.redact(reason))
        }
    }

    func redact(_ text: String) -> String { context.redactor.redact(text) }

    var metrics: ClientMetrics { context.metrics }

    /// The opaque pointer that librdkafka's queue callback gets.
    var callbackContext: UnsafeMutableRawPointer { Unmanaged.passUnretained(context).toOpaque() }

    /// Calls `body` with the client, which lives until it returns.
    ///
    /// - Throws: ``KafkaError`` (`isClosed`) after closing began.
    func use<Result>(_ operation: @autoclosure () -> String, _ body: (OpaquePointer) throws -> Result) throws -> Result
    {
        let isOpen = usage.withLock { usage in
            if usage.isClosing { return false }
            usage.users += 1
            return true
        }
        guard isOpen else { throw KafkaError.closed(operation()) }
        defer { usage.withLock { $0.users -= 1 } }
        return try body(client)
    }

    /// Refuses new calls from now on.
    func beginClosing() { usage.withLock { $0.isClosing = true } }

    /// Refuses new calls, waits for those under way, runs `last` with the client, and destroys it.
    ///
    /// Blocks; call once, on a blocking thread.
    func destroy(flags: Int32 = 0, _ last: (OpaquePointer) -> Void = { _ in }) {
        let isFirst = usage.withLock { usage in
            defer { (usage.isClosing, usage.isDestroying) = (true, true) }
            return !usage.isDestroying
        }
        guard isFirst else { return }
        usage.wait(while: { $0.users > 0 }) { _ in }
        last(client)
        rd_kafka_destroy_flags(client, flags)
        Unmanaged.passUnretained(context).release()
    }

    /// The error that made the client unusable, when there is one.
    func fatalError(_ operation: String, _ client: OpaquePointer) -> KafkaError? {
        let (code, reason) = withErrorString { rd_kafka_fatal_error(client, $0, $1) }
        guard code != RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
        return KafkaError(operation, code, reason: reason, isFatal: true)
    }
}

/// Calls `body` with a buffer for librdkafka's error text and returns the text with the result.
func withErrorString<Result>(_ body: (UnsafeMutablePointer<CChar>?, Int) -> Result) -> (Result, String) {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { buffer in
        buffer.initialize(repeating: 0)
        let result = body(buffer.baseAddress, buffer.count)
        let text = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return (result, String(decoding: text, as: UTF8.self))
    }
}
