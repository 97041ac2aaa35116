import ModelRegistry
package import TensorEngine

/// Rows of a bound request that take part in a batch.
package struct BoundSlice: Sendable {
    package let ticket: Ticket
    package let request: BoundRequest
    package let rows: Range<Int>

    package init(ticket: Ticket, request: BoundRequest, rows: Range<Int>) {
        self.ticket = ticket
        self.request = request
        self.rows = rows
    }
}

/// Runs batches. It knows no transport: the Kafka pipeline and the HTTP gateway both hand it bound requests.
package enum InferenceEngine {
    package typealias Outputs = Result<OutputRows, RequestError>

    /// The rows of a batch's outputs that belong to one slice. They stay where they are: copying is left to who needs it.
    package struct OutputRows: Sendable {
        /// The model's outputs, in its order, for the whole batch.
        package let batch: [Tensor]
        /// Nil: all of them.
        package let rows: Range<Int>?

        /// The rows alone.
        package func tensors() throws(TensorError) -> [Tensor] {
            guard let rows else { return batch }
            var tensors: [Tensor] = []
            for tensor in batch { tensors.append(try tensor.rows(rows)) }
            return tensors
        }
    }

    /// Stacks slices of one model version and row shape, runs them as one batch and splits the outputs again.
    ///
    /// A batch that fails is bisected until the failing slices stand alone, at most ⌈log2 n⌉ + 1 further runs for each
    /// of them; the others are answered. Since a row's bits do not depend on its batch, they get the same answers.
    ///
    /// - Returns: for each slice, in order, the model's outputs for its rows, or why there are none.
    package static func run(_ slices: [BoundSlice], on context: ExecutionContext) -> [Outputs] {
        guard let first = slices.first else { return [] }
        do {
            return try runOnce(slices, like: first, on: context).map { .success($0) }
        } catch let error {
            guard slices.count > 1 else {
                let message = "model \(first.request.model.version.identity): \(error)"
                let isInput = (error as? GraphError)?.kind == .invalidValue
                return [
                    .failure(
                        RequestError(
                            isInput ? .invalidInput : .internal, message, requestID: first.request.request.id))
                ]
            }
            let middle = slices.count / 2
            return run(Array(slices[..<middle]), on: context) + run(Array(slices[middle...]), on: context)
        }
    }

    private static func runOnce(
        _ slices: [BoundSlice], like first: BoundSlice, on context: ExecutionContext
    ) throws -> [OutputRows] {
        let graph = first.request.model.graph
        guard first.request.match.isBatched else {
            return try slices.map { slice in
                OutputRows(batch: try graph.run(slice.request.inputs, on: context), rows: nil)
            }
        }
        let rowCount = slices.reduce(0) { $0 + $1.rows.count }
        let stacked = try first.request.inputs.indices.map { try stack(slices, input: $0, rowCount: rowCount) }
        let outputs = try graph.run(stacked, on: context)
        for (output, declared) in zip(outputs, graph.outputs) where output.shape.dimensions.first != rowCount {
            throw RequestError(
                .internal, "output \"\(declared.name)\": found shape \(output.shape), expected \(rowCount) rows",
                requestID: nil)
        }
        if slices.count == 1 { return [OutputRows(batch: outputs, rows: nil)] }
        var start = 0
        return slices.map { slice in
            defer { start += slice.rows.count }
            return OutputRows(batch: outputs, rows: start..<(start + slice.rows.count))
        }
    }

    /// The rows of one input of every slice, one after the other.
    private static func stack(_ slices: [BoundSlice], input: Int, rowCount: Int) throws -> Tensor {
        let example = slices[0].request.inputs[input]
        if slices.count == 1, slices[0].rows.count == slices[0].request.rowCount { return example }
        let shape = try example.shape.withLeadingDimension(rowCount)
        if example.elementType == .string {
            let strings = try slices.flatMap { slice in try slice.request.inputs[input].rows(slice.rows).strings }
            return try Tensor(shape: shape, strings: strings)
        }
        return Tensor(example.elementType, shape: shape) { buffer in
            var offset = 0
            for slice in slices {
                let rowBytes = slice.request.inputs[input].byteCount / slice.request.rowCount
                slice.request.inputs[input].withBytes { bytes in
                    let range = slice.rows.lowerBound * rowBytes..<slice.rows.upperBound * rowBytes
                    let part = UnsafeRawBufferPointer(rebasing: bytes[range])
                    UnsafeMutableRawBufferPointer(rebasing: buffer[offset...]).copyMemory(from: part)
                    offset += part.count
                }
            }
        }
    }
}

extension Tensor {
    /// A copy of some rows of the leading dimension.
    /// - Throws: ``TensorError/invalidShape(_:_:)`` for a scalar or rows that are not there.
    package func rows(_ range: Range<Int>) throws(TensorError) -> Tensor {
        let shape = try self.shape.withLeadingDimension(range.count)
        guard range.lowerBound >= 0, range.upperBound <= self.shape[0] else {
            throw .invalidShape(self.shape.dimensions, "has no rows \(range)")
        }
        if elementType == .string {
            let count = self.shape[0] == 0 ? 0 : self.shape.elementCount / self.shape[0]
            return try Tensor(
                shape: shape, strings: Array(strings[range.lowerBound * count..<range.upperBound * count]))
        }
        let rowBytes = self.shape[0] == 0 ? 0 : byteCount / self.shape[0]
        return withBytes { bytes in
            Tensor(elementType, shape: shape) { buffer in
                let part = bytes[range.lowerBound * rowBytes..<range.upperBound * rowBytes]
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: part))
            }
        }
    }

    /// Tensors that differ only in their leading extent, one after the other.
    /// - Throws: ``TensorError`` when there are none, or when their types or row shapes differ.
    package static func joiningRows(_ parts: [Tensor]) throws(TensorError) -> Tensor {
        guard let first = parts.first else { throw .invalidShape([], "nothing to join") }
        if parts.count == 1 { return first }
        var rowCount = 0
        for part in parts {
            guard part.elementType == first.elementType else {
                throw .elementTypeMismatch(found: part.elementType, expected: first.elementType)
            }
            guard part.shape.rank > 0, part.shape.dimensions.dropFirst() == first.shape.dimensions.dropFirst() else {
                throw .invalidShape(part.shape.dimensions, "cannot be joined with rows of \(first.shape)")
            }
            rowCount += part.shape[0]
        }
        let shape = try first.shape.withLeadingDimension(rowCount)
        if first.elementType == .string { return try Tensor(shape: shape, strings: parts.flatMap(\.strings)) }
        return Tensor(first.elementType, shape: shape) { buffer in
            var offset = 0
            for part in parts {
                part.withBytes { bytes in
                    UnsafeMutableRawBufferPointer(rebasing: buffer[offset...]).copyMemory(from: bytes)
                    offset += bytes.count
                }
            }
        }
    }
}
