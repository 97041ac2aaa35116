/// The positions that rows of a file had in a topic: those of every offset of its ranges, partition by partition.
///
/// A row's position counts for its fold and for the dataset's digest, so that rows which were saved in this order are the
/// same rows.
public struct ArchivedPositions: Sendable, Hashable {
    private struct Part: Hashable {
        let partition: Int32
        let offsets: Range<Int64>
    }

    /// In the order of the partitions.
    private let parts: [Part]
    public let count: Int

    /// - Parameter ranges: by partition.
    public init(_ ranges: [Int32: Range<Int64>]) {
        parts = ranges.sorted { $0.key < $1.key }.map { Part(partition: $0.key, offsets: $0.value) }
        count = parts.reduce(0) { $0 + $1.offsets.count }
    }

    /// Of a row counted from 0; nil behind the last.
    func provenance(_ row: Int) -> Provenance? {
        var left = row
        for part in parts {
            if left < part.offsets.count {
                return .record(partition: part.partition, offset: part.offsets.lowerBound + Int64(left))
            }
            left -= part.offsets.count
        }
        return nil
    }
}
