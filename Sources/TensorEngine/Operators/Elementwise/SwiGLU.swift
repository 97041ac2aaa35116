import Glibc

/// SwiGLU (opset 28): `swish(a) * b` of two operands of one shape.
struct SwiGLUOperator: Operator {
    private let alpha: Double

    init(_ node: inout NodeReader) throws(GraphError) { alpha = Double(try node.float("alpha", default: 1)) }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let a = try operands.type(0, in: ElementType.floatingPoint)
        guard try operands.type(1) == a else {
            throw operands.error(.shapeMismatch, "the operands are \(a) and \(try operands.type(1)), expected one type")
        }
        return [a]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let (type, alpha) = (outputs[0], alpha)
        return Kernel { arguments in
            let (a, b) = (arguments.doubles(0, type), arguments.doubles(1, type))
            arguments.store(zip(a, b).map { $0 / (1 + exp(-alpha * $0)) * $1 }, 0, type)
        }
    }
}

/// Det (opset 11, 22): determinants of the last two axes' matrices, by elimination with partial pivoting.
struct DetOperator: Operator {
    init(_ node: inout NodeReader) throws(GraphError) {}

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, in: ElementType.floatingPoint)
        let rank = type.shape.rank
        guard rank >= 2, type.shape[rank - 1] == type.shape[rank - 2] else {
            throw operands.error(.shapeMismatch, "input is \(type.shape), expected square matrices")
        }
        let shape = try operands.makeShape(Array(type.shape.dimensions.dropLast(2)))
        return [TensorType(elementType: type.elementType, shape: shape)]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let type = try operands.type(0)
        let n = type.shape[type.shape.rank - 1]
        return Kernel { arguments in
            let x = arguments.doubles(0, type)
            let results = (0..<outputs[0].shape.elementCount).map { index -> Double in
                var matrix = Array(x[index * n * n..<(index + 1) * n * n])
                var result = 1.0
                for column in 0..<n {
                    let pivot =
                        (column..<n).max { abs(matrix[$0 * n + column]) < abs(matrix[$1 * n + column]) } ?? column
                    let head = matrix[pivot * n + column]
                    if head == 0 { return 0 }
                    if pivot != column {
                        for place in 0..<n { matrix.swapAt(pivot * n + place, column * n + place) }
                        result = -result
                    }
                    result *= head
                    for row in column + 1..<max(n, column + 1) {
                        let factor = matrix[row * n + column] / head
                        for place in column..<n { matrix[row * n + place] -= factor * matrix[column * n + place] }
                    }
                }
                return result
            }
            arguments.store(results, 0, outputs[0])
        }
    }
}
