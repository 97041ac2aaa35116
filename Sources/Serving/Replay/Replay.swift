package import KafkaClient
package import Logging
package import ModelRegistry
package import TensorEngine

/// Answers requests again that have been answered before: by the same codec, planner and engine as live, with the version
/// that answered each of them then.
///
/// What a result says is a function of its request's bytes and of the version; the few answers that are not (a deadline
/// that had passed, a version that was unknown then, a crash) are taken over from the record.
package struct Replay: Sendable {
    /// What becomes of the answers.
    package enum Destination: Sendable {
        /// Compared with the recorded results; stops after so many differences.
        case comparison(ResultComparison)
        /// Compared by what they mean with what this model has answered; ``ReplayLog/Snapshot/agreement`` says how far.
        case agreement(model: String)
        /// Published; the sink commits the requests' offsets under the replay's own group.
        case topic(any AnswerSink)
    }

    private let plan: ReplayPlan
    private let destination: Destination
    private let pipeline: InferencePipeline
    private let source: ReplaySource
    private let log: ReplayLog

    /// - Parameters:
    ///   - configuration: bindings, batching and limits as live; its topics do not matter.
    ///   - encoder: made for the topic that the answers go to, with the live service's application id.
    ///   - group: the replay's own consumer group.
    ///   - log: what is found; its progress is to call ``progressed()``.
    package init(
        _ plan: ReplayPlan, to destination: Destination, configuration: PipelineConfiguration, access: ReplayAccess,
        registry: Registry, pool: ComputePool, codec: RequestCodec, encoder: AnswerEncoder, group: String,
        differenceLimit: Int = 1, onProgress: @escaping @Sendable () -> Void = {}, logger: Logger
    ) {
        self.plan = plan
        self.destination = destination
        let signal = WakeSignal()
        let log = ReplayLog(limit: differenceLimit) {
            signal.signal()
            onProgress()
        }
        let keepsResults = if case .topic = destination { false } else { true }
        let source = ReplaySource(
            plan, access: access, group: group, keepsResults: keepsResults, log: log, signal: signal)
        self.log = log
        self.source = source
        var configuration = configuration
        configuration.requestTopics = Array(Set(plan.segments.map(\.partition.topic))).sorted()
        configuration.precedent = { source.precedent(of: $0) }
        configuration.didAssign = nil
        let topic = encoder.routing.resultsTopic
        let sink: any AnswerSink =
            switch destination {
            case .comparison(let comparison):
                VerifyingSink(source: source, log: log, comparison: comparison, resultsTopic: topic)
            case .agreement(let model):
                AgreementSink(source: source, log: log, model: model, resultsTopic: topic)
            case .topic(let inner): ReplayTopicSink(source: source, log: log, inner: inner, outputTopic: topic)
            }
        pipeline = InferencePipeline(
            configuration, consumer: source, signal: signal, sink: sink, registry: registry, pool: pool, codec: codec,
            encoder: encoder, logger: logger)
    }

    /// Differences and counts so far.
    package var findings: ReplayLog.Snapshot { log.snapshot }

    /// Requests that are answered, compared or found without a result.
    package var done: Int { source.settledCount }

    /// Where each partition stands: its first offset that is not settled.
    package var positions: [TopicPartition: Int64] { source.positions }

    /// Runs to the end of the plan, to as many differences as were asked for, or until ``stop()``.
    ///
    /// - Returns: whether everything in the plan was answered.
    /// - Throws: ``ReplayError``, ``PipelineError``, ``RangeError``.
    package func run() async throws -> Bool {
        guard plan.segments.contains(where: { !$0.range.isEmpty }) else { return true }
        let watch = Task { await watchForEnd() }
        defer { watch.cancel() }
        try await pipeline.run()
        if let failure = source.failure { throw failure }
        return source.isDone
    }

    /// Ends it; what was admitted is answered first, within the configuration's deadline.
    package func stop() { pipeline.stop() }

    /// Stops the pipeline, which knows no end, at the end of the plan.
    private func watchForEnd() async {
        while !Task.isCancelled {
            if source.isDone || log.isFull { return pipeline.stop() }
            try? await Task.sleep(for: .milliseconds(20))
        }
    }
}
