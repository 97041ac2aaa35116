import KafkaClient
package import Training

/// Which offsets a dataset's bounds mean.
package struct RangeResolution: Sendable {
    /// A partition as the broker has it: what is kept, and what the bounds' times mean.
    package struct Partition: Sendable, Hashable {
        package var kept: Range<Int64>
        /// The first record at or after the time of the start; nil where there is none.
        package var start: Int64?
        package var end: Int64?

        package init(kept: Range<Int64>, start: Int64? = nil, end: Int64? = nil) {
            self.kept = kept
            self.start = start
            self.end = end
        }
    }

    private let range: TopicRange
    private let partitions: [Int32: Partition]

    /// - Parameter partitions: every partition of the topic.
    package init(_ range: TopicRange, _ partitions: [Int32: Partition]) {
        self.range = range
        self.partitions = partitions
    }

    /// - Throws: why there are no such rows, or not all of them any more.
    package func resolve(maximumRows: Int) throws(TrainingFailure) -> ResolvedRanges {
        var named = Set(range.partitions ?? [])
        for bound in [range.start, range.end] {
            if case .offsets(let offsets) = bound { named.formUnion(offsets.keys) }
        }
        for number in named.sorted() where partitions[number] == nil {
            throw TrainingFailure(
                .dataUnavailable,
                "topic \"\(range.topic)\" has \(partitions.count) partitions, there is no partition \(number)")
        }
        let chosen = range.partitions.map(Set.init)
        var found: [Int32: Range<Int64>] = [:]
        for (number, partition) in partitions.sorted(by: { $0.key < $1.key })
        where chosen?.contains(number) ?? true {
            let start = offset(range.start, number, partition.start, open: partition.kept.lowerBound, partition)
            let end = offset(range.end, number, partition.end, open: partition.kept.upperBound, partition)
            guard start < end else { continue }
            guard start >= partition.kept.lowerBound else {
                throw TrainingFailure(
                    .dataUnavailable,
                    "\(range.topic)/\(number): offsets from \(start) were asked for, retention has deleted those before "
                        + "\(partition.kept.lowerBound)")
            }
            guard end <= partition.kept.upperBound else {
                throw TrainingFailure(
                    .dataUnavailable,
                    "\(range.topic)/\(number): offsets up to \(end) were asked for, the log ends at "
                        + "\(partition.kept.upperBound)")
            }
            found[number] = start..<end
        }
        let ranges = ResolvedRanges(found)
        guard ranges.count > 0 else {
            throw TrainingFailure(.dataUnavailable, "topic \"\(range.topic)\" has no records in the range")
        }
        // Offsets are no fewer than records, except for the marks of transactions: twice as many are surely too many.
        guard ranges.count / 2 <= Int64(maximumRows) else {
            throw TrainingFailure(
                .dataUnavailable,
                "topic \"\(range.topic)\": the range has \(ranges.count) offsets, at most \(maximumRows) rows are allowed"
            )
        }
        return ranges
    }

    private func offset(
        _ bound: TopicRange.Bound, _ number: Int32, _ timed: Int64?, open: Int64, _ partition: Partition
    ) -> Int64 {
        switch bound {
        case .earliest: partition.kept.lowerBound
        case .latest: partition.kept.upperBound
        case .offsets(let offsets): offsets[number] ?? open
        case .time: timed ?? partition.kept.upperBound
        }
    }
}
