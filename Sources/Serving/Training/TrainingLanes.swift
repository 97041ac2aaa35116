import DequeModule
package import KafkaClient

/// Which job of each partition runs, and which commands wait behind it: a value without broker or clock.
///
/// A partition's requests are jobs one after the other. Cancellations are seen while they still wait behind the job that
/// they end.
package struct TrainingLanes: Sendable {
    package enum Action: Sendable, Hashable {
        /// - Parameter isCancelled: a cancellation was read already.
        case start(TrainingCommand, isCancelled: Bool)
        case cancel(RecordPosition)
        /// The partition is another instance's: stop without a word.
        case abandon(RecordPosition)
        /// Nothing before this offset is to be read again.
        case commit(TopicPartition, Int64)
        case pause(TopicPartition)
        case resume(TopicPartition)
    }

    private struct Lane: Sendable {
        var running: TrainingCommand?
        var waiting: Deque<TrainingCommand> = []
        /// Offsets of waiting requests that are cancelled already.
        var cancelled: Set<Int64> = []
        var isPaused = false
        /// One after the last command that was read.
        var next: Int64 = .min
    }

    private var lanes: [TopicPartition: Lane] = [:]
    private let maximumWaiting: Int

    /// - Parameter maximumWaiting: commands of one partition; its reading pauses at so many.
    package init(maximumWaiting: Int) { self.maximumWaiting = max(1, maximumWaiting) }

    /// Jobs that run.
    package var running: [TrainingCommand] { lanes.values.compactMap(\.running).sorted { $0.position < $1.position } }

    /// Commands that are read and not begun.
    package var waitingCount: Int { lanes.values.reduce(0) { $0 + $1.waiting.count } }

    /// These partitions are read from their committed offsets on. A job of one that was ours before goes on.
    package mutating func assigned(_ partitions: [TopicPartition]) -> [Action] {
        var actions: [Action] = []
        let kept = Set(partitions)
        for (partition, lane) in lanes.sorted(by: { $0.key < $1.key }) where !kept.contains(partition) {
            if let job = lane.running { actions.append(.abandon(job.position)) }
            lanes[partition] = nil
        }
        for partition in partitions.sorted() {
            var lane = Lane()
            lane.running = lanes[partition]?.running
            // What is running is read again, since its offset is not committed.
            lane.next = lane.running.map { $0.position.offset + 1 } ?? .min
            lanes[partition] = lane
        }
        return actions
    }

    /// The partitions went to others for good.
    package mutating func lost() -> [Action] { assigned([]) }

    /// Commands in the order of their offsets.
    package mutating func received(_ commands: [TrainingCommand]) -> [Action] {
        var actions: [Action] = []
        for command in commands {
            let partition = command.position.topicPartition
            guard var lane = lanes[partition], command.position.offset >= lane.next else { continue }
            lane.next = command.position.offset + 1
            if command.kind == .cancel {
                if let job = lane.running, job.job == command.job { actions.append(.cancel(job.position)) }
                for waiting in lane.waiting where waiting.kind == .request && waiting.job == command.job {
                    lane.cancelled.insert(waiting.position.offset)
                }
            }
            lane.waiting.append(command)
            lanes[partition] = lane
        }
        for partition in Set(commands.map(\.position.topicPartition)).sorted() {
            actions += pump(partition)
            actions += balance(partition)
        }
        return actions
    }

    /// The job at this position has come to its end, its offset included.
    package mutating func finished(_ position: RecordPosition) -> [Action] {
        let partition = position.topicPartition
        guard lanes[partition]?.running?.position == position else { return [] }
        lanes[partition]?.running = nil
        return pump(partition) + balance(partition)
    }

    private mutating func pump(_ partition: TopicPartition) -> [Action] {
        guard var lane = lanes[partition] else { return [] }
        var actions: [Action] = []
        var passed: Int64?
        while lane.running == nil, let command = lane.waiting.popFirst() {
            switch command.kind {
            case .cancel: passed = command.position.offset + 1
            case .request:
                lane.running = command
                let isCancelled = lane.cancelled.remove(command.position.offset) != nil
                actions.append(.start(command, isCancelled: isCancelled))
            }
        }
        if let passed { actions.insert(.commit(partition, passed), at: 0) }
        lanes[partition] = lane
        return actions
    }

    private mutating func balance(_ partition: TopicPartition) -> [Action] {
        guard var lane = lanes[partition] else { return [] }
        defer { lanes[partition] = lane }
        if !lane.isPaused, lane.waiting.count >= maximumWaiting {
            lane.isPaused = true
            return [.pause(partition)]
        }
        if lane.isPaused, lane.waiting.count <= maximumWaiting / 2 {
            lane.isPaused = false
            return [.resume(partition)]
        }
        return []
    }
}
