import CRdKafka
import Logging

/// What librdkafka's callbacks reach through the client's opaque pointer. Lives until the client has been destroyed.
final class ClientContext: Sendable {
    let logger: Logger
    let redactor: SecretRedactor
    let metrics: ClientMetrics
    let wake: @Sendable () -> Void

    init(logger: Logger, redactor: SecretRedactor, clientID: String, wake: @escaping @Sendable () -> Void) {
        self.logger = logger
        self.redactor = redactor
        metrics = ClientMetrics(clientID: clientID)
        self.wake = wake
    }
}

// The callbacks are file-level functions: they run on librdkafka's threads, where a closure written in an isolated
// context would fail its isolation check.

func logCallback(
    _ client: OpaquePointer?, _ level: Int32, _ facility: UnsafePointer<CChar>?, _ message: UnsafePointer<CChar>?
) {
    guard let client, let opaque = rd_kafka_opaque(client), let message else { return }
    let context = Unmanaged<ClientContext>.fromOpaque(opaque).takeUnretainedValue()
    let text = context.redactor.redact(String(cString: message))
    let facility = facility.map { String(cString: $0) } ?? ""
    // Set by ``ConsumerConfiguration``, and heeded by consumers whatever the library says of it at each start.
    let isOwn = facility == "CONFWARN" && text.contains("property retry.backoff.ms is a producer property")
    context.logger.log(
        level: isOwn ? .debug : loggerLevel(syslog: level), "librdkafka",
        metadata: [
            "facility": "\(facility)", "message": "\(text)",
            "client": "\(context.redactor.redact(rd_kafka_name(client).map { String(cString: $0) } ?? ""))",
        ])
}

func errorCallback(
    _ client: OpaquePointer?, _ code: Int32, _ reason: UnsafePointer<CChar>?, _ opaque: UnsafeMutableRawPointer?
) {
    guard let opaque else { return }
    let context = Unmanaged<ClientContext>.fromOpaque(opaque).takeUnretainedValue()
    context.metrics.errorOccurred()
    let error = KafkaError(
        "client", rd_kafka_resp_err_t(rawValue: code), reason: reason.map { String(cString: $0) })
    context.logger.log(
        level: error.isFatal ? .error : .warning, "Kafka client error",
        metadata: ["error": "\(context.redactor.redact(error.description))"])
}

/// Called on a librdkafka thread when something is put in an empty queue; must not call librdkafka.
func queueCallback(_ client: OpaquePointer?, _ opaque: UnsafeMutableRawPointer?) {
    guard let opaque else { return }
    Unmanaged<ClientContext>.fromOpaque(opaque).takeUnretainedValue().wake()
}

func loggerLevel(syslog level: Int32) -> Logger.Level {
    switch level {
    case ...2: .critical
    case 3: .error
    case 4: .warning
    case 5: .notice
    case 6: .info
    default: .debug
    }
}
