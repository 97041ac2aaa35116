package import ModelRegistry
package import TensorEngine

/// What rows must have in common to run together: the model version and the shape and type of every input's row.
package struct BatchKey: Sendable, Hashable {
    package let model: ModelVersion.Identity
    /// The shape of one row of each input, in the model's input order; the leading (batch) extent left out.
    package let rowShapes: [Shape]
    /// A request that has to run alone; nil for all others.
    package var loner: Ticket?

    package init(model: ModelVersion.Identity, rowShapes: [Shape]) {
        self.model = model
        self.rowShapes = rowShapes
    }
}

/// Names one admitted request for as long as the pipeline holds it.
///
/// A lane is one assignment of one partition; its number is never used again, so that an answer which arrives after
/// the partition was lost finds nothing to belong to.
package struct Ticket: Sendable, Hashable {
    package let lane: Int
    /// Position in the lane, counted from 0 in offset order.
    package let sequence: Int

    package init(lane: Int, sequence: Int) {
        self.lane = lane
        self.sequence = sequence
    }
}

/// Contiguous rows of one request: what batches are made of.
package struct RowSlice: Sendable, Hashable {
    package let ticket: Ticket
    package let rows: Range<Int>

    package init(ticket: Ticket, rows: Range<Int>) {
        self.ticket = ticket
        self.rows = rows
    }
}

/// Rows that run together, in the order in which they arrived.
package struct PlannedBatch: Sendable, Hashable {
    package let key: BatchKey
    package let slices: [RowSlice]

    package var rowCount: Int { slices.reduce(0) { $0 + $1.rows.count } }
}
