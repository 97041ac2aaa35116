import KafkaClient
import Logging
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
        var consumer = ConsumerConfiguration(
            kafka: try kafkaConfiguration(role: AbandonedTransactions.memberRole(instanceID: instanceID)),
            groupID: applicationID)
        if kafka.staticMembership { consumer.groupInstanceID = instanceID }
        consumer.sessionTimeout = kafka.sessionTimeout
        return consumer
    }

    func producerConfiguration() throws -> ProducerConfiguration {
        var producer = ProducerConfiguration(kafka: try kafkaConfiguration(role: "producer"))
        // A set of answers is flushed once it is enqueued; until then its first records wait for the last.
        producer.linger = .milliseconds(100)
        // A dead letter is as large as the request that it was.
        producer.maximumRecordBytes =
            max(limits.maximumRequestBytes, limits.maximumResultBytes) + Self.recordOverheadBytes
        return producer
    }

    /// The transactional id is the same after every restart of this instance and no other's: that is what fences a
    /// predecessor which is still alive.
    func transactionalProducerConfiguration() throws -> TransactionalProducerConfiguration {
        TransactionalProducerConfiguration(
            producer: try producerConfiguration(),
            transactionalID: AbandonedTransactions.transactionalID(group: applicationID, instanceID: instanceID))
    }

    /// The store of the bundles.
    /// - Throws: ``RegistryError/storeUnusable(path:reason:)``.
    func artifactStore(logger: Logger) throws -> any ArtifactStore {
        switch models.artifacts {
        case .directory: return try DirectoryArtifactStore(root: models.store)
        case .kafka:
            var store = KafkaArtifactStore.Configuration(
                kafka: try kafkaConfiguration(role: "artifacts"), topic: topics.artifacts, cache: models.store)
            store.replicationFactor = topics.replicationFactor
            return try KafkaArtifactStore(store, logger: logger)
        }
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
        var configuration = PipelineConfiguration(
            requestTopics: topics.requests, bindings: bindings,
            batching: .init(
                maximumRows: batching.maximumRows, maximumBytes: batching.maximumBytes,
                maximumDelay: batching.maximumDelay),
            limits: .init(
                maximumRows: pipeline.maximumRowsInFlight, maximumBytes: pipeline.maximumBytesInFlight),
            threadCount: pipeline.threads, shutdownDeadline: shutdownDeadline)
        configuration.maximumDeaths = recovery.attempts
        configuration.maximumModelWait = models.maximumWait
        configuration.maximumWaitingRequests = models.maximumWaiting
        return configuration
    }
}
