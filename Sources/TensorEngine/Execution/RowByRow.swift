/// Runs the rows of a batch one after the other.
enum RowByRow {
    static func run(
        _ inputs: [Tensor], rows: Int, _ body: ([Tensor]) throws(GraphError) -> [Tensor]
    ) throws(GraphError) -> [Tensor] {
        var results: [[Tensor]] = []
        for row in 0..<rows {
            var one: [Tensor] = []
            for input in inputs { one.append(try slice(input, row)) }
            results.append(try body(one))
        }
        let first = results[0]
        var joined: [Tensor] = []
        for (index, output) in first.enumerated() {
            let parts = results.map { $0[index] }
            guard output.shape.dimensions.first == 1,
                parts.allSatisfy({ $0.shape == output.shape && $0.elementType == output.elementType })
            else {
                throw GraphError(
                    .shapeMismatch, "output \(index) has shape \(output.shape) for one row, expected one row")
            }
            if output.elementType == .string {
                joined.append(try strings(try leading(output.shape, rows), parts.flatMap(\.strings)))
                continue
            }
            joined.append(
                Tensor(output.elementType, shape: try leading(output.shape, rows)) { target in
                    for (row, part) in parts.enumerated() {
                        part.withBytes { bytes in
                            guard let source = bytes.baseAddress, let base = target.baseAddress else { return }
                            (base + row * bytes.count).copyMemory(from: source, byteCount: bytes.count)
                        }
                    }
                })
        }
        return joined
    }

    private static func slice(_ tensor: Tensor, _ row: Int) throws(GraphError) -> Tensor {
        let shape = try leading(tensor.shape, 1)
        if tensor.elementType == .string {
            let count = shape.elementCount
            return try strings(shape, Array(tensor.strings[row * count..<(row + 1) * count]))
        }
        return Tensor(tensor.elementType, shape: shape) { target in
            tensor.withBytes { bytes in
                guard let source = bytes.baseAddress, let base = target.baseAddress else { return }
                base.copyMemory(from: source + row * target.count, byteCount: target.count)
            }
        }
    }

    private static func strings(_ shape: Shape, _ elements: [String]) throws(GraphError) -> Tensor {
        do throws(TensorError) { return try Tensor(shape: shape, strings: elements) } catch {
            throw GraphError(.shapeMismatch, error.description)
        }
    }

    private static func leading(_ shape: Shape, _ extent: Int) throws(GraphError) -> Shape {
        do throws(TensorError) { return try shape.withLeadingDimension(extent) } catch {
            throw GraphError(.shapeMismatch, error.description)
        }
    }
}
