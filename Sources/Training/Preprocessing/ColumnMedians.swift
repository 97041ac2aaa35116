/// The medians of columns, exactly and in memory that does not depend on the rows: the numbers are counted by their
/// upper sixteen bits, and those around the middle, in a second pass, by their lower ones.
enum ColumnMedians {
    /// Columns counted at one time: 32 MiB.
    static let block = 64

    /// Unsigned keys in the order of the numbers.
    private static func key(_ value: Float) -> UInt32 {
        let bits = value.bitPattern
        return bits & 0x8000_0000 == 0 ? bits | 0x8000_0000 : ~bits
    }

    private static func value(_ key: UInt32) -> Float {
        Float(bitPattern: key & 0x8000_0000 == 0 ? ~key : key & 0x7fff_ffff)
    }

    /// The median of each of some columns, the mean of the two in the middle where there are two; nil for a column
    /// without numbers.
    /// - Parameter forEachBatch: calls its argument with all rows, batch by batch; called twice for every 64 columns.
    static func find(
        _ columns: [Int], width: Int,
        forEachBatch: ((UnsafeBufferPointer<Float>) throws(DataError) -> Void) throws(DataError) -> Void
    ) throws(DataError) -> [Double?] {
        var result: [Double?] = []
        for start in stride(from: 0, to: columns.count, by: block) {
            let part = Array(columns[start..<min(start + block, columns.count)])
            var upper = [[Int]](repeating: [Int](repeating: 0, count: 1 << 16), count: part.count)
            try forEachBatch { values throws(DataError) in
                for row in stride(from: 0, to: values.count, by: width) {
                    for (index, column) in part.enumerated() where !values[row + column].isNaN {
                        upper[index][Int(key(values[row + column]) >> 16)] += 1
                    }
                }
            }
            // The bins of the two middle ranks, and the ranks in them.
            let wanted = upper.map { counts -> [(bin: Int, rank: Int)] in
                let total = counts.reduce(0, +)
                return total == 0 ? [] : [(total - 1) / 2, total / 2].map { place($0, counts) }
            }
            var lower = wanted.map { $0.map { _ in [Int](repeating: 0, count: 1 << 16) } }
            try forEachBatch { values throws(DataError) in
                for row in stride(from: 0, to: values.count, by: width) {
                    for (index, column) in part.enumerated() where !values[row + column].isNaN {
                        let key = key(values[row + column])
                        for (side, place) in wanted[index].enumerated() where Int(key >> 16) == place.bin {
                            lower[index][side][Int(key & 0xffff)] += 1
                        }
                    }
                }
            }
            for (index, places) in wanted.enumerated() {
                let middle = places.enumerated().map { side, found -> Double in
                    let low = place(found.rank, lower[index][side]).bin
                    return Double(value(UInt32(found.bin) << 16 | UInt32(low)))
                }
                result.append(middle.isEmpty ? nil : (middle[0] + middle[1]) / 2)
            }
        }
        return result
    }

    /// The bin that the rank (from 0) falls into, and its rank there.
    private static func place(_ rank: Int, _ counts: [Int]) -> (bin: Int, rank: Int) {
        var left = rank
        for (bin, count) in counts.enumerated() {
            if left < count { return (bin, left) }
            left -= count
        }
        return (counts.count - 1, 0)
    }
}
