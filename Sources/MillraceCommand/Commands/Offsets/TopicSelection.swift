import ArgumentParser
import JSONDocuments
import KafkaClient

/// A topic on a command line, whole or some of its partitions: `requests`, `requests:0,2`.
struct TopicSelection: Sendable, Equatable, ExpressibleByArgument {
    let topic: String
    /// Nil is all of them.
    let partitions: Set<Int32>?

    init(topic: String, partitions: Set<Int32>?) {
        self.topic = topic
        self.partitions = partitions
    }

    init?(argument: String) {
        let parts = argument.split(separator: ":", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), !parts[0].isEmpty else { return nil }
        topic = String(parts[0])
        guard parts.count == 2 else {
            partitions = nil
            return
        }
        let texts = parts[1].split(separator: ",", omittingEmptySubsequences: false)
        let numbers = texts.compactMap { text in
            text.allSatisfy { $0.isASCII && $0.isNumber } ? Int32(text) : nil
        }
        guard !numbers.isEmpty, numbers.count == texts.count else { return nil }
        partitions = Set(numbers)
    }

    /// The selected partitions of topics that exist.
    ///
    /// - Parameter known: partitions of every topic.
    /// - Throws: ``CommandFailure`` naming the topic, with the nearest one that exists, or the partition.
    static func resolve(
        _ selections: [Self], among known: [String: [TopicPartition]]
    ) throws(CommandFailure) -> Set<TopicPartition> {
        var resolved: Set<TopicPartition> = []
        for selection in selections {
            guard let existing = known[selection.topic], !existing.isEmpty else {
                let nearest = NearestName.nearest(to: selection.topic, among: known.keys)
                let hint = nearest.map { "; did you mean \"\($0)\"?" } ?? ""
                throw CommandFailure(.notFound, "topic \"\(selection.topic)\" does not exist\(hint)")
            }
            guard let numbers = selection.partitions else {
                resolved.formUnion(existing)
                continue
            }
            for number in numbers.sorted() {
                let partition = TopicPartition(topic: selection.topic, partition: number)
                guard existing.contains(partition) else {
                    throw CommandFailure(
                        .notFound,
                        "topic \"\(selection.topic)\" has no partition \(number), only 0 to \(existing.count - 1)")
                }
                resolved.insert(partition)
            }
        }
        return resolved
    }

    func contains(_ partition: TopicPartition) -> Bool {
        partition.topic == topic && partitions?.contains(partition.partition) != false
    }
}
