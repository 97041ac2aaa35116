import Serving
import TensorEngine

/// Runs a request of any number of rows in batches of bounded size, on this thread.
enum BatchedRun {
    /// - Returns: the model's outputs, in its order, for all rows.
    static func run(_ graph: CompiledGraph, _ match: SignatureMatch, batch: Int) throws -> [Tensor] {
        let context = ExecutionContext()
        guard match.isBatched, match.rowCount > batch else {
            return try graph.run(match.inputs, on: context)
        }
        var parts: [[Tensor]] = []
        for start in stride(from: 0, to: match.rowCount, by: batch) {
            let rows = start..<min(start + batch, match.rowCount)
            let inputs = try match.inputs.map { try $0.rows(rows) }
            parts.append(try graph.run(inputs, on: context))
        }
        return try graph.outputs.indices.map { index in try Tensor.joiningRows(parts.map { $0[index] }) }
    }
}
