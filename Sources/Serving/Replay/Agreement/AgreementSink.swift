import KafkaClient
import ModelRegistry

/// Measures how far answers agree with the recorded ones instead of publishing them.
struct AgreementSink: AnswerSink {
    let source: ReplaySource
    let log: ReplayLog
    /// Only what this model has answered counts.
    let model: String
    /// Where the encoder addresses results to; its dead letters go elsewhere.
    let resultsTopic: String

    func publish(_ set: AnswerSet, under membership: ConsumerGroupMetadata?) async -> PublishOutcome {
        var found = ResultAgreement()
        for record in set.records where record.topic == resultsTopic {
            guard let position = record.source else { continue }
            guard let recorded = source.entry(at: position)?.recorded, recorded.isPrediction,
                recorded.version?.name == model,
                let tensors = ResultTensors(recorded.record.value, recorded.record.headers)
            else {
                found.skipped += 1
                continue
            }
            found.count(ResultTensors(record.value, record.headers), recorded: tensors)
        }
        let counted = found
        log.count { $0.agreement.add(counted) }
        source.settle(set.offsets, count: set.requestCount)
        log.progressed()
        return .committed
    }
}
