import DequeModule

/// Groups rows into micro-batches. A value: no clock, no broker, no threads; time is handed in.
///
/// A batch closes when its group reaches the row limit or the byte limit, or when the group's oldest row has waited
/// the longest permitted delay. With a backlog nothing waits: a free compute thread gets whatever there is.
/// Requests larger than a batch are split; rows never change their order within a group.
package struct BatchPlanner: Sendable {
    package struct Limits: Sendable, Hashable {
        /// Rows in a batch, at least 1.
        package var maximumRows: Int
        /// Bytes of input rows in a batch; a single larger row still gets a batch of its own.
        package var maximumBytes: Int
        /// How long the oldest row may wait for company.
        package var maximumDelay: Duration

        package init(maximumRows: Int = 128, maximumBytes: Int = 8 << 20, maximumDelay: Duration = .milliseconds(2)) {
            self.maximumRows = max(1, maximumRows)
            self.maximumBytes = max(1, maximumBytes)
            self.maximumDelay = max(.zero, maximumDelay)
        }
    }

    private struct Pending {
        let ticket: Ticket
        var rows: Range<Int>
        let bytesPerRow: Int
        let arrival: ContinuousClock.Instant
    }

    private struct Group {
        let key: BatchKey
        var pending: Deque<Pending> = []
        var rowCount = 0
        var byteCount = 0

        mutating func append(_ one: Pending) {
            pending.append(one)
            rowCount += one.rows.count
            byteCount = BatchPlanner.saturatingSum(byteCount, one.rows.count, times: one.bytesPerRow)
        }
    }

    package let limits: Limits
    /// Empty ones too, until there are many.
    private var groups: [Group] = []
    private var indices: [BatchKey: Int] = [:]
    /// The group that was added to last: neighbours mostly share it, and comparing is cheaper than hashing.
    private var recent = 0
    private var compactionCount = 16
    /// Rows that wait for a batch.
    package private(set) var rowCount = 0

    package init(limits: Limits) {
        self.limits = limits
    }

    package var isEmpty: Bool { rowCount == 0 }

    /// When the first group has to close for the age of its oldest row; nil without rows.
    package var nextDeadline: ContinuousClock.Instant? {
        groups.compactMap { $0.pending.first?.arrival }.min()?.advanced(by: limits.maximumDelay)
    }

    /// Adds a request's rows; a request without rows is refused before it comes here.
    package mutating func add(
        _ ticket: Ticket, key: BatchKey, rowCount: Int, bytesPerRow: Int, at now: ContinuousClock.Instant
    ) {
        guard rowCount > 0 else { return }
        groups[group(of: key)].append(
            Pending(ticket: ticket, rows: 0..<rowCount, bytesPerRow: bytesPerRow, arrival: now))
        self.rowCount += rowCount
    }

    private mutating func group(of key: BatchKey) -> Int {
        if recent < groups.count, groups[recent].key == key { return recent }
        if let index = indices[key] {
            recent = index
            return index
        }
        if groups.count >= compactionCount { compact() }
        recent = groups.count
        groups.append(Group(key: key))
        indices[key] = recent
        return recent
    }

    /// Drops the empty groups.
    private mutating func compact() {
        groups.removeAll { $0.pending.isEmpty }
        indices = Dictionary(uniqueKeysWithValues: groups.enumerated().map { ($1.key, $0) })
        compactionCount = max(16, 2 * groups.count)
    }

    /// The batch to run now, or nil when every group does better to wait.
    ///
    /// - Parameter takesPartial: a compute thread is free and a backlog is known, so that waiting would gain nothing.
    package mutating func nextBatch(at now: ContinuousClock.Instant, takesPartial: Bool) -> PlannedBatch? {
        var chosen: (index: Int, arrival: ContinuousClock.Instant)?
        for (index, group) in groups.enumerated() {
            guard let arrival = group.pending.first?.arrival else { continue }
            let isFull = group.rowCount >= limits.maximumRows || group.byteCount >= limits.maximumBytes
            let isDue = arrival.advanced(by: limits.maximumDelay) <= now
            guard isFull || isDue || takesPartial else { continue }
            if let current = chosen, current.arrival <= arrival { continue }
            chosen = (index, arrival)
        }
        guard let index = chosen?.index else { return nil }
        let slices = Self.takeSlices(from: &groups[index], limits)
        rowCount -= slices.reduce(0) { $0 + $1.rows.count }
        return PlannedBatch(key: groups[index].key, slices: slices)
    }

    /// Forgets the rows of every lane that `isGone` names.
    package mutating func removeAll(where isGone: (Ticket) -> Bool) {
        for (index, group) in groups.enumerated() {
            var kept = Group(key: group.key)
            for pending in group.pending where !isGone(pending.ticket) {
                kept.append(pending)
            }
            rowCount -= group.rowCount - kept.rowCount
            groups[index] = kept
        }
        compact()
    }

    private static func takeSlices(from group: inout Group, _ limits: Limits) -> [RowSlice] {
        var slices: [RowSlice] = []
        var rows = 0
        var bytes = 0
        while var pending = group.pending.first, rows < limits.maximumRows {
            let byBytes = pending.bytesPerRow > 0 ? (limits.maximumBytes - bytes) / pending.bytesPerRow : Int.max
            var count = min(pending.rows.count, limits.maximumRows - rows, byBytes)
            if count < 1 {
                guard slices.isEmpty else { break }
                count = 1
            }
            let taken = pending.rows.lowerBound..<(pending.rows.lowerBound + count)
            slices.append(RowSlice(ticket: pending.ticket, rows: taken))
            rows += count
            bytes += count * pending.bytesPerRow
            group.rowCount -= count
            group.byteCount -= min(group.byteCount, count * pending.bytesPerRow)
            if taken.upperBound == pending.rows.upperBound {
                group.pending.removeFirst()
            } else {
                pending.rows = taken.upperBound..<pending.rows.upperBound
                group.pending[group.pending.startIndex] = pending
            }
        }
        return slices
    }

    private static func saturatingSum(_ base: Int, _ count: Int, times size: Int) -> Int {
        let (product, overflow) = count.multipliedReportingOverflow(by: size)
        let (sum, carries) = base.addingReportingOverflow(product)
        return overflow || carries ? .max : sum
    }
}
