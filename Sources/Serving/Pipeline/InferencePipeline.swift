package import KafkaClient
package import Logging
package import ModelRegistry
import ServiceLifecycle
import Synchronization
package import TensorEngine

/// Why a pipeline stopped by itself. The process is to be restarted; nothing is lost, since what was not published was
/// not counted as answered either.
package enum PipelineError: Error, Sendable, CustomStringConvertible {
    case fatal(KafkaError)
    case tooManyRedos(Int, last: KafkaError)
    case jobFailed(String)

    package var description: String {
        switch self {
        case .fatal(let error): "the broker connection cannot go on: \(error)"
        case .jobFailed(let reason): "the compute threads refuse work: \(reason)"
        case .tooManyRedos(let count, let last): "publishing failed \(count) times in a row: \(last)"
        }
    }
}

/// Requests in, answers out: consumes records, batches and runs them, and publishes the answers with their offsets.
///
/// One task, in ``run()``, owns the consumer and all state; it only moves values between stages. Decoding, running and
/// encoding happen on the compute threads, publishing on the client's, and each reports back through an inbox. While
/// one set of answers is published, the next batches are already decoded and computed.
package final class InferencePipeline: Service {
    package struct Status: Sendable {
        /// The group has answered: partitions are assigned, or there are more members than partitions.
        package var isAssigned = false
        package var assignment: [TopicPartition] = []
        package var isStopping = false
    }

    let configuration: PipelineConfiguration
    let consumer: any RequestSource
    let sink: any AnswerSink
    let pool: ComputePool
    let jobs: PipelineJobs
    let logger: Logger
    let journal: CrashJournal?
    let shadows: ShadowRunner
    let signal: WakeSignal
    let inbox = Mutex<[PipelineMessage]>([])
    let currentStatus = Mutex(Status())
    package let statistics = PipelineStatistics()

    /// - Parameters:
    ///   - signal: what the consumer was made to wake.
    ///   - journal: remembers what was being worked on when the process died; without one, a record that kills it kills
    ///     it on every start.
    ///   - consumer: closed by the pipeline when it stops; the sink's producer is the caller's to close afterwards.
    package init(
        _ configuration: PipelineConfiguration, consumer: any RequestSource, signal: WakeSignal, sink: any AnswerSink,
        registry: Registry, pool: ComputePool, codec: RequestCodec, encoder: AnswerEncoder,
        journal: CrashJournal? = nil, logger: Logger
    ) {
        self.configuration = configuration
        self.consumer = consumer
        self.signal = signal
        self.sink = sink
        self.pool = pool
        self.jobs = PipelineJobs(
            codec: codec, encoder: encoder, registry: registry, bindings: configuration.bindings,
            willCompute: configuration.willCompute, precedent: configuration.precedent)
        shadows = ShadowRunner(encoder: encoder, logger: logger, wake: { signal.signal() })
        // Requests that wait for a model are looked at again.
        registry.onChange { signal.signal() }
        self.journal = journal
        self.logger = logger
    }

    /// Records that one job works on at the most, besides the rows of a batch.
    package static let largestJob = PipelineLoop.decodeChunk

    /// What the shadows have answered so far.
    package var shadowStatistics: ShadowRunner.Snapshot { shadows.snapshot }

    package var status: Status { currentStatus.withLock { $0 } }

    /// Runs until the graceful shutdown of its service group, then answers what was admitted, within the deadline.
    /// - Throws: ``PipelineError`` when it cannot go on.
    package func run() async throws {
        try consumer.subscribe(to: configuration.requestTopics)
        logger.info("consuming", metadata: ["topics": "\(configuration.requestTopics.joined(separator: ", "))"])
        let result: Result<Void, any Error>
        do {
            try await withGracefulShutdownHandler {
                try await withDiscardingTaskGroup { group in
                    var loop = PipelineLoop(self)
                    let result: Result<Void, any Error>
                    do {
                        result = .success(try await loop.run(in: &group))
                    } catch {
                        result = .failure(error)
                    }
                    // What still computes after the deadline answers nobody any more.
                    group.cancelAll()
                    return result
                }.get()
            } onGracefulShutdown: {
                self.stop()
            }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        currentStatus.withLock { $0.isAssigned = false }
        shadows.stop()
        await consumer.close(deadline: .seconds(5))
        logger.info("stopped consuming", metadata: ["published": "\(statistics.snapshot.published)"])
        try result.get()
    }

    /// Begins the graceful stop; ``run()`` returns when it is done.
    package func stop() {
        currentStatus.withLock { $0.isStopping = true }
        signal.signal()
    }

    func post(_ message: PipelineMessage) {
        inbox.withLock { $0.append(message) }
        signal.signal()
    }
}
