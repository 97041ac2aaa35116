import DequeModule
import KafkaClient
import Logging
import ModelRegistry
import Synchronization

/// The state of one run of a pipeline, and its stages. Only the task that runs it touches it.
struct PipelineLoop {
    /// Records decoded by one job: few enough to spread a backlog over the threads, enough to be worth the hand-over.
    static let decodeChunk = 64
    /// Records taken from the client at once.
    static let drainLimit = 2000
    /// The longest sleep: a consumer that is never drained is taken for dead by its group.
    static let tick = Duration.milliseconds(500)
    static let maximumRedos = 100
    static let maximumRedoDelay = Duration.seconds(5)
    /// How long a full pipeline leaves the client alone before it pauses the partitions instead.
    static let longestUnheard = Duration.seconds(1)
    /// How long answers of a backlog wait for others to share their transaction.
    static let longestGathering = Duration.milliseconds(50)
    /// How long a rebalance waits for what was admitted to be answered and published.
    static let revocationDeadline = Duration.seconds(5)

    typealias Group = DiscardingTaskGroup

    let pipeline: InferencePipeline
    var state: PipelineState
    /// As it stood when the partitions were assigned.
    var membership: ConsumerGroupMetadata?
    var planner: BatchPlanner
    /// Split requests whose parts are all there.
    var complete: [Ticket] = []
    var undecoded: Deque<(ticket: Ticket, record: KafkaRecord)> = []
    /// Requests whose model is being loaded.
    var parked = ParkedRequests()
    /// Records over which an earlier process died.
    var suspects: [RecordPosition: CrashJournal.Suspect]
    /// Tickets of suspects: they are decoded and run alone.
    var loners: Set<Ticket> = []
    var runningJobs = 0
    var isPaused = false
    /// Since when nothing more is taken in.
    var fullSince: ContinuousClock.Instant?
    /// The last drain stopped at a limit: the client has more.
    var hasBacklog = false
    /// Since when no set has been under way.
    var gatheringSince = ContinuousClock.now
    var redoCount = 0
    var redoNotBefore = ContinuousClock.now
    var stopDeadline: ContinuousClock.Instant?

    init(_ pipeline: InferencePipeline) {
        self.pipeline = pipeline
        state = PipelineState(limits: pipeline.configuration.limits)
        planner = BatchPlanner(limits: pipeline.configuration.batching)
        suspects = pipeline.journal?.suspects ?? [:]
        if !suspects.isEmpty {
            pipeline.logger.warning(
                "an earlier process died over records; they run alone", metadata: ["records": "\(suspects.count)"])
        }
    }

    mutating func run(in group: inout Group) async throws {
        while true {
            try await handleMessages()
            if pipeline.status.isStopping, stopDeadline == nil {
                stopDeadline = .now + pipeline.configuration.shutdownDeadline
                pipeline.logger.info("stopping", metadata: ["rowsInFlight": "\(state.rows)"])
            }
            if stopDeadline == nil { try await receive(in: &group) }
            advance(in: &group)
            if let stopDeadline, state.isIdle || waitsForModelsOnly || stopDeadline <= .now { return }
            await pipeline.signal.wait(until: wakeTime())
        }
    }

    /// Starts every job that there is work and room for.
    mutating func advance(in group: inout Group) {
        revisitParked()
        startBatches(in: &group)
        startDecoding(in: &group)
        startPublishing(in: &group)
    }

    private func wakeTime() -> ContinuousClock.Instant {
        let now = ContinuousClock.now
        let redo = redoNotBefore > now ? redoNotBefore : nil
        let gathered = isGathering ? gatheringSince + Self.longestGathering : nil
        return [batchDeadline, stopDeadline, redo, gathered, parked.nextDeadline].compactMap { $0 }.reduce(
            now + Self.tick, min)
    }

    /// When a batch has to close for its age; nil without rows, or while every thread is busy: a batch that cannot start
    /// is nothing to wake for, and the job that finishes first wakes anyway.
    var batchDeadline: ContinuousClock.Instant? { hasRoomForBatch ? planner.nextDeadline : nil }

    /// Whether answers wait for more to share their transaction. Under a backlog only: what a transaction costs, round trips
    /// and the client library's timers, it costs whatever its size. Never with nothing under way that could add to it.
    var isGathering: Bool {
        hasBacklog && stopDeadline == nil && runningJobs > 0 && state.publishing == nil && !state.hasAnsweredSet
            && .now < gatheringSince + Self.longestGathering
    }

    /// One job more than threads, so that no thread waits for this task to hand it the next.
    var hasRoomForBatch: Bool { runningJobs <= pipeline.configuration.threadCount }

    // MARK: Reports of finished jobs

    mutating func handleMessages() async throws {
        let messages = pipeline.inbox.withLock { inbox in
            defer { inbox.removeAll() }
            return inbox
        }
        guard !messages.isEmpty else { return }
        let now = ContinuousClock.now
        var answered = (count: 0, errors: 0)
        defer { pipeline.statistics.countAnswers(answered.count, errors: answered.errors) }
        for message in messages {
            switch message {
            case .decoded(let records):
                runningJobs -= 1
                for record in records { accept(record, at: now, &answered) }
            case .answered(let answers):
                runningJobs -= 1
                for answer in answers { accept(answer, &answered) }
            case .published(let outcome):
                try await accept(outcome)
            case .failed(let reason):
                throw PipelineError.jobFailed(reason)
            }
        }
    }

    private mutating func accept(
        _ decoded: DecodedRecord, at now: ContinuousClock.Instant, _ answered: inout (count: Int, errors: Int)
    ) {
        guard state.isLive(decoded.ticket) else { return }
        switch decoded.outcome {
        case .parked(let error):
            park(decoded, error, at: now)
        case .refused(let records):
            parked.settle(decoded.ticket)
            answered.count += 1
            answered.errors += 1
            state.answer(decoded.ticket, with: records)
        case .bound(let request):
            parked.settle(decoded.ticket)
            state.hold(PendingRequest(request, decoded.record), for: decoded.ticket)
            var key = request.batchKey
            if !loners.isEmpty, loners.contains(decoded.ticket) { key.loner = decoded.ticket }
            planner.add(
                decoded.ticket, key: key, rowCount: request.rowCount, bytesPerRow: request.bytesPerRow, at: now)
        }
    }

    private mutating func accept(_ answer: SliceAnswer, _ answered: inout (count: Int, errors: Int)) {
        switch answer {
        case .whole(let ticket, let records, let isError):
            guard state.isLive(ticket) else { return }
            answered.count += 1
            if isError { answered.errors += 1 }
            state.answer(ticket, with: records)
        case .shadowed(let work):
            guard state.isLive(work.ticket) else { return }
            pipeline.shadows.submit(work)
        case .part(let ticket, let rows, .success(let outputs)):
            if state.addPart(outputs, rows: rows, for: ticket) { complete.append(ticket) }
        case .part(let ticket, _, .failure(let error)):
            // The first failing part answers for the request; the parts still to come find it answered.
            guard let request = state.pending(ticket) else { return }
            accept(pipeline.jobs.failure(error, ticket: ticket, record: request.record), &answered)
        }
    }

    private mutating func accept(_ outcome: PublishOutcome) async throws {
        switch outcome {
        case .committed:
            pipeline.statistics.countPublished(state.publishing?.requestCount ?? 0)
            if let set = state.publishing { absolveSuspects(before: set.offsets) }
            pipeline.shadows.didPublish()
            state.finishPublishing()
            gatheringSince = .now
            redoCount = 0
        case .aborted(let error) where error.isMessageTooLarge:
            throw PipelineError.fatal(error)
        case .aborted(let error):
            redoCount += 1
            guard redoCount <= Self.maximumRedos else {
                throw PipelineError.tooManyRedos(redoCount, last: error)
            }
            pipeline.statistics.countRedo()
            pipeline.shadows.didAbort()
            pipeline.logger.warning(
                "answers were not published; reading their requests again",
                metadata: ["error": "\(error)", "attempt": "\(redoCount)"])
            let positions = state.rewind()
            forgetDeadTickets()
            // Nothing is under way any more: a full pipeline that had paused its partitions has room again.
            if isPaused { try pipeline.consumer.resume(state.assignment) }
            isPaused = false
            try await pipeline.consumer.seek(positions)
            redoNotBefore = .now + min(.milliseconds(100) * (1 << min(redoCount - 1, 6)), Self.maximumRedoDelay)
        case .fatal(let error):
            throw PipelineError.fatal(error)
        }
    }

    /// Drops the work of tickets that were revoked or rewound.
    mutating func forgetDeadTickets() {
        planner.removeAll { !state.isLive($0) }
        undecoded.removeAll { !state.isLive($0.ticket) }
        loners = loners.filter { state.isLive($0) }
        parked.removeAll { !state.isLive($0) }
        complete.removeAll { !state.isLive($0) }
    }
}
