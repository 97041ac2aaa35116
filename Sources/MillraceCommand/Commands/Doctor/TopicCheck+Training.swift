import KafkaClient

/// A topic of training, against what jobs need of it.
struct TrainingTopic: Sendable, Equatable {
    enum Use: Sendable {
        case requests, events, tasks, lineage
    }

    let use: Use
    /// Of the largest value that the service takes or writes; nil for small ones.
    var bytes: Int?
    /// How long a job may take; nil for no limit.
    var deadline: Duration?
}

extension TopicCheck {
    /// How long records are to be kept where a job may take as long as it likes.
    private static let commonRetention = Duration.seconds(86_400)

    func trainingFindings(_ topic: TrainingTopic, _ entries: [String: ConfigurationEntry]) -> [Finding] {
        [policy(topic, entries), retention(topic, entries), size(topic, entries)].compactMap { $0 }
    }

    private func policy(_ topic: TrainingTopic, _ entries: [String: ConfigurationEntry]) -> Finding? {
        guard let policy = entries["cleanup.policy"]?.value, policy.contains("compact") else { return nil }
        let (level, loss): (Finding.Level, String) =
            switch topic.use {
            case .requests: (.error, "of a model's requests all but the last are deleted")
            case .events:
                (.error, "of a job's events all but the last are deleted: no other instance can go on with it")
            case .tasks: (.warning, "fits of jobs that are over are kept")
            case .lineage: (.warning, "of a run's events all but the last are deleted")
            }
        return Finding(
            level, subject, "cleanup.policy is \(policy): \(loss)", expected: "delete",
            fix: alter("cleanup.policy", "delete"))
    }

    private func retention(_ topic: TrainingTopic, _ entries: [String: ConfigurationEntry]) -> Finding? {
        guard topic.use != .lineage, let kept = entries["retention.ms"]?.value.flatMap({ Int64($0) }), kept >= 0 else {
            return nil
        }
        let needed = topic.deadline ?? Self.commonRetention
        let milliseconds = Int64((needed / .milliseconds(1)).rounded(.up))
        guard kept < milliseconds else { return nil }
        let limit =
            topic.deadline == nil
            ? "jobs may take as long as they like (training.deadline-limit is 0)"
            : "a job may take \(milliseconds) ms (training.deadline-limit)"
        return Finding(
            topic.use == .events && topic.deadline != nil ? .error : .warning, subject,
            "retention.ms is \(kept), \(limit): what a job is would be deleted before it ends",
            expected: "\(milliseconds) or more", fix: alter("retention.ms", "\(milliseconds)"))
    }

    private func size(_ topic: TrainingTopic, _ entries: [String: ConfigurationEntry]) -> Finding? {
        // Key and headers come on top of the value.
        let overhead = 4096
        guard let bytes = topic.bytes, let limit = entries["max.message.bytes"]?.value.flatMap({ Int($0) }),
            limit < bytes + overhead
        else { return nil }
        let (level, loss): (Finding.Level, String) =
            switch topic.use {
            case .requests:
                (.info, "requests in between cannot be sent, though training.maximum-request-bytes allows them")
            case .tasks: (.warning, "the folds and trials of a request in between cannot be written")
            case .events, .lineage:
                (.error, "events of up to \(bytes) bytes cannot be written, and their jobs not ended")
            }
        return Finding(
            level, subject, "max.message.bytes is \(limit): \(loss)", expected: "\(bytes + overhead) or more",
            fix: alter("max.message.bytes", "\(bytes + overhead)"))
    }
}
