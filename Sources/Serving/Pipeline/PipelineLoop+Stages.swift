import DequeModule
import KafkaClient
import Logging
import Synchronization
import TensorEngine

// The stages that start work: taking records, decoding, batches, publishing.
extension PipelineLoop {
    /// Takes what the client has, as far as there is room, and answers rebalances.
    mutating func receive(in group: inout Group) async throws {
        guard redoNotBefore <= .now, try adjustFlow() else { return }
        let limit = min(Self.drainLimit, max(1, state.rowRoom))
        let events = pipeline.consumer.drain(maximumRecords: limit, maximumBytes: max(1, state.byteRoom))
        hasBacklog = isPaused
        for event in events {
            switch event {
            case .records(let records):
                if records.count >= limit { hasBacklog = true }
                admit(records)
            case .assigned(let partitions):
                try assign(partitions)
                if let didAssign = pipeline.configuration.didAssign {
                    group.addTask { await didAssign(partitions) }
                }
            case .revoked(let partitions, let lost):
                try await revoke(partitions, lost: lost, in: &group)
            case .failed(let error):
                guard !error.isFatal else { throw PipelineError.fatal(error) }
                pipeline.logger.warning("consumer error", metadata: ["error": "\(error)"])
            case .endOfPartition:
                continue
            }
        }
    }

    /// Whether to drain now.
    ///
    /// With too much under way nothing is drained until half of it has left; what the client prefetches meanwhile is
    /// bounded by its own limits. Only when that takes long are the partitions paused, so that rebalances are still heard:
    /// the client needs up to a second to fetch again after a resume, far too long for every full moment of a backlog.
    private mutating func adjustFlow() throws -> Bool {
        if state.isFull, fullSince == nil { fullSince = .now }
        guard let since = fullSince else { return true }
        if state.hasRoom {
            fullSince = nil
            if isPaused { try pipeline.consumer.resume(state.assignment) }
            isPaused = false
            return true
        }
        hasBacklog = true
        if !isPaused, since + Self.longestUnheard <= .now {
            try pipeline.consumer.pause(state.assignment)
            isPaused = true
        }
        return isPaused
    }

    private mutating func admit(_ records: [KafkaRecord]) {
        var last: (record: KafkaRecord, lane: Int?)?
        for record in records {
            if last.map({ $0.record.isKnownNeighbour(of: record) }) != true {
                last = (record, state.lane(of: record.topicPartition))
            }
            guard let lane = last?.lane,
                let ticket = state.admit(lane: lane, offset: record.offset, bytes: record.byteCount)
            else { continue }
            if !suspects.isEmpty, isGivenUp(record, ticket) { continue }
            undecoded.append((ticket, record))
        }
    }

    private mutating func assign(_ partitions: [TopicPartition]) throws {
        pipeline.logger.info(
            "partitions assigned",
            metadata: ["partitions": "\(partitions.sorted().map(\.description).joined(separator: ", "))"])
        state.assign(partitions)
        // Read before the group is told: until then it cannot move on to another generation.
        membership = try? pipeline.consumer.groupMetadata()
        try pipeline.consumer.assign(Dictionary(uniqueKeysWithValues: partitions.map { ($0, nil) }))
        // A client may remember a pause from before.
        if isPaused { try pipeline.consumer.resume(partitions) }
        isPaused = false
        let assignment = state.assignment
        pipeline.currentStatus.withLock {
            $0.isAssigned = true
            $0.assignment = assignment
        }
    }

    /// Answers and publishes what was admitted of the partitions, as far as the deadline permits, before the group is
    /// told that they are free; of lost partitions everything is dropped, they are another member's already.
    private mutating func revoke(_ partitions: [TopicPartition], lost: Bool, in group: inout Group) async throws {
        pipeline.logger.info(
            "partitions revoked",
            metadata: [
                "partitions": "\(partitions.sorted().map(\.description).joined(separator: ", "))", "lost": "\(lost)",
            ])
        pipeline.currentStatus.withLock { $0.isAssigned = false }
        if !lost {
            hasBacklog = false
            let deadline = ContinuousClock.now + Self.revocationDeadline
            while !state.isIdle, .now < deadline {
                advance(in: &group)
                // Whoever gets the partitions next waits for the model itself.
                if waitsForModelsOnly { break }
                await pipeline.signal.wait(until: min(deadline, batchDeadline ?? deadline))
                try await handleMessages()
            }
        }
        state.revoke(partitions)
        forgetDeadTickets()
        try pipeline.consumer.unassign()
        let assignment = state.assignment
        pipeline.currentStatus.withLock { $0.assignment = assignment }
    }

    func hasFreeThread() -> Bool { runningJobs < pipeline.configuration.threadCount }

    mutating func startDecoding(in group: inout Group) {
        while !undecoded.isEmpty, runningJobs < 2 * pipeline.configuration.threadCount {
            let chunk = nextChunk()
            let jobs = pipeline.jobs
            start(in: &group, over: { chunk.map(\.record.position) }) { _ in .decoded(jobs.decode(chunk)) }
        }
    }

    mutating func startBatches(in group: inout Group) {
        joinSplitRequests(in: &group)
        while hasRoomForBatch {
            let gainsNothingByWaiting = hasFreeThread() && (hasBacklog || stopDeadline != nil) && undecoded.isEmpty
            guard let batch = planner.nextBatch(at: .now, takesPartial: gainsNothingByWaiting) else { return }
            let slices = batch.slices.compactMap { slice in
                state.pending(slice.ticket).map { pending in
                    RecordSlice(
                        slice: BoundSlice(ticket: slice.ticket, request: pending.request, rows: slice.rows),
                        record: pending.record)
                }
            }
            guard !slices.isEmpty else { continue }
            pipeline.statistics.countBatch(rows: slices.reduce(0) { $0 + $1.slice.rows.count })
            let jobs = pipeline.jobs
            start(in: &group, over: { slices.map(\.record.position) }) { context in
                .answered(jobs.run(slices, on: context))
            }
        }
    }

    private mutating func joinSplitRequests(in group: inout Group) {
        for ticket in complete {
            guard let request = state.pending(ticket) else { continue }
            let parts = state.takeParts(ticket)
            let jobs = pipeline.jobs
            start(in: &group, over: { [request.record.position] }) { _ in
                .answered(jobs.join(parts, of: request.request, ticket: ticket, record: request.record))
            }
        }
        complete.removeAll()
    }

    mutating func startPublishing(in group: inout Group) {
        guard !isGathering, state.publishing == nil else { return }
        // Nobody waits for a shadow, and so neither does a stop.
        let shadows = stopDeadline == nil ? pipeline.shadows.takeAnswers { state.fate($0) } : []
        guard let set = state.beginPublishing(with: shadows) else { return }
        let (pipeline, membership) = (pipeline, membership)
        group.addTask { pipeline.post(.published(await pipeline.sink.publish(set, under: membership))) }
    }

    /// Runs a job on a compute thread and posts what it reports; the journal knows its records meanwhile.
    private mutating func start(
        in group: inout Group, over positions: @escaping @Sendable () -> [RecordPosition],
        _ job: @escaping @Sendable (ExecutionContext) -> PipelineMessage
    ) {
        runningJobs += 1
        let pipeline = pipeline
        group.addTask {
            do {
                let message = try await pipeline.pool.run { context in
                    let mark = pipeline.journal?.begin(positions())
                    defer { pipeline.journal?.end(mark) }
                    return job(context)
                }
                pipeline.post(message)
            } catch {
                pipeline.post(.failed("\(error)"))
            }
        }
    }
}
