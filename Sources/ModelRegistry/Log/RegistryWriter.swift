import FoundationEssentials
public import JSONDocuments
public import KafkaClient
public import Logging

/// What a change of the registry is to be, and what the caller wants to know of it.
public struct RegistryDecision<Outcome: Sendable>: Sendable {
    /// Written as one transaction; none leaves everything as it is.
    public var changes: [RegistryEvent.Change]
    public var outcome: Outcome
    /// What becomes visible with the changes or not at all; nothing without changes.
    public var companions: RegistryCompanions

    public init(
        _ changes: [RegistryEvent.Change], _ outcome: Outcome, with companions: RegistryCompanions = .init()
    ) {
        self.changes = changes
        self.outcome = outcome
        self.companions = companions
    }
}

/// Changes the registry, one writer at a time.
///
/// All writers share one transactional id. A change fences whoever is writing, reads the topic to its end, decides by what
/// it read and commits; whoever was fenced begins anew. So every decision rests on everything that was committed before
/// it: two writers never take the same number, and none overwrites what it has not seen.
///
/// The id is derived from the topic, not from the application: applications that share a registry must fence each other.
public struct RegistryWriter: Sendable {
    public struct Configuration: Sendable {
        public var kafka: KafkaConfiguration
        public var topic: RegistryTopic
        public var transactionalID: String
        /// The CloudEvents source, as `/millrace/<application id>`.
        public var source: String
        /// How long to contend with other writers, and to wait for brokers.
        public var patience = Duration.seconds(60)

        public init(kafka: KafkaConfiguration, topic: RegistryTopic, source: String) {
            self.kafka = kafka
            self.topic = topic
            self.transactionalID = Self.transactionalID(topic: topic.name)
            self.source = source
        }

        /// For access rules.
        public static func transactionalID(topic: String) -> String { "\(topic)-registry" }
    }

    private static let firstPause = 0.03
    private static let longestPause = 2.0
    private static let transactionTimeout = Duration.seconds(20)

    public let configuration: Configuration
    private let logger: Logger

    public init(_ configuration: Configuration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    /// Makes a change.
    ///
    /// - Parameters:
    ///   - prepare: called when it is this writer's turn, before it decides; called again with another turn.
    ///   - decide: looks at the registry as it is and says what to write, or throws to refuse. It is called again when
    ///     another writer was faster, so it must not do anything else. While it runs, others wait: it should be quick.
    /// - Returns: the outcome of the decision that was committed, or that had nothing to write.
    /// - Throws: what `prepare` and `decide` throw; ``RegistryLogError``: a registry that cannot be read in full is not
    ///   changed.
    public func write<Outcome: Sendable>(
        as operatorName: String, prepare: () async throws -> Void = {},
        _ decide: (RegistryState) throws -> RegistryDecision<Outcome>
    ) async throws -> Outcome {
        try await prepareTopic()
        var tail = try RegistryTail(topic: configuration.topic.name, kafka: configuration.kafka, logger: logger)
        do {
            let outcome = try await contend(operatorName, prepare, decide, &tail)
            await tail.close()
            return outcome
        } catch {
            await tail.close()
            throw error
        }
    }

    /// Ends a transaction that a writer left open when it died: until its timeout, nobody could read the registry, and what
    /// was written along with it, to the end. A writer that is alive begins its change anew.
    /// - Throws: `KafkaError` when the brokers cannot be reached or refuse.
    public func releaseAbandoned() async throws {
        try await makeProducer().releaseAbandoned()
    }

    private func contend<Outcome: Sendable>(
        _ operatorName: String, _ prepare: () async throws -> Void,
        _ decide: (RegistryState) throws -> RegistryDecision<Outcome>, _ tail: inout RegistryTail
    ) async throws -> Outcome {
        let deadline = ContinuousClock.now + configuration.patience
        var attempts: [(id: String, outcome: Outcome)] = []
        var count = 0
        while true {
            count += 1
            do {
                // Most of the reading, and connecting, is done before anybody is fenced.
                try await tail.advance()
                let producer = try makeProducer()
                let result: Result<Outcome, any Error>
                do {
                    result = .success(try await attempt(operatorName, prepare, decide, &tail, producer, &attempts))
                } catch {
                    result = .failure(error)
                }
                await producer.close(deadline: .seconds(2))
                return try result.get()
            } catch let error where Self.mayPass(error) {
                // Others' turn. The pause is random, so that those who met do not meet again.
                let longest = min(Self.longestPause, Self.firstPause * Double(1 << min(count, 10)))
                let pause = Duration.seconds(Double.random(in: 0.01...max(0.02, longest)))
                guard .now + pause < deadline else {
                    throw RegistryLogError.contended(
                        topic: configuration.topic.name, attempts: count, last: "\(error)")
                }
                logger.debug("Changing the registry again", metadata: ["attempt": "\(count)", "error": "\(error)"])
                try await Task.sleep(for: pause)
            }
        }
    }

    private func attempt<Outcome: Sendable>(
        _ operatorName: String, _ prepare: () async throws -> Void,
        _ decide: (RegistryState) throws -> RegistryDecision<Outcome>, _ tail: inout RegistryTail,
        _ producer: TransactionalProducer,
        _ attempts: inout [(id: String, outcome: Outcome)]
    ) async throws -> Outcome {
        try await producer.initTransactions()
        // From here on nobody else can commit; what was committed before can be read.
        try await tail.advance()
        // A commit whose answer was lost has succeeded after all.
        if let committed = attempts.first(where: { tail.ids.contains($0.id) }) { return committed.outcome }
        if let failure = tail.fold.failure { throw failure }
        try await prepare()
        let decision = try decide(tail.fold.state)
        guard !decision.changes.isEmpty else { return decision.outcome }
        let records = records(decision.changes, operatorName)
        try producer.begin()
        try await producer.produce(records.map(\.record) + decision.companions.records)
        if let group = decision.companions.group {
            do {
                try await producer.sendOffsets(decision.companions.offsets, group: group)
            } catch {
                // Left open, it would hide the end of the topic from everybody.
                try? await producer.abort()
                throw error
            }
        }
        attempts.append((records[0].id, decision.outcome))
        try await producer.commit()
        return decision.outcome
    }

    private func makeProducer() throws -> TransactionalProducer {
        var configuration = TransactionalProducerConfiguration(
            producer: producerConfiguration, transactionalID: configuration.transactionalID)
        configuration.transactionTimeout = Self.transactionTimeout
        // Being fenced is what happens to writers that meet; the client library would call it fatal in the log.
        let logger = logger.logLevel <= .debug ? logger : Logger(label: logger.label) { _ in SwiftLogNoOpLogHandler() }
        return try TransactionalProducer(configuration, logger: logger)
    }

    private var producerConfiguration: ProducerConfiguration {
        var producer = ProducerConfiguration(kafka: configuration.kafka)
        producer.linger = .zero
        return producer
    }

    /// Whether another attempt may succeed: the writer was fenced, or the brokers were not ready.
    private static func mayPass(_ error: any Error) -> Bool {
        switch error {
        case let error as KafkaError:
            !error.isAuthorizationFailure && !error.isAuthenticationFailure && !error.isUnsupported
                && !error.isUnknownTopicOrPartition
        case RegistryLogError.blocked: true
        case RangeError.stalled: true
        default: false
        }
    }

    private func records(
        _ changes: [RegistryEvent.Change], _ operatorName: String
    ) -> [(id: String, record: ProducerRecord)] {
        let time = EventTime.now()
        return changes.map { change in
            let id = UUID().uuidString.lowercased()
            let event = RegistryEvent(change, time: time, operatorName: operatorName)
            return (
                id,
                RegistryEventCoding.record(event, topic: configuration.topic.name, id: id, source: configuration.source)
            )
        }
    }

    private func prepareTopic() async throws {
        let admin = try KafkaAdmin(configuration.kafka, timeout: .seconds(15), logger: logger)
        do {
            try await configuration.topic.prepare(with: admin, logger: logger)
            await admin.close(deadline: .seconds(2))
        } catch {
            await admin.close(deadline: .seconds(2))
            throw error
        }
    }

    // MARK: What needs no turn

    /// What became of a version on an instance.
    public enum LoadOutcome: Sendable, Hashable {
        case loaded
        case failed(reason: String)
        case unloaded
    }

    /// Says what became of versions on an instance. Nobody else writes an instance's keys, so this waits for no turn.
    public func report(_ outcomes: [ModelVersion.Identity: LoadOutcome], instance: String) async throws {
        let changes = outcomes.sorted { $0.key < $1.key }.map { identity, outcome -> RegistryEvent.Change in
            switch outcome {
            case .loaded: .versionLoaded(instance: instance, identity)
            case .failed(let reason): .loadFailed(instance: instance, identity, reason: reason)
            case .unloaded: .versionUnloaded(instance: instance, identity)
            }
        }
        try await append(changes, as: instance)
    }

    /// Records what an operator did that is not of the registry, as resetting a group's offsets. Nothing is decided by it,
    /// so it waits for no turn.
    ///
    /// - Parameters:
    ///   - kind: what was done, as `offsets.reset`; without a slash.
    ///   - subject: what it was done to, as a group's name. The topic keeps the last of each kind for each subject.
    public func recordAction(
        kind: String, subject: String, details: JSONValue, operatorName: String
    ) async throws {
        let change = RegistryEvent.Change.actionTaken(kind: kind, subject: subject, details: details)
        let key = RegistryKey.action(kind: kind, subject: subject)
        guard RegistryKey(parsing: key.description) == key else {
            throw RegistryLogError.unwritableEvent(key: key.description)
        }
        try await append([change], as: operatorName)
    }

    private func append(_ changes: [RegistryEvent.Change], as name: String) async throws {
        guard !changes.isEmpty else { return }
        try await prepareTopic()
        let producer = try KafkaProducer(producerConfiguration, logger: logger)
        let result: Result<Void, any Error>
        do {
            for report in try await producer.produce(records(changes, name).map(\.record)) { _ = try report.get() }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await producer.close(deadline: .seconds(2))
        try result.get()
    }
}
