import DequeModule
package import KafkaClient
import ModelRegistry
import Synchronization

/// Requests of given ranges, with what was recorded of each, as an ``InferencePipeline`` reads them.
///
/// A task reads ahead, joins requests with their results and has the versions loaded that these name; the pipeline takes
/// from a bounded queue. No group is joined.
package final class ReplaySource: RequestSource {
    private static let maximumQueued = 8192
    private static let maximumQueuedBytes = 64 << 20

    struct Entry: Sendable {
        let recorded: RecordedResult?
        let precedent: Precedent
    }

    private struct State {
        var queue: Deque<KafkaRecord> = []
        var queuedBytes = 0
        var hasAnnounced = false
        var isPaused = false
        var isExhausted = false
        var isStopped = false
        var failure: (any Error)?
        /// Of requests that were read and are not settled.
        var entries = RequestTable<Entry>()
        /// One after the last request of each partition that was read.
        var ends: [TopicPartition: Int64] = [:]
        var settled: [TopicPartition: Int64] = [:]
        var settledCount = 0
        var reader: Task<Void, Never>?
    }

    let plan: ReplayPlan
    private let access: ReplayAccess
    private let group: String
    private let keepsResults: Bool
    private let log: ReplayLog
    /// Wakes the pipeline.
    private let signal: WakeSignal
    private let room = WakeSignal()
    private let state = Mutex(State())

    /// - Parameters:
    ///   - group: under whose name offsets are committed, if any are.
    ///   - keepsResults: whether the recorded results are wanted until a request is settled.
    package init(
        _ plan: ReplayPlan, access: ReplayAccess, group: String, keepsResults: Bool, log: ReplayLog, signal: WakeSignal
    ) {
        self.keepsResults = keepsResults
        self.plan = plan
        self.access = access
        self.group = group
        self.log = log
        self.signal = signal
    }

    // MARK: What the pipeline asks

    package func subscribe(to topics: [String]) throws { start(at: [:]) }

    package func drain(maximumRecords: Int, maximumBytes: Int) -> [ConsumerEvent] {
        let partitions = plan.segments.map(\.partition)
        let (events, isMore): ([ConsumerEvent], Bool) = state.withLock { state in
            if !state.hasAnnounced {
                state.hasAnnounced = true
                return ([.assigned(partitions)], true)
            }
            guard !state.isPaused, !state.isStopped else { return ([], false) }
            var records: [KafkaRecord] = []
            var bytes = 0
            while records.count < maximumRecords, bytes < maximumBytes, let record = state.queue.popFirst() {
                bytes += record.byteCount
                records.append(record)
            }
            state.queuedBytes -= bytes
            return (records.isEmpty ? [] : [.records(records)], !state.queue.isEmpty)
        }
        if isMore { signal.signal() }
        room.signal()
        return events
    }

    package func assign(_ positions: [TopicPartition: Int64?]) throws {}
    package func unassign() throws {}
    package func pause(_ partitions: [TopicPartition]) throws { state.withLock { $0.isPaused = true } }

    package func resume(_ partitions: [TopicPartition]) throws {
        state.withLock { $0.isPaused = false }
        signal.signal()
    }

    package func seek(_ positions: [TopicPartition: Int64]) async throws {
        let reader = state.withLock { $0.reader }
        reader?.cancel()
        await reader?.value
        state.withLock { state in
            state.queue = []
            state.queuedBytes = 0
            state.isPaused = false
            state.isExhausted = false
            state.entries = RequestTable()
        }
        start(at: positions)
    }

    /// No member of the group: its offsets are committed from outside, as a tool does.
    package func groupMetadata() throws -> ConsumerGroupMetadata {
        ConsumerGroupMetadata(group: group, generation: -1, member: "")
    }

    package func close(deadline: Duration) async {
        let reader = state.withLock { state in
            state.isStopped = true
            return state.reader
        }
        reader?.cancel()
        room.signal()
        await reader?.value
    }

    // MARK: What the replay asks

    /// How the pipeline is to answer one of the requests.
    package func precedent(of record: KafkaRecord) -> Precedent? {
        state.withLock { $0.entries[record.position]?.precedent }
    }

    func entry(at position: RecordPosition) -> Entry? { state.withLock { $0.entries[position] } }

    /// The answers before these offsets are where they belong.
    func settle(_ offsets: [TopicPartition: Int64], count: Int) {
        state.withLock { state in
            for (partition, offset) in offsets { state.entries.removeAll(before: offset, of: partition) }
            state.settled.merge(offsets) { max($0, $1) }
            state.settledCount += count
        }
    }

    /// Everything that was read is settled, and nothing more is to come.
    var isDone: Bool {
        state.withLock { state in
            state.failure != nil
                || state.isExhausted && state.ends.allSatisfy { state.settled[$0.key] ?? .min >= $0.value }
        }
    }

    var failure: (any Error)? { state.withLock { $0.failure } }

    package var settledCount: Int { state.withLock { $0.settledCount } }

    /// The first offset that is not settled, of each partition that was begun.
    package var positions: [TopicPartition: Int64] { state.withLock { $0.settled } }

    // MARK: Reading ahead

    private func start(at positions: [TopicPartition: Int64]) {
        let task = Task {
            do {
                try await self.readAll(from: positions)
                self.state.withLock { $0.isExhausted = true }
            } catch is CancellationError {
                return
            } catch {
                self.state.withLock { $0.failure = error }
            }
            self.log.progressed()
            self.signal.signal()
        }
        state.withLock { $0.reader = task }
    }

    private func readAll(from positions: [TopicPartition: Int64]) async throws {
        let parts: [SegmentReader.Part] = plan.segments.compactMap { segment in
            let start = max(segment.range.lowerBound, positions[segment.partition] ?? segment.range.lowerBound)
            guard start < segment.range.upperBound else { return nil }
            return SegmentReader.Part(
                requests: segment.partition, range: start..<segment.range.upperBound,
                results: plan.resultsPartitions(of: segment.partition))
        }
        var ready = ReadyVersions(access)
        // Connecting and finding the first results takes longer than answering thousands: the next partition is opened while
        // this one is read. One ahead bounds what is fetched and not yet wanted.
        var next = parts.first.map(open)
        for index in parts.indices {
            guard let opening = next else { break }
            let reader = try await withTaskCancellationHandler {
                try await opening.value
            } onCancel: {
                opening.cancel()
            }
            next = index + 1 < parts.count ? open(parts[index + 1]) : nil
            do {
                try await read(reader, &ready)
                await reader.close()
            } catch {
                await reader.close()
                next?.cancel()
                if let unread = try? await next?.value { await unread.close() }
                throw error
            }
        }
    }

    private func open(_ part: SegmentReader.Part) -> Task<SegmentReader, any Error> {
        let access = access
        return Task { try await SegmentReader.open(part, access: access) }
    }

    private func read(_ reader: SegmentReader, _ ready: inout ReadyVersions) async throws {
        var results = reader.results
        var records = reader.first
        while let chunk = records {
            try await join(chunk, with: &results, &ready)
            records = try await reader.requests.next(maximumRecords: SegmentReader.chunk)
        }
        if plan.isVerifying { try await results?.finish() }
        report(results?.takeIrregularities() ?? [])
    }

    private func join(
        _ records: [KafkaRecord], with results: inout RecordedResults?, _ ready: inout ReadyVersions
    ) async throws {
        var joined: [(record: KafkaRecord, entry: Entry)] = []
        joined.reserveCapacity(records.count)
        for record in records {
            let recorded = try await results?.result(of: record.offset)
            if recorded == nil, plan.isVerifying {
                log.add(.missing(record.position))
                state.withLock { $0.settledCount += 1 }
                continue
            }
            let precedent = Precedent(recorded, model: plan.model)
            try await ready.prepare(for: precedent, recorded, at: record.position)
            // What nobody looks at is not kept: the pages of a fetch are needed again.
            joined.append((record, Entry(recorded: keepsResults ? recorded : nil, precedent: precedent)))
        }
        report(results?.takeIrregularities() ?? [])
        try await waitForRoom()
        state.withLock { state in
            for (record, entry) in joined {
                state.entries.append(entry, at: record.position)
                state.queue.append(record)
                state.queuedBytes += record.byteCount
            }
            if let last = joined.last?.record { state.ends[last.topicPartition] = last.offset + 1 }
        }
        signal.signal()
    }

    private func report(_ irregularities: [RecordedResults.Irregularity]) {
        guard plan.isVerifying else { return }
        for irregularity in irregularities {
            switch irregularity {
            case .duplicate(let result): log.add(.duplicate(result.source, at: result.position))
            case .outOfOrder(let result): log.add(.outOfOrder(result.source, at: result.position))
            }
        }
    }

    private func waitForRoom() async throws {
        while true {
            try Task.checkCancellation()
            let hasRoom = state.withLock { state in
                state.isStopped || state.queue.count < Self.maximumQueued && state.queuedBytes < Self.maximumQueuedBytes
            }
            if hasRoom { return }
            await room.wait(until: .now + .milliseconds(200))
        }
    }
}

/// The versions that have been made ready so far.
private struct ReadyVersions {
    private let access: ReplayAccess
    private var references: Set<ModelReference> = []
    private var areAllReady = false

    init(_ access: ReplayAccess) { self.access = access }

    mutating func prepare(
        for precedent: Precedent, _ recorded: RecordedResult?, at position: RecordPosition
    ) async throws {
        switch precedent {
        case .error: return
        case .anew:
            if !areAllReady { try await access.loadAll() }
            areAllReady = true
        case .version(let reference):
            guard !references.contains(reference) else { return }
            do {
                try await access.load(reference)
            } catch {
                throw ReplayError.versionUnavailable("\(reference)", answered: position, reason: "\(error)")
            }
            references.insert(reference)
        }
    }
}
