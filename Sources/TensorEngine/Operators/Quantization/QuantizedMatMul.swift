/// MatMulInteger (opset 10) and QLinearMatMul (opset 10, 21): products of 8-bit matrices, exact in 32 bits. Zero points and
/// scales are scalars, one for each row of the left or one for each column of the right operand.
struct QuantizedMatMulOperator: Operator {
    private let isLinear: Bool

    init(_ node: inout NodeReader) throws(GraphError) {
        isLinear = node.node.node.operatorType == "QLinearMatMul"
    }

    /// Positions of the operands: b, and the zero points of a, b.
    private var b: Int { isLinear ? 3 : 1 }
    private var zeroPoints: (a: Int, b: Int) { isLinear ? (2, 5) : (2, 3) }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let left = try operands.type(0, among: .int8, .uint8)
        let right = try operands.type(b, among: .int8, .uint8)
        let product = try MatrixProduct(left.shape, right.shape, operands)
        let rows = product.m, columns = product.n
        func checkCount(_ index: Int, _ name: String, _ extent: Int) throws(GraphError) {
            guard operands.has(index) else { return }
            let count = try operands.shape(index).elementCount
            guard count == 1 || count == extent else {
                throw operands.error(.shapeMismatch, "\(name) has \(count) elements, expected 1 or \(extent)")
            }
        }
        try checkCount(zeroPoints.a, "the zero point of A", rows)
        try checkCount(zeroPoints.b, "the zero point of B", columns)
        var type = ElementType.int32
        if isLinear {
            try checkCount(1, "the scale of A", rows)
            try checkCount(4, "the scale of B", columns)
            try checkCount(6, "the scale of Y", 1)
            try checkCount(7, "the zero point of Y", 1)
            for index in [1, 4, 6] { _ = try operands.type(index, in: ElementType.floatingPoint) }
            type = try operands.type(7, among: .int8, .uint8).elementType
        }
        return [TensorType(elementType: type, shape: try operands.makeShape(product.outputDimensions))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let (left, right) = (try operands.type(0), try operands.type(b))
        let product = try MatrixProduct(left.shape, right.shape, operands)
        let requantization = isLinear ? try Requantization(operands, outputs[0].elementType) : nil
        let (bIndex, zeroPoints) = (b, zeroPoints)
        let zeroCounts = (
            a: operands.has(zeroPoints.a) ? try operands.shape(zeroPoints.a).elementCount : 0,
            b: operands.has(zeroPoints.b) ? try operands.shape(zeroPoints.b).elementCount : 0
        )
        let (m, n, k) = (product.m, product.n, product.k)
        return Kernel { arguments in
            let aValues = QuantizedValues(arguments.rawInput(0), left.elementType)
            let bValues = QuantizedValues(arguments.rawInput(bIndex), right.elementType)
            let aZeros = zeroCounts.a > 0 ? QuantizedValues(arguments.rawInput(zeroPoints.a), left.elementType) : nil
            let bZeros = zeroCounts.b > 0 ? QuantizedValues(arguments.rawInput(zeroPoints.b), right.elementType) : nil
            let scales = requantization?.scales(arguments)
            for (index, pair) in product.pairs.enumerated() {
                for row in 0..<m {
                    let aZero = aZeros?[zeroCounts.a == 1 ? 0 : row] ?? 0
                    for column in 0..<n {
                        let bZero = bZeros?[zeroCounts.b == 1 ? 0 : column] ?? 0
                        var sum: Int32 = 0
                        for p in 0..<k {
                            sum &+=
                                (aValues[pair.left * m * k + row * k + p] &- aZero)
                                &* (bValues[pair.right * k * n + p * n + column] &- bZero)
                        }
                        let target = (index * m + row) * n + column
                        if let scales {
                            scales.store(sum, row: row, column: column, at: target)
                        } else {
                            arguments.output(0, as: Int32.self)[target] = sum
                        }
                    }
                }
            }
        }
    }
}

/// 8-bit integers, signed or not.
struct QuantizedValues {
    private let bytes: UnsafeRawPointer
    private let isSigned: Bool

    init(_ bytes: UnsafeRawPointer, _ type: ElementType) {
        self.bytes = bytes
        isSigned = type == .int8
    }

    subscript(index: Int) -> Int32 {
        isSigned
            ? Int32(bytes.load(fromByteOffset: index, as: Int8.self))
            : Int32(bytes.load(fromByteOffset: index, as: UInt8.self))
    }
}

/// What turns exact sums into 8 bits again: operands 1, 4, 6 are the scales of a, b and y, operand 7 is y's zero point.
struct Requantization: Sendable {
    private let types: [ElementType]
    private let counts: [Int]
    private let output: ElementType

    init(_ operands: Operands, _ output: ElementType) throws(GraphError) {
        var types: [ElementType] = []
        var counts: [Int] = []
        for index in [1, 4, 6] {
            types.append(try operands.type(index).elementType)
            counts.append(try operands.shape(index).elementCount)
        }
        (self.types, self.counts, self.output) = (types, counts, output)
    }

    struct Scales {
        let a: [Double]
        let b: [Double]
        let y: Double
        let zero: Int32
        let output: ElementType
        let target: UnsafeMutableRawPointer

        func store(_ sum: Int32, row: Int, column: Int, at index: Int) {
            let scale = Float(a[a.count == 1 ? 0 : row]) * Float(b[b.count == 1 ? 0 : column]) / Float(y)
            let value = Double((Float(sum) * scale).rounded(.toNearestOrEven)) + Double(zero)
            if output == .int8 {
                target.storeBytes(of: Int8(rounding: value), toByteOffset: index, as: Int8.self)
            } else {
                target.storeBytes(of: UInt8(rounding: value), toByteOffset: index, as: UInt8.self)
            }
        }
    }

    func scales(_ arguments: borrowing KernelArguments) -> Scales {
        let a = ElementReader(types[0]).values(arguments.rawInput(1), count: counts[0])
        let b = ElementReader(types[1]).values(arguments.rawInput(4), count: counts[1])
        let y = ElementReader(types[2]).values(arguments.rawInput(6), count: 1)
        let zero = QuantizedValues(arguments.rawInput(7), output)[0]
        return Scales(a: a, b: b, y: y[0], zero: zero, output: output, target: arguments.rawOutput())
    }
}
