import JSONDocuments
import KafkaClient
import Serving

/// Writes to the topic of training requests.
enum TrainingSender {
    /// Where a record is.
    struct Place: Sendable, CustomStringConvertible {
        let partition: TopicPartition
        let offset: Int64

        var description: String { "\(partition)/\(offset)" }
    }

    /// - Parameters:
    ///   - model: the record's key, so that a model's jobs are one after the other.
    ///   - job: the id of the job that the value asks for; nil for what asks for none.
    ///   - partition: nil for the key's.
    /// - Throws: ``CommandFailure`` or ``KafkaError`` when the brokers do not take it.
    static func send(
        _ tool: ClusterTool, topic: String, model: String, value: JSONValue, job: String?, partition: Int32? = nil,
        timeout: Double
    ) async throws -> Place {
        var headers = [KafkaHeader("content-type", "application/json")]
        if let job { headers.append(KafkaHeader(TrainingTopicOptions.jobHeader, job)) }
        var delivery = try tool.configuration.producerConfiguration()
        delivery.deliveryTimeout = .seconds(max(1, timeout))
        let producer = try KafkaProducer(delivery, logger: tool.logger)
        let record = ProducerRecord(
            topic: topic, partition: partition, key: Array(model.utf8)[...], value: value.serialized()[...],
            headers: headers)
        let reports: Result<[DeliveryReport], any Error>
        do { reports = .success(try await producer.produce([record])) } catch { reports = .failure(error) }
        await producer.close(deadline: .seconds(2))
        switch try reports.get().first {
        case .delivered(let position, let offset)?: return Place(partition: position, offset: offset)
        case .failed(let error)?: throw error
        case nil: throw CommandFailure(.broker, "\(topic): the brokers did not say whether they took the record")
        }
    }
}
