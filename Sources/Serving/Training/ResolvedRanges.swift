package import JSONDocuments

/// The offsets of a topic's records that are a job's rows, fixed when the job was accepted.
package struct ResolvedRanges: Sendable, Hashable {
    /// By partition; none is empty.
    package var partitions: [Int32: Range<Int64>]

    package init(_ partitions: [Int32: Range<Int64>]) {
        self.partitions = partitions.filter { !$0.value.isEmpty }
    }

    /// Offsets in the ranges: at least as many as there are records.
    package var count: Int64 { partitions.values.reduce(0) { $0 + Int64($1.count) } }

    /// `{"0": {"from": 100, "to": 250}}`, the end exclusive.
    package var json: JSONValue {
        .object(
            Dictionary(
                uniqueKeysWithValues: partitions.map { partition, range in
                    (String(partition), ["from": .integer(range.lowerBound), "to": .integer(range.upperBound)])
                }))
    }

    package init(_ json: JSONCursor) throws(JSONError) {
        var partitions: [Int32: Range<Int64>] = [:]
        for (name, value) in try json.members() {
            guard let partition = Int32(name), partition >= 0 else {
                throw value.failure("found \"\(name)\", expected the number of a partition")
            }
            let (start, end) = (try value.member("from").integer(), try value.member("to").integer())
            guard start >= 0, end >= start else { throw value.failure("found offsets \(start) to \(end)") }
            partitions[partition] = Int64(start)..<Int64(end)
        }
        self.init(partitions)
    }
}
