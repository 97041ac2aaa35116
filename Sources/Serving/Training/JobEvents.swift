package import KafkaClient
package import Logging

/// Reads what the event and task topics say of one job: first all there is, then what is added.
///
/// In no group and from all partitions: records of a job stay readable when partitions are added.
package final class JobEvents: Sendable {
    private static let patience = Duration.seconds(60)
    /// Clocks of brokers and clients differ.
    private static let clockMargin: Int64 = 120_000
    private static let lateRecords: Int64 = 10_000
    private static let chunk = 5000
    private static let chunkBytes = 16 << 20

    private let job: String
    private let topics: [String]
    private let eventTopic: String
    private let consumer: KafkaConsumer
    private let admin: KafkaAdmin
    private let signal: WakeSignal
    private let logger: Logger

    /// - Parameter signal: signalled when there may be something new.
    package init(
        of job: String, eventTopic: String, taskTopic: String?, kafka: KafkaConfiguration, admin: KafkaAdmin,
        signal: WakeSignal, logger: Logger
    ) throws {
        self.job = job
        self.eventTopic = eventTopic
        self.topics = [eventTopic] + (taskTopic.map { [$0] } ?? [])
        self.admin = admin
        self.signal = signal
        self.logger = logger
        // The group is never joined; a client of this kind has to have one.
        var configuration = ConsumerConfiguration(kafka: kafka, groupID: "\(eventTopic)-reader")
        configuration.reportsEndOfPartition = true
        consumer = try KafkaConsumer(configuration, logger: logger) { signal.signal() }
    }

    /// Reads to the end of what is committed now.
    /// - Parameter since: milliseconds since 1970-01-01 UTC before which nothing of the job can have been written; nil to
    ///   read from the beginning.
    /// - Throws: ``KafkaError``, ``RangeError/stalled(_:)``, what `check` throws.
    package func history(since: Int64?, check: () throws -> Void) async throws -> JobHistory {
        var positions: [TopicPartition: Int64] = [:]
        for topic in topics {
            let metadata = try await admin.metadata(topic: topic)
            let partitions = (metadata.topics[topic]?.partitions ?? []).map {
                TopicPartition(topic: topic, partition: $0.id)
            }
            let earliest = try await admin.offsets(of: partitions, at: .earliest)
            var likely: [TopicPartition: Int64?] = [:]
            if let since {
                // Where times cannot be looked up, everything is read.
                likely = (try? await admin.offsets(of: partitions, at: .timestamp(since - Self.clockMargin))) ?? [:]
            }
            let latest = try await admin.offsets(of: partitions, at: .latest)
            for partition in partitions {
                let first = (earliest[partition] ?? nil) ?? 0
                switch likely[partition] {
                case .some(.some(let offset)): positions[partition] = max(first, offset)
                // Nothing is that late; or the cluster looks no times up, as the embedded one, and then the end will do.
                case .some(.none):
                    positions[partition] = max(first, ((latest[partition] ?? nil) ?? first) - Self.lateRecords)
                case .none: positions[partition] = first
                }
            }
        }
        try consumer.assign(positions.mapValues { $0 })
        var history = JobHistory()
        var unfinished = Set(positions.keys)
        let deadline = ContinuousClock.now + Self.patience
        while !unfinished.isEmpty {
            try check()
            try Task.checkCancellation()
            guard .now < deadline else { throw RangeError.stalled(positions.filter { unfinished.contains($0.key) }) }
            let drained = try drain()
            unfinished.subtract(drained.ended)
            drained.apply(to: &history)
            if drained.isEmpty { await signal.wait(until: .now + .milliseconds(200)) }
        }
        return history
    }

    /// What one look brought.
    package struct Drained: Sendable {
        package var events: [TrainingEvent] = []
        var published: [TrainingTask.Key] = []
        var ended: Set<TopicPartition> = []
        var isEmpty = true

        func apply(to history: inout JobHistory) {
            for event in events { history.take(event) }
            for key in published { history.take(published: key.fit) }
        }
    }

    /// What has arrived, without waiting.
    /// - Throws: ``KafkaError`` when reading is impossible.
    package func drain() throws -> Drained {
        var found = Drained()
        for event in consumer.drain(maximumRecords: Self.chunk, maximumBytes: Self.chunkBytes) {
            switch event {
            case .records(let records):
                found.isEmpty = false
                for record in records { take(record, &found) }
            case .endOfPartition(let partition): found.ended.insert(partition)
            case .failed(let error) where error.isFatal || error.isUnknownTopicOrPartition: throw error
            case .failed(let error): logger.debug("training events not readable now", metadata: ["error": "\(error)"])
            case .assigned, .revoked: continue
            }
        }
        return found
    }

    private func take(_ record: KafkaRecord, _ found: inout Drained) {
        guard let key = record.key else { return }
        guard record.topicPartition.topic == eventTopic else {
            if let key = TrainingTask.Key(key), key.job == job { found.published.append(key) }
            return
        }
        guard key.elementsEqual(job.utf8), let value = record.value else { return }
        do {
            found.events.append(try TrainingEvent(value))
        } catch {
            // Somebody else's record: it says nothing of the job.
            logger.warning(
                "record on the training event topic is not an event",
                metadata: ["position": "\(record.topicPartition)/\(record.offset)", "error": "\(error)"])
        }
    }

    package func close() async { await consumer.close(deadline: .seconds(2)) }
}
