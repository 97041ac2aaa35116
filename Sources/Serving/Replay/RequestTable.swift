import DequeModule
import KafkaClient

/// What is known of the requests under way. Those of a partition come in the order of their offsets, and go in it.
struct RequestTable<Value: Sendable>: Sendable {
    private struct Partition: Sendable {
        let place: TopicPartition
        var requests: Deque<(offset: Int64, value: Value)> = []
    }

    /// Few: a partition without requests under way is dropped.
    private var partitions: [Partition] = []

    subscript(position: RecordPosition) -> Value? {
        guard let index = index(of: position.topicPartition) else { return nil }
        let requests = partitions[index].requests
        let place = Self.firstIndex(in: requests, notBefore: position.offset)
        guard place < requests.count, requests[place].offset == position.offset else { return nil }
        return requests[place].value
    }

    /// - Parameter position: behind all others of its partition.
    mutating func append(_ value: Value, at position: RecordPosition) {
        let index: Int
        if let known = self.index(of: position.topicPartition) {
            index = known
        } else {
            index = partitions.count
            partitions.append(Partition(place: position.topicPartition))
        }
        partitions[index].requests.append((position.offset, value))
    }

    mutating func removeAll(before offset: Int64, of partition: TopicPartition) {
        guard let index = index(of: partition) else { return }
        let count = Self.firstIndex(in: partitions[index].requests, notBefore: offset)
        partitions[index].requests.removeFirst(count)
        if partitions[index].requests.isEmpty { partitions.remove(at: index) }
    }

    private func index(of partition: TopicPartition) -> Int? {
        // Numbers tell most apart without looking at the topic.
        partitions.firstIndex { $0.place.partition == partition.partition && $0.place.topic == partition.topic }
    }

    /// By bisection: offsets have gaps.
    private static func firstIndex(
        in requests: Deque<(offset: Int64, value: Value)>, notBefore offset: Int64
    ) -> Int {
        var (low, high) = (0, requests.count)
        while low < high {
            let middle = low + (high - low) / 2
            if requests[middle].offset < offset { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
