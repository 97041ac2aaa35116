import KafkaClient
import ModelRegistry
import Serving

// The configuration as the parts of the service take it.
extension MillraceConfiguration {
    /// Room for the key and headers of a record beside its value.
    private static let recordOverheadBytes = 1 << 20

    /// The brokers as the client library takes them.
    var bootstrapServers: String { kafka.bootstrapServers.joined(separator: ",") }

    func kafkaConfiguration(role: String) throws -> KafkaConfiguration {
        try KafkaConfiguration(
            bootstrapServers: bootstrapServers, clientID: "\(kafka.clientID)-\(role)",
            properties: kafka.properties)
    }

    func consumerConfiguration() throws -> ConsumerConfiguration {
        ConsumerConfiguration(kafka: try kafkaConfiguration(role: "consumer"), groupID: applicationID)
    }

    func producerConfiguration() throws -> ProducerConfiguration {
        var producer = ProducerConfiguration(kafka: try kafkaConfiguration(role: "producer"))
        // A dead letter is as large as the request that it was.
        producer.maximumRecordBytes =
            max(limits.maximumRequestBytes, limits.maximumResultBytes) + Self.recordOverheadBytes
        return producer
    }

    var requestLimits: RequestLimits {
        var request = RequestLimits()
        request.maximumBytes = limits.maximumRequestBytes
        request.maximumInputs = limits.maximumInputs
        request.maximumElements = limits.maximumElements
        request.maximumResponseBytes = limits.maximumResultBytes
        return request
    }

    var pipelineConfiguration: PipelineConfiguration {
        PipelineConfiguration(
            requestTopics: topics.requests, bindings: bindings,
            batching: .init(
                maximumRows: batching.maximumRows, maximumBytes: batching.maximumBytes,
                maximumDelay: batching.maximumDelay),
            limits: .init(
                maximumRows: pipeline.maximumRowsInFlight, maximumBytes: pipeline.maximumBytesInFlight),
            threadCount: pipeline.threads, shutdownDeadline: shutdownDeadline)
    }
}
