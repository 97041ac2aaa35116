import KafkaClient
import Logging
import ModelRegistry
import TensorEngine

/// What the jobs and tasks of one instance have in common.
struct TrainingContext: Sendable {
    let settings: TrainingSettings
    let data: TrainingData
    let fits: FitRunner
    let metrics: TrainingMetrics
    let log: RegistryLog
    let writer: RegistryWriter
    let store: any ArtifactStore
    let admin: KafkaAdmin
    /// Of what is written on the way; the end of a job has a transaction of its own.
    let producer: KafkaProducer
    let logger: Logger

    /// - Throws: the first record's failure.
    func produce(_ records: [ProducerRecord]) async throws {
        for report in try await producer.produce(records) { _ = try report.get() }
    }

    /// Ends what a coordinator that was killed in its last transaction left open.
    func releaseAbandoned() async {
        do {
            try await writer.releaseAbandoned()
        } catch {
            // It ends by itself, at its timeout.
            logger.debug("abandoned transactions not looked for", metadata: ["error": "\(error)"])
        }
    }

    /// Does not wait for the brokers: what is lost here is lost.
    func enqueue(_ record: ProducerRecord) { try? producer.enqueue(record) { _ in } }

    /// The registry as it is now; empty before its topic is made.
    func registry() async throws -> RegistryState {
        do {
            let update = try await log.read()
            if let failure = update.failure { throw failure }
            return update.state
        } catch RegistryLogError.missingTopic {
            return RegistryState()
        }
    }

    func events(of job: String, withTasks: Bool, signal: WakeSignal) throws -> JobEvents {
        try JobEvents(
            of: job, eventTopic: settings.eventTopic, taskTopic: withTasks ? settings.taskTopic : nil,
            kafka: settings.kafka, admin: admin, signal: signal, logger: logger)
    }
}
