import KafkaClient
import Logging
import ServiceLifecycle
import Synchronization

/// A member of a consumer group that works on one command of each partition at a time and reads on meanwhile.
///
/// One task, in ``run()``, owns the consumer and the lanes. It drains at least once a second, whatever the work does, so
/// that the group knows the member to be alive and cancellations are seen.
final class CommandLoop: Sendable {
    /// Works on a command until nothing of it is left to do, its offset included.
    /// - Returns: false when it was abandoned.
    typealias Work = @Sendable (CommandLoop, TrainingCommand, JobControl) async -> Bool

    /// How many commands are being worked on, and how many are read and not begun.
    typealias Report = @Sendable (_ running: Int, _ waiting: Int) -> Void

    private enum Message: Sendable {
        case finished(RecordPosition)
    }

    private struct State {
        var inbox: [Message] = []
        var controls: [RecordPosition: JobControl] = [:]
        var isStopping = false
        var isAssigned = false
    }

    private static let tick = Duration.seconds(1)
    private static let drained = 100

    let consumer: KafkaConsumer
    let membership = TrainingMembership()
    private let topic: String
    private let maximumBytes: Int
    private let maximumWaiting: Int
    private let shutdownDeadline: Duration
    private let logger: Logger
    private let signal: WakeSignal
    private let work: Work
    private let report: Report
    private let didAssign: @Sendable () async -> Void
    private let state = Mutex(State())

    init(
        topic: String, group: String, settings: TrainingSettings, maximumBytes: Int, logger: Logger,
        report: @escaping Report, didAssign: @escaping @Sendable () async -> Void = {}, work: @escaping Work
    ) throws {
        self.topic = topic
        self.maximumBytes = maximumBytes
        self.logger = logger
        self.work = work
        self.report = report
        self.didAssign = didAssign
        maximumWaiting = settings.maximumWaiting
        shutdownDeadline = settings.shutdownDeadline
        let signal = WakeSignal()
        self.signal = signal
        var configuration = ConsumerConfiguration(kafka: settings.kafka, groupID: group)
        configuration.sessionTimeout = settings.sessionTimeout
        configuration.maximumQueuedBytes = max(8 << 20, maximumBytes)
        consumer = try KafkaConsumer(configuration, logger: logger) { signal.signal() }
    }

    /// The group has answered.
    var isAssigned: Bool { state.withLock { $0.isAssigned } }

    /// Jobs that are being worked on.
    var running: [RecordPosition] { state.withLock { $0.controls.keys.sorted() } }

    func stop() {
        state.withLock { $0.isStopping = true }
        signal.signal()
    }

    /// Runs until ``stop()`` or its task's cancellation.
    /// - Throws: a fatal ``KafkaError``.
    func run() async throws {
        try consumer.subscribe(to: [topic])
        let result: Result<Void, any Error> = await withDiscardingTaskGroup { group in
            let result: Result<Void, any Error>
            do {
                result = .success(try await loop(&group))
            } catch {
                result = .failure(error)
            }
            for control in state.withLock({ Array($0.controls.values) }) { control.stop(.abandoned) }
            await settle()
            group.cancelAll()
            return result
        }
        report(0, 0)
        await consumer.close(deadline: .seconds(5))
        try result.get()
    }

    private func loop(_ group: inout DiscardingTaskGroup) async throws {
        var lanes = TrainingLanes(maximumWaiting: maximumWaiting)
        while !Task.isCancelled, !state.withLock({ $0.isStopping }) {
            let messages = state.withLock { state in
                defer { state.inbox = [] }
                return state.inbox
            }
            var actions: [TrainingLanes.Action] = []
            for case .finished(let position) in messages { actions += lanes.finished(position) }
            for event in consumer.drain(maximumRecords: Self.drained, maximumBytes: maximumBytes) {
                switch event {
                case .records(let records):
                    actions += lanes.received(records.map { TrainingCommand($0, maximumBytes: maximumBytes) })
                case .assigned(let partitions):
                    try consumer.assign(Dictionary(uniqueKeysWithValues: partitions.map { ($0, Int64?.none) }))
                    try? consumer.resume(partitions)
                    membership.assigned(partitions, as: try? consumer.groupMetadata())
                    actions += lanes.assigned(partitions)
                    state.withLock { $0.isAssigned = true }
                    if !partitions.isEmpty { group.addTask { await self.didAssign() } }
                case .revoked(_, let isLost):
                    // What runs goes on: mostly the same partitions come back with the next assignment.
                    membership.revoked()
                    if isLost {
                        membership.assigned([], as: nil)
                        actions += lanes.lost()
                    }
                    try consumer.unassign()
                case .failed(let error) where error.isFatal: throw error
                case .failed(let error):
                    logger.warning("training topic not readable now", metadata: ["error": "\(error)"])
                case .endOfPartition: continue
                }
            }
            for action in actions { await perform(action, &group) }
            report(state.withLock { $0.controls.count }, lanes.waitingCount)
            await signal.wait(until: .now + Self.tick)
        }
    }

    private func perform(_ action: TrainingLanes.Action, _ group: inout DiscardingTaskGroup) async {
        switch action {
        case .start(let command, let isCancelled): start(command, isCancelled, &group)
        case .cancel(let position): state.withLock { $0.controls[position] }?.stop(.cancelled)
        case .abandon(let position): state.withLock { $0.controls[position] }?.stop(.abandoned)
        case .commit(let partition, let offset):
            do {
                try await consumer.commit([partition: offset])
            } catch {
                // It is read again, and passed over again.
                logger.debug("training offset not committed", metadata: ["error": "\(error)"])
            }
        case .pause(let partition): try? consumer.pause([partition])
        case .resume(let partition): try? consumer.resume([partition])
        }
    }

    private func start(_ command: TrainingCommand, _ isCancelled: Bool, _ group: inout DiscardingTaskGroup) {
        let control = JobControl()
        if isCancelled { control.stop(.cancelled) }
        let position = command.position
        // One that was abandoned may still be ending: it must be gone before the same begins anew.
        let earlier = state.withLock { state in
            defer { state.controls[position] = control }
            return state.controls[position]
        }
        earlier?.stop(.abandoned)
        group.addTask {
            if let earlier { await earlier.waitUntilOver() }
            let isOver = await self.work(self, command, control)
            control.setOver()
            self.state.withLock { state in
                if state.controls[position] === control { state.controls[position] = nil }
                if isOver { state.inbox.append(.finished(position)) }
            }
            self.signal.signal()
        }
    }

    /// Waits until what was told to stop has stopped, within the deadline.
    private func settle() async {
        let deadline = ContinuousClock.now + shutdownDeadline
        // In a task of its own: this one may be cancelled, and then it could only spin.
        await Task {
            while !running.isEmpty, .now < deadline { try? await Task.sleep(for: .milliseconds(20)) }
        }.value
    }
}
