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
    private var groups: [BatchKey: Group] = [:]
    /// Rows that wait for a batch.
    package private(set) var rowCount = 0

    package init(limits: Limits) {
        self.limits = limits
    }

    package var isEmpty: Bool { rowCount == 0 }

    /// When the first group has to close for the age of its oldest row; nil without rows.
    package var nextDeadline: ContinuousClock.Instant? {
        groups.values.compactMap { $0.pending.first?.arrival }.min()?.advanced(by: limits.maximumDelay)
    }

    /// Adds a request's rows; a request without rows is refused before it comes here.
    package mutating func add(
        _ ticket: Ticket, key: BatchKey, rowCount: Int, bytesPerRow: Int, at now: ContinuousClock.Instant
    ) {
        guard rowCount > 0 else { return }
        groups[key, default: Group()].append(
            Pending(ticket: ticket, rows: 0..<rowCount, bytesPerRow: bytesPerRow, arrival: now))
        self.rowCount += rowCount
    }

    /// The batch to run now, or nil when every group does better to wait.
    ///
    /// - Parameter takesPartial: a compute thread is free and a backlog is known, so that waiting would gain nothing.
    package mutating func nextBatch(at now: ContinuousClock.Instant, takesPartial: Bool) -> PlannedBatch? {
        var chosen: (key: BatchKey, arrival: ContinuousClock.Instant)?
        for (key, group) in groups {
            guard let arrival = group.pending.first?.arrival else { continue }
            let isFull = group.rowCount >= limits.maximumRows || group.byteCount >= limits.maximumBytes
            let isDue = arrival.advanced(by: limits.maximumDelay) <= now
            guard isFull || isDue || takesPartial else { continue }
            if let current = chosen, current.arrival <= arrival { continue }
            chosen = (key, arrival)
        }
        guard let key = chosen?.key, var group = groups.removeValue(forKey: key) else { return nil }
        let slices = takeSlices(from: &group)
        if !group.pending.isEmpty { groups[key] = group }
        return PlannedBatch(key: key, slices: slices)
    }

    /// Forgets the rows of every lane that `isGone` names.
    package mutating func removeAll(where isGone: (Ticket) -> Bool) {
        for (key, group) in groups {
            var kept = Group()
            for pending in group.pending where !isGone(pending.ticket) {
                kept.append(pending)
            }
            rowCount -= group.rowCount - kept.rowCount
            groups[key] = kept.pending.isEmpty ? nil : kept
        }
    }

    private mutating func takeSlices(from group: inout Group) -> [RowSlice] {
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
        rowCount -= rows
        return slices
    }

    private static func saturatingSum(_ base: Int, _ count: Int, times size: Int) -> Int {
        let (product, overflow) = count.multipliedReportingOverflow(by: size)
        let (sum, carries) = base.addingReportingOverflow(product)
        return overflow || carries ? .max : sum
    }
}
