/// In which order rows are trained on, epoch by epoch: a function of the seed and the epoch, so that a run that resumes
/// takes the batches it would have taken.
public struct BatchSchedule: Sendable, Hashable {
    public let rows: [Int]
    public let batchSize: Int
    public let seed: UInt64
    /// Whether each epoch has an order of its own.
    public let shuffles: Bool
    /// Whether a last batch that is not full is left out.
    public let dropsLast: Bool

    /// - Precondition: the batch size is at least 1.
    public init(_ rows: [Int], batchSize: Int, seed: UInt64, shuffles: Bool = true, dropsLast: Bool = false) {
        precondition(batchSize >= 1, "a batch of \(batchSize) rows")
        self.rows = rows
        self.batchSize = batchSize
        self.seed = seed
        self.shuffles = shuffles
        self.dropsLast = dropsLast
    }

    /// Batches of an epoch.
    public var batchCount: Int { dropsLast ? rows.count / batchSize : (rows.count + batchSize - 1) / batchSize }

    /// All rows in the order of an epoch: a permutation from the stream `"shuffle"`.
    public func order(epoch: Int) -> [Int] {
        guard shuffles else { return rows }
        var random = RandomSource(seed: seed, stream: "shuffle", epoch)
        var order = rows
        random.shuffle(&order)
        return order
    }

    /// The batches of an epoch.
    public func batches(epoch: Int) -> [ArraySlice<Int>] {
        let order = order(epoch: epoch)
        return (0..<batchCount).map { order[$0 * batchSize..<min(($0 + 1) * batchSize, order.count)] }
    }
}
