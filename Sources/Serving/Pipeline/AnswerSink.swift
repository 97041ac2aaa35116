package import KafkaClient

/// What became of a set of answers.
package enum PublishOutcome: Sendable {
    case committed
    /// None of it counts: read the requests again and answer them anew.
    case aborted(KafkaError)
    /// This process cannot go on: another one took its place, or the client is beyond repair.
    case fatal(KafkaError)
}

/// Publishes a set of answers together with the offsets that they answer.
package protocol AnswerSink: Sendable {
    /// - Parameter membership: the group membership under which the requests were read; nil when the group had none to
    ///   give.
    func publish(_ set: AnswerSet, under membership: ConsumerGroupMetadata?) async -> PublishOutcome
}
