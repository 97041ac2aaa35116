import KafkaClient
import Logging
import Metrics
import ModelRegistry
import Synchronization
import TensorEngine

/// Answers requests a second time with a shadow version, after they have been answered, without getting in anybody's way:
/// on a thread of its own with low priority, from a bounded queue that loses what does not fit.
///
/// A shadow's answer is published in a transaction that follows that of the main answer: never before it, at most once,
/// and not at all if the process or the transaction fails in between.
package final class ShadowRunner: Sendable {
    package struct Snapshot: Sendable, Equatable {
        /// Rows that both versions answered.
        package var rows = 0
        package var sameArgmax = 0
        package var largestDifference = 0.0
        package var published = 0
        /// Requests that the shadow could not answer, or not comparably.
        package var failed = 0
        /// Requests, or answers, for which there was no room or that belonged to an aborted transaction.
        package var dropped = 0

        package init() {}
    }

    private struct State {
        var queue: [ShadowWork] = []
        var isRunning = false
        var answers: [(ticket: Ticket, records: ProducerRecords)] = []
        var inTransaction = 0
        var suspendedUntil: ContinuousClock.Instant?
        var snapshot = Snapshot()
        var encoders: [String: AnswerEncoder] = [:]
        var pool: ComputePool?
        var isStopped = false
    }

    /// Requests that wait, and answers that wait.
    private static let capacity = 1024
    private static let batch = 32
    private static let niceness = 10
    /// After an aborted transaction, which an answer to a topic that takes none may have caused.
    private static let suspension = Duration.seconds(30)

    private let encoder: AnswerEncoder
    private let logger: Logger
    private let wake: @Sendable () -> Void
    private let state = Mutex(State())
    /// Without shadows the pipeline only ever looks at this.
    private let answerCount = Atomic<Int>(0)
    private let compared = Counter(label: "millrace_shadow_rows_total")
    private let agreeing = Counter(label: "millrace_shadow_agreeing_rows_total")
    private let failures = Counter(label: "millrace_shadow_failures_total")
    private let drops = Counter(label: "millrace_shadow_dropped_total")
    private let difference = Gauge(label: "millrace_shadow_largest_difference")

    init(encoder: AnswerEncoder, logger: Logger, wake: @escaping @Sendable () -> Void) {
        self.encoder = encoder
        self.logger = logger
        self.wake = wake
    }

    package var snapshot: Snapshot { state.withLock { $0.snapshot } }

    // MARK: The pipeline's side; nothing here waits

    func submit(_ work: ShadowWork) {
        let pool: ComputePool? = state.withLock { state in
            if let until = state.suspendedUntil, until > .now { return drop(1, &state) }
            guard !state.isStopped, state.queue.count < Self.capacity else { return drop(1, &state) }
            state.queue.append(work)
            guard !state.isRunning else { return nil }
            state.isRunning = true
            let pool = state.pool ?? ComputePool(threadCount: 1, niceness: Self.niceness)
            state.pool = pool
            return pool
        }
        guard let pool else { return }
        Task { try? await pool.run { context in self.runAll(on: context) } }
    }

    /// The answers that may be published now.
    func takeAnswers(_ fate: (Ticket) -> PipelineState.Fate) -> [ProducerRecord] {
        guard answerCount.load(ordering: .acquiring) > 0 else { return [] }
        return state.withLock { state in
            var records: [ProducerRecord] = []
            var kept: [(ticket: Ticket, records: ProducerRecords)] = []
            for answer in state.answers {
                switch fate(answer.ticket) {
                case .published:
                    records.append(contentsOf: answer.records)
                    state.inTransaction += 1
                case .underWay: kept.append(answer)
                case .forgotten: _ = drop(1, &state)
                }
            }
            state.answers = kept
            answerCount.store(kept.count, ordering: .releasing)
            return records
        }
    }

    func didPublish() {
        state.withLock { state in
            state.snapshot.published += state.inTransaction
            state.inTransaction = 0
        }
    }

    func didAbort() {
        state.withLock { state in
            guard state.inTransaction > 0 else { return }
            _ = drop(state.inTransaction, &state)
            state.inTransaction = 0
            state.suspendedUntil = .now + Self.suspension
            logger.warning("shadows suspended: a transaction with their answers was aborted")
        }
    }

    func stop() {
        let pool = state.withLock { state in
            state.isStopped = true
            state.queue = []
            defer { state.pool = nil }
            return state.pool
        }
        pool?.shutdown()
    }

    private func drop(_ count: Int, _ state: inout State) -> ComputePool? {
        state.snapshot.dropped += count
        drops.increment(by: count)
        return nil
    }

    // MARK: The thread

    private func runAll(on context: ExecutionContext) {
        while true {
            let batch: [ShadowWork] = state.withLock { state in
                let batch = Array(state.queue.prefix(Self.batch))
                state.queue.removeFirst(batch.count)
                if batch.isEmpty { state.isRunning = false }
                return batch
            }
            guard !batch.isEmpty else { return }
            for work in batch { answer(work, on: context) }
            wake()
        }
    }

    private func answer(_ work: ShadowWork, on context: ExecutionContext) {
        do {
            let request = try BoundRequest(
                work.request.request, .init(model: work.shadow.model, activation: work.shadow.activation))
            let slice = BoundSlice(ticket: work.ticket, request: request, rows: 0..<request.rowCount)
            guard let outputs = try InferenceEngine.run([slice], on: context).first?.get() else { return }
            let agreement = Agreement(try work.outputs.tensors(), try outputs.tensors())
            var writer = encoder(to: work.shadow.topic).makeWriter(count: 1)
            _ = writer.addPrediction(outputs, of: request, record: work.record)
            keep(writer.finish(), of: work.ticket, agreement)
        } catch {
            logger.debug("shadow failed", metadata: ["error": "\(error)", "record": "\(work.record.topicPartition)"])
            countFailure()
        }
    }

    private func keep(_ records: ProducerRecords, of ticket: Ticket, _ agreement: Agreement?) {
        state.withLock { state in
            if state.answers.count < Self.capacity {
                state.answers.append((ticket, records))
                answerCount.store(state.answers.count, ordering: .releasing)
            } else {
                _ = drop(1, &state)
            }
            guard let agreement else { return }
            state.snapshot.rows += agreement.rows
            state.snapshot.sameArgmax += agreement.sameArgmax
            state.snapshot.largestDifference = max(state.snapshot.largestDifference, agreement.largestDifference)
        }
        guard let agreement else { return countFailure() }
        compared.increment(by: agreement.rows)
        agreeing.increment(by: agreement.sameArgmax)
        difference.record(agreement.largestDifference)
    }

    private func countFailure() {
        state.withLock { $0.snapshot.failed += 1 }
        failures.increment()
    }

    private func encoder(to topic: String) -> AnswerEncoder {
        state.withLock { state in
            if let known = state.encoders[topic] { return known }
            var routing = encoder.routing
            routing.resultsTopic = topic
            // Its partitions are its own: the key chooses.
            routing.resultsPartitionCount = 0
            let made = AnswerEncoder(codec: encoder.codec, routing: routing)
            state.encoders[topic] = made
            return made
        }
    }
}
