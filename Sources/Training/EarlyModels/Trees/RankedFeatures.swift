/// A matrix of features with each value replaced by its rank among the distinct values of its column, so that growing
/// trees compares and counts small integers. Column-major.
struct RankedFeatures: Sendable {
    let rows: Int
    let columns: Int
    /// Column after column.
    let ranks: [UInt32]
    /// The distinct values of each column, ascending.
    let distinct: [[Float]]

    init(_ features: FeatureMatrix, _ shouldContinue: () throws -> Void) throws {
        (rows, columns) = (features.rows, features.columns)
        var ranks = [UInt32](repeating: 0, count: rows * columns)
        var distinct: [[Float]] = []
        distinct.reserveCapacity(columns)
        let sorter = KeySorter(capacity: rows)
        for column in 0..<columns {
            if column % 16 == 0 { try shouldContinue() }
            distinct.append(Self.rank(column, features, sorter, &ranks))
        }
        (self.ranks, self.distinct) = (ranks, distinct)
    }

    private static func rank(
        _ column: Int, _ features: FeatureMatrix, _ sorter: KeySorter, _ ranks: inout [UInt32]
    ) -> [Float] {
        let rows = features.rows
        features.values.withUnsafeBufferPointer { values in
            for row in 0..<rows {
                sorter.keys[row] = UInt64(ordered(values[row * features.columns + column])) << 32 | UInt64(row)
            }
        }
        sorter.sort(count: rows, keyBits: 32)
        var found: [Float] = []
        ranks.withUnsafeMutableBufferPointer { ranks in
            for place in 0..<rows {
                let row = Int(sorter.keys[place] & 0xffff_ffff)
                let value = features.values[row * features.columns + column] + 0
                if found.last != value { found.append(value) }
                ranks[column * rows + row] = UInt32(found.count - 1)
            }
        }
        return found
    }

    /// The bits of a finite number, turned so that they order as it does; both zeros are one.
    private static func ordered(_ value: Float) -> UInt32 {
        let bits = (value + 0).bitPattern
        return bits >> 31 == 0 ? bits | 0x8000_0000 : ~bits
    }

    /// What separates the values of two ranks of a column: their midpoint, rounded down to a float32. A float32 is at most
    /// the one exactly if it is at most the other.
    func threshold(_ column: Int, between lower: UInt32, and upper: UInt32) -> Float {
        let (a, b) = (Double(distinct[column][Int(lower)]), Double(distinct[column][Int(upper)]))
        let middle = a + (b - a) / 2
        let rounded = Float(middle)
        return Double(rounded) > middle ? rounded.nextDown : rounded
    }
}
