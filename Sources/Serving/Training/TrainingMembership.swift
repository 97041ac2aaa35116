import KafkaClient
import Synchronization

/// Under which membership of the group which partitions are this instance's.
///
/// Whoever commits asks here at the last moment: between the loss of partitions and the next assignment there is no
/// membership that holds.
package final class TrainingMembership: Sendable {
    private struct State {
        var group: ConsumerGroupMetadata?
        var partitions: Set<TopicPartition> = []
        /// All of the topic: whoever commits waits until nothing of them is pending.
        var topic: [TopicPartition] = []
    }

    private let state = Mutex(State())

    package init() {}

    func assigned(_ partitions: [TopicPartition], as group: ConsumerGroupMetadata?) {
        state.withLock { state in
            state.group = group
            state.partitions = Set(partitions)
        }
    }

    /// Nothing can be committed until the next assignment.
    func revoked() { state.withLock { $0.group = nil } }

    /// - Returns: nil while the group rebalances.
    /// - Throws: ``JobStop/abandoned`` when the partition is another's.
    func group(for partition: TopicPartition) throws(JobStop) -> ConsumerGroupMetadata? {
        let (group, isOurs) = state.withLock { ($0.group, $0.partitions.contains(partition)) }
        guard isOurs else { throw .abandoned }
        return group
    }
}
