import KafkaClient
import Serving
import Synchronization

/// A log of requests and the log of its answers, in memory, with one member to whom nothing happens: for tests of what the
/// pipeline does when nothing disturbs it.
final class CalmLog: RequestSource, AnswerSink {
    struct State {
        var log: [TopicPartition: [KafkaRecord]] = [:]
        var positions: [TopicPartition: Int] = [:]
        var isAssigned = false
        var committed: [TopicPartition: Int64] = [:]
        /// In the order of their commits.
        var answers: [ProducerRecord] = []
        /// How many of the answers were committed by each publication.
        var publications: [Int] = []
    }

    let topic: String
    let partitions: [TopicPartition]
    let signal = WakeSignal()
    private let state: Mutex<State>

    init(topic: String = "requests", partitionCount: Int = 1) {
        self.topic = topic
        let partitions = (0..<partitionCount).map { TopicPartition(topic: topic, partition: Int32($0)) }
        self.partitions = partitions
        state = Mutex(State(log: Dictionary(uniqueKeysWithValues: partitions.map { ($0, []) })))
    }

    func append(_ value: String, key: String? = nil, headers: [KafkaHeader] = [], to partition: Int = 0) {
        state.withLock { state in
            let partition = partitions[partition]
            let offset = Int64(state.log[partition]?.count ?? 0)
            state.log[partition]?.append(
                KafkaRecord(
                    topicPartition: partition, offset: offset, timestamp: 1, key: key.map { Array($0.utf8)[...] },
                    value: Array(value.utf8)[...], headers: headers))
        }
        signal.signal()
    }

    var answers: [ProducerRecord] { state.withLock { $0.answers } }
    var publications: [Int] { state.withLock { $0.publications } }
    var committed: [TopicPartition: Int64] { state.withLock { $0.committed } }

    func answers(on topic: String) -> [ProducerRecord] { answers.filter { $0.topic == topic } }

    // MARK: RequestSource

    func subscribe(to topics: [String]) throws { signal.signal() }

    func drain(maximumRecords: Int, maximumBytes: Int) -> [ConsumerEvent] {
        state.withLock { state in
            guard state.isAssigned else {
                state.isAssigned = true
                return [.assigned(partitions)]
            }
            var found: [KafkaRecord] = []
            for partition in partitions {
                guard let position = state.positions[partition], let log = state.log[partition] else { continue }
                let more = log[position...].prefix(maximumRecords - found.count)
                found += more
                state.positions[partition] = position + more.count
            }
            return found.isEmpty ? [] : [.records(found)]
        }
    }

    func assign(_ positions: [TopicPartition: Int64?]) throws {
        state.withLock { state in
            for partition in positions.keys { state.positions[partition] = Int(state.committed[partition] ?? 0) }
        }
        signal.signal()
    }

    func unassign() throws {}
    func pause(_ partitions: [TopicPartition]) throws {}
    func resume(_ partitions: [TopicPartition]) throws {}
    func seek(_ positions: [TopicPartition: Int64]) async throws {
        state.withLock { state in
            for (partition, offset) in positions { state.positions[partition] = Int(offset) }
        }
        signal.signal()
    }
    func groupMetadata() throws -> ConsumerGroupMetadata {
        ConsumerGroupMetadata(group: "calm", generation: 1, member: "one")
    }
    func close(deadline: Duration) async {}

    // MARK: AnswerSink

    func publish(_ set: AnswerSet, under membership: ConsumerGroupMetadata?) async -> PublishOutcome {
        state.withLock { state in
            state.answers += set.records
            state.publications.append(set.records.count)
            state.committed.merge(set.offsets) { _, new in new }
        }
        return .committed
    }
}
