public import KafkaClient
public import Logging

/// Reads the registry topic: once to its end, or on and on.
public struct RegistryLog: Sendable {
    /// What an instance knows after reading some more.
    public struct Update: Sendable {
        /// Versions, aliases and traffic rules, up to what could be read.
        public var state: RegistryState
        /// Why the state is behind the topic. Keep serving what is loaded, and be not ready.
        public var failure: RegistryLogError?
        /// What is new since the update before, readable or not; in the first everything that the topic holds.
        public var records: [KafkaRecord]
    }

    private static let tick = Duration.seconds(1)
    private static let retryPause = Duration.seconds(2)

    public let topic: String
    private let kafka: KafkaConfiguration
    private let logger: Logger

    public init(topic: String, kafka: KafkaConfiguration, logger: Logger) {
        self.topic = topic
        self.kafka = kafka
        self.logger = logger
    }

    private var partition: TopicPartition { TopicPartition(topic: topic, partition: 0) }
    /// The group is never joined; a client of this kind has to have one.
    private var consumer: ConsumerConfiguration { ConsumerConfiguration(kafka: kafka, groupID: "\(topic)-reader") }

    /// Everything that is committed now.
    /// - Throws: ``RegistryLogError/missingTopic(_:)``, ``KafkaError``, ``RangeError``. A record that cannot be read is
    ///   not thrown but the update's failure.
    public func read(timeout: Duration = .seconds(15)) async throws -> Update {
        let admin = try KafkaAdmin(kafka, timeout: timeout, logger: logger)
        let bounds: Range<Int64>
        do {
            guard try await admin.metadata().topics[topic] != nil else { throw RegistryLogError.missingTopic(topic) }
            let low = try await admin.offsets(of: [partition], at: .earliest)[partition] ?? 0
            let high = try await admin.offsets(of: [partition], at: .latest)[partition] ?? 0
            bounds = (low ?? 0)..<max(low ?? 0, high ?? 0)
            await admin.close(deadline: .seconds(2))
        } catch {
            await admin.close(deadline: .seconds(2))
            throw error
        }
        let reader = try RangeReader(consumer, logger: logger)
        var records: [KafkaRecord] = []
        do {
            try await reader.start([partition: bounds], timeout: timeout)
            while let some = try await reader.next(patience: timeout) { records += some }
            await reader.close()
        } catch {
            await reader.close()
            throw error
        }
        var fold = RegistryFold()
        fold.take(records)
        return Update(state: fold.state, failure: fold.failure, records: records)
    }

    /// Reads everything and then what is added, until the task is cancelled; brokers that cannot be reached are waited for.
    ///
    /// - Parameter update: called first when everything that was committed at the start has been read, then after each
    ///   addition. The next waits until it returns.
    /// - Throws: what `update` throws; ``KafkaError`` when the topic is gone or may not be read; `CancellationError`.
    public func follow(_ update: (Update) async throws -> Void) async throws {
        let (wakes, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        var configuration = consumer
        configuration.reportsEndOfPartition = true
        configuration.autoOffsetReset = .error
        let consumer = try KafkaConsumer(configuration, logger: logger) { signal.yield() }
        // Some of what a drain has to see wakes nobody.
        let ticks = Task {
            while !Task.isCancelled {
                signal.yield()
                try? await Task.sleep(for: Self.tick)
            }
        }
        let result: Result<Void, any Error>
        do {
            result = .success(try await follow(consumer, wakes, update))
        } catch {
            result = .failure(error)
        }
        ticks.cancel()
        await consumer.close(deadline: .seconds(2))
        try result.get()
    }

    private func follow(
        _ consumer: KafkaConsumer, _ wakes: AsyncStream<Void>, _ update: (Update) async throws -> Void
    ) async throws {
        try consumer.assign([partition: try await firstOffset(consumer)])
        var fold = RegistryFold()
        var unread: [KafkaRecord] = []
        var hasReachedEnd = false
        var isFirst = true
        for await _ in wakes {
            for event in consumer.drain(maximumRecords: 5000, maximumBytes: 16 << 20) {
                switch event {
                case .records(let records): unread += records
                case .endOfPartition: hasReachedEnd = true
                case .failed(let error) where Self.endsFollowing(error): throw error
                case .failed(let error):
                    logger.debug("registry topic not readable now", metadata: ["error": "\(error)"])
                case .assigned, .revoked: continue
                }
            }
            guard hasReachedEnd, isFirst || !unread.isEmpty else { continue }
            let known = fold.failure
            fold.take(unread)
            if let failure = fold.failure, failure != known {
                logger.error("registry not readable from here on", metadata: ["error": "\(failure)"])
            }
            try await update(Update(state: fold.state, failure: fold.failure, records: unread))
            unread = []
            isFirst = false
        }
        throw CancellationError()
    }

    private func firstOffset(_ consumer: KafkaConsumer) async throws -> Int64 {
        while true {
            try Task.checkCancellation()
            do {
                return try await consumer.watermarks(partition, timeout: .seconds(10)).low
            } catch let error as KafkaError where !Self.endsFollowing(error) {
                logger.warning("registry topic not readable yet", metadata: ["error": "\(error)"])
                try await Task.sleep(for: Self.retryPause)
            }
        }
    }

    /// Whether waiting brings nothing: the topic is gone, was made anew, or may not be read.
    private static func endsFollowing(_ error: KafkaError) -> Bool {
        error.isFatal || error.isUnknownTopicOrPartition || error.isOffsetReset || error.isAuthorizationFailure
            || error.isAuthenticationFailure
    }
}
