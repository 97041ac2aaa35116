import KafkaClient
import ModelRegistry

/// Compares answers with the recorded ones instead of publishing them.
struct VerifyingSink: AnswerSink {
    let source: ReplaySource
    let log: ReplayLog
    let comparison: ResultComparison
    /// Where the encoder addresses results to; its dead letters go elsewhere.
    let resultsTopic: String

    func publish(_ set: AnswerSet, under membership: ConsumerGroupMetadata?) async -> PublishOutcome {
        var counted = ReplayLog.Snapshot()
        for record in set.records where record.topic == resultsTopic {
            guard let position = record.source else { continue }
            guard let entry = source.entry(at: position), let recorded = entry.recorded else { continue }
            counted.compared += 1
            if case .error = entry.precedent { counted.carried += 1 }
            let version = recorded.version?.description
            counted.versions[version ?? recorded.status ?? "", default: 0] += 1
            let fields = comparison.differences(record, from: recorded.record)
            if fields.isEmpty {
                counted.identical += 1
            } else if !log.isFull {
                log.add(.content(position, at: recorded.position, version: version, fields))
            }
        }
        log.count { total in
            total.compared += counted.compared
            total.identical += counted.identical
            total.carried += counted.carried
            total.versions.merge(counted.versions, uniquingKeysWith: +)
        }
        source.settle(set.offsets, count: set.requestCount)
        log.progressed()
        return .committed
    }
}

/// Publishes answers to a topic of their own, and no dead letters: those were written when the requests were answered.
struct ReplayTopicSink: AnswerSink {
    let source: ReplaySource
    let log: ReplayLog
    let inner: any AnswerSink
    let outputTopic: String

    func publish(_ set: AnswerSet, under membership: ConsumerGroupMetadata?) async -> PublishOutcome {
        var results = set
        // More than one record a request: some are dead letters.
        if set.records.count != set.requestCount {
            results.records = set.records.filter { $0.topic == outputTopic }
        }
        let outcome = await inner.publish(results, under: membership)
        if case .committed = outcome {
            source.settle(set.offsets, count: set.requestCount)
            log.progressed()
        }
        return outcome
    }
}

extension ProducerRecord {
    /// The request that a result answers.
    var source: RecordPosition? {
        headers.lastValue(named: RecordHeaderName.source).flatMap { RecordPosition($0) }
    }
}
