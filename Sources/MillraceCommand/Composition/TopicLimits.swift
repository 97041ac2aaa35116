import KafkaClient
import Logging

/// The largest records that the topics of the service's answers take (`max.message.bytes`). A larger one is refused by the
/// brokers, which is no answer to the request and would come again after every restart.
struct TopicLimits: Sendable {
    private static let property = "max.message.bytes"

    /// By topic, where the brokers tell.
    private(set) var recordBytes: [String: Int] = [:]

    /// A batch of records is refused by the same limit.
    var batchBytes: Int { recordBytes.values.min() ?? .max }

    /// Asks the brokers. Without an answer, as without permission, the configured limits alone hold.
    static func read(
        _ topics: MillraceConfiguration.Topics, with admin: KafkaAdmin, logger: Logger
    ) async -> TopicLimits {
        var limits = TopicLimits()
        let names = [topics.results] + topics.requests.map { $0 + topics.deadLetterSuffix }
        do {
            for (topic, answer) in try await admin.configurations(ofTopics: names) {
                limits.recordBytes[topic] = try answer.get()[property]?.value.flatMap { Int($0) }
            }
        } catch {
            logger.info("largest records of the topics unknown", metadata: ["error": "\(error)"])
        }
        return limits
    }
}
