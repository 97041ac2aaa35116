import KafkaClient
import Logging
import ModelFormats
import ModelRegistry
import TensorEngine
import Training

// How a job ends: one transaction each.
extension JobRunner {
    private static let maximumTurns = 50
    private static let settlingTime = Duration.seconds(10)
    private static let tick = Duration.milliseconds(100)

    /// What came of one turn at the registry.
    private enum Turn: Sendable {
        case committed(promoted: Bool)
        /// Another writer was faster: the number or the incumbent is another now.
        case again
    }

    private var partition: TopicPartition { command.position.topicPartition }
    private var offsets: [TopicPartition: Int64] { [partition: command.position.offset + 1] }

    /// The version, its alias when it is promoted, the `completed` event and the request's offset, in the registry
    /// writer's transaction. The bundle is stored before: whoever is killed in between leaves a bundle that nothing refers
    /// to, never a version without one.
    func complete(
        _ coordinator: JobCoordinator, _ rows: TrainingRows, _ outcome: FitOutcome, acceptedAt: Int64
    ) async throws {
        guard let request = coordinator.original else { throw TrainingFailure(.internal, "no request has been read") }
        let summary = coordinator.summary
        var metrics: [Metric: Double] = outcome.report?.values ?? [:]
        for (metric, folds) in summary { metrics[metric] = folds.mean }
        // What the engine cannot serve is no version.
        let engine = try await context.fits.pool.run { _ in try CompiledGraph(outcome.graph).engineIdentity }
        var candidate = PromotionCandidate(request.promotion, metrics: metrics)
        for _ in 0..<Self.maximumTurns {
            try control.check()
            let seen = try await context.registry()
            try await judge(&candidate, coordinator, rows, seen)
            let number = seen.models[request.model]?.nextNumber ?? 1
            let manifest = Manifest(
                name: request.model, version: number, graph: outcome.graph,
                training: VersionLineage.json(
                    command, source: source, coordinator: coordinator, rows: rows, outcome: outcome,
                    engine: engine, settings: context.settings),
                metrics: Dictionary(
                    uniqueKeysWithValues: metrics.filter(\.value.isFinite).map { ($0.key.rawValue, $0.value) }),
                createdAt: EventTime.text(acceptedAt))
            let bundle = try await context.fits.pool.run { _ in ModelBundle(manifest: manifest, graph: outcome.graph) }
            _ = try await context.store.put(bundle)
            let record = VersionRecord(
                identity: .init(name: request.model, number: number), digest: bundle.digest,
                weightsSHA256: bundle.manifest.weightsSHA256, graphSHA256: bundle.manifest.graphSHA256,
                framework: "millrace")
            let completion = TrainingEvent.Completion(
                version: number, metrics: metrics, folds: summary, promoted: candidate.isPromoted,
                promotion: candidate.json, weights: bundle.manifest.weightsSHA256, bundle: bundle.digest,
                dataset: rows.dataset.digest, confusion: outcome.report?.confusion?.json)
            try await waitForMembership()
            if case .committed(let promoted) = try await write(record, candidate, completion, coordinator) {
                context.metrics.published(record.identity)
                context.metrics.jobEnded(.completed)
                context.logger.info(
                    "training job completed",
                    metadata: [
                        "job": "\(command.job)", "version": "\(record.identity)", "promoted": "\(promoted)",
                    ])
                return
            }
        }
        throw KafkaError(
            operation: "write version", code: -1, name: "_FAIL",
            reason: "other writers of the registry were faster \(Self.maximumTurns) times")
    }

    private func write(
        _ record: VersionRecord, _ candidate: PromotionCandidate, _ completion: TrainingEvent.Completion,
        _ coordinator: JobCoordinator
    ) async throws -> Turn {
        var records = [event(.completed(completion), coordinator)]
        if let lineage = lineage(.complete(record.identity), coordinator) { records.append(lineage) }
        let companions = records
        return try await context.writer.write(as: context.settings.instanceID, prepare: settle) { state in
            let model = state.models[record.identity.name]
            guard candidate.isStillAgainst(model) else { return RegistryDecision([], .again) }
            var decision = try state.creation(record, alias: candidate.isPromoted ? candidate.alias : nil)
            guard decision.outcome else { return RegistryDecision([], .again) }
            decision.changes += candidate.pins(model, record.identity)
            guard let group = try membership.group(for: partition) else { throw Self.rebalancing }
            return RegistryDecision(
                decision.changes, .committed(promoted: candidate.isPromoted),
                with: RegistryCompanions(records: companions, offsets: offsets, group: group))
        }
    }

    /// What the incumbent scores on the same rows, unless that is known.
    private func judge(
        _ candidate: inout PromotionCandidate, _ coordinator: JobCoordinator, _ rows: TrainingRows,
        _ state: RegistryState
    ) async throws {
        guard let request = coordinator.original, let version = candidate.unjudgedIncumbent(state, request.model) else {
            return
        }
        do {
            let bundle = try await context.fits.bundle(version.digest)
            // Fits that had not seen the rows of their folds: it has been fitted to all of them since.
            let recorded = VersionLineage.folds(
                bundle.manifest.training, of: request, digest: rows.dataset.digest)
            if let recorded, !recorded.isEmpty { return candidate.judge(version, recorded) }
            let graph = bundle.graph
            let reports = try await context.fits.evaluate(
                graph, request, rows: rows, folds: coordinator.accepted?.folds ?? 1, control: control)
            candidate.judge(version, reports)
        } catch let error as JobStop {
            throw error
        } catch {
            // It takes other rows, or cannot be read: nothing says that the new one is better.
            candidate.judge(version, failed: "\(error)")
        }
    }

    /// The last event and the request's offset.
    func end(_ ending: JobCoordinator.Ending, _ coordinator: JobCoordinator) async throws {
        var records: [ProducerRecord]
        let end: TrainingMetrics.End
        switch ending {
        case .failed(let failure):
            end = .failed(failure.code)
            records = [event(.failed(failure), coordinator)]
            if let lineage = lineage(.fail(failure.description), coordinator) { records.append(lineage) }
            context.logger.notice("training job failed", metadata: ["job": "\(command.job)", "error": "\(failure)"])
        case .cancelled:
            end = .cancelled
            records = [event(.cancelled, coordinator)]
            if let lineage = lineage(.abort, coordinator) { records.append(lineage) }
            context.logger.notice("training job cancelled", metadata: ["job": "\(command.job)"])
        }
        while true {
            let group = try await waitForMembership()
            try await settle()
            switch try await transaction(records, group) {
            case .committed:
                context.metrics.jobEnded(end)
                return
            case .aborted: try? await Task.sleep(for: Self.tick)
            case .fatal(let error): throw error
            }
        }
    }

    /// One transactional id a partition: whoever is given the partition fences who had it.
    private func transaction(
        _ records: [ProducerRecord], _ group: ConsumerGroupMetadata
    ) async throws -> TransactionOutcome {
        let producer = try TransactionalProducer(
            TransactionalProducerConfiguration(
                producer: context.producer.configuration,
                transactionalID: "\(context.settings.requestGroup)-\(partition.topic)-\(partition.partition)"),
            logger: context.logger)
        let result: Result<TransactionOutcome, any Error>
        do {
            try await producer.initTransactions()
            result = .success(await producer.transaction(records: records, offsets: offsets, group: group))
        } catch {
            result = .failure(error)
        }
        await producer.close(deadline: .seconds(2))
        return try result.get()
    }

    // MARK: The group

    /// - Throws: ``JobStop/abandoned`` once the partition is another's.
    @discardableResult
    private func waitForMembership() async throws -> ConsumerGroupMetadata {
        while true {
            if let group = try membership.group(for: partition) { return group }
            if control.reason == .abandoned { throw JobStop.abandoned }
            try await Task.sleep(for: Self.tick)
        }
    }

    /// Waits until the group has taken note of how the last transaction with offsets ended, as ``ExactlyOnceSink`` does:
    /// until then its end may be taken for that of the next.
    private func settle() async throws {
        let topic = partition.topic
        let partitions = try await context.admin.metadata().topics[topic]?.topicPartitions ?? [partition]
        let deadline = ContinuousClock.now + Self.settlingTime
        while true {
            do {
                _ = try await consumer.committed(partitions, timeout: Self.settlingTime)
                return
            } catch let error as KafkaError where !error.isFatal && ContinuousClock.now < deadline {
                try? await Task.sleep(for: .milliseconds(5))
            }
        }
    }

    private static var rebalancing: KafkaError {
        KafkaError(
            operation: "commit training offset", code: -1, name: "_WAIT_COORD", reason: "the group is rebalancing",
            isRetriable: true)
    }
}
