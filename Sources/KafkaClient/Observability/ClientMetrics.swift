import Metrics

/// The counters of one client, created once and raised once per drain or batch.
struct ClientMetrics: Sendable {
    private let recordsConsumed: Counter
    private let bytesConsumed: Counter
    private let recordsProduced: Counter
    private let deliveryFailures: Counter
    private let errors: Counter

    init(clientID: String) {
        let dimensions = [("client", clientID)]
        recordsConsumed = Counter(label: "kafka_records_consumed", dimensions: dimensions)
        bytesConsumed = Counter(label: "kafka_bytes_consumed", dimensions: dimensions)
        recordsProduced = Counter(label: "kafka_records_produced", dimensions: dimensions)
        deliveryFailures = Counter(label: "kafka_delivery_failures", dimensions: dimensions)
        errors = Counter(label: "kafka_client_errors", dimensions: dimensions)
    }

    func consumed(records: Int, bytes: Int) {
        recordsConsumed.increment(by: records)
        bytesConsumed.increment(by: bytes)
    }

    func delivered(records: Int, failures: Int) {
        if records > 0 { recordsProduced.increment(by: records) }
        if failures > 0 { deliveryFailures.increment(by: failures) }
    }

    func errorOccurred() { errors.increment() }
}
