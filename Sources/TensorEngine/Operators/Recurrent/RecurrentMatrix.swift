import CTensorKernels

/// Rows of a recurrent layer's weights [directions, rows, k] as the right operand of a packed product: packed once when
/// they are constant, at every run otherwise.
struct RecurrentMatrix: Sendable {
    /// Columns of the product.
    let n: Int
    let k: Int
    private let input: Int
    private let rows: Range<Int>
    private let totalRows: Int
    private let packed: Tensor?
    private let elementCount: Int
    private let panelWidth: Int

    /// - Parameter rows: of `totalRows` in each direction.
    init(
        _ operands: Operands, input: Int, rows: Range<Int>, of totalRows: Int, k: Int, directions: Int
    ) throws(GraphError) {
        (self.input, self.rows, self.totalRows, self.k, n) = (input, rows, totalRows, k, rows.count)
        panelWidth = operands.kernels.panelWidth
        elementCount = try operands.packedElementCount(k: k, n: rows.count)
        if rows.count == totalRows {
            packed = try operands.packed(input, transposed: true, scale: 1, k: k, n: totalRows, count: directions)
            return
        }
        let operand = try operands.operand(input)
        guard let constant = operand.constant, operand.isGraphConstant else {
            packed = nil
            return
        }
        let part = try operands.makeShape([directions, rows.count, k])
        let slice = Tensor(.float32, shape: part) { target in
            constant.withBytes { source in
                let size = rows.count * k * 4
                for direction in 0..<directions {
                    let start = (direction * totalRows + rows.lowerBound) * k * 4
                    UnsafeMutableRawBufferPointer(rebasing: target[(direction * size)..<((direction + 1) * size)])
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[start..<(start + size)]))
                }
            }
        }
        // No value of a graph has this name: a part of one is another matrix.
        let layout = PackedWeights.Layout(
            value: "\(operand.name)\u{0}\(rows)", transposed: true, scaleBits: Float(1).bitPattern)
        do {
            packed = try operands.packedWeights.matrices(layout, of: slice, k: k, n: rows.count, count: directions)
        } catch {
            throw operands.error(.limitExceeded, error.description)
        }
    }

    /// Floats of scratch memory that ``pointer(_:_:scratch:)`` needs.
    var scratchCount: Int { packed == nil ? elementCount : 0 }

    /// One direction's packed rows; valid while this value lives.
    func pointer(
        _ direction: Int, _ arguments: borrowing KernelArguments, scratch: UnsafeMutablePointer<Float>
    ) -> UnsafePointer<Float> {
        if let packed {
            return packed.withBytes { bytes in
                guard let base = bytes.baseAddress else { return UnsafePointer(scratch) }
                return base.assumingMemoryBound(to: Float.self) + direction * elementCount
            }
        }
        let source = arguments.input(input, as: Float.self) + (direction * totalRows + rows.lowerBound) * k
        mk_pack(source, 1, k, k, n, panelWidth, 1, scratch)
        return UnsafePointer(scratch)
    }
}
