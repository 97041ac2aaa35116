/// Size (opset 1 to 25): the number of elements.
struct SizeOperator: Operator {
    static var strings: StringHandling { .moved }
    static var admitsEmpty: Bool { true }

    init(_ node: inout NodeReader) throws(GraphError) {}

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        [TensorType(elementType: .int64, shape: [])]
    }

    func constantOutputs(_ operands: Operands) throws(GraphError) -> [Tensor]? {
        [Tensor(scalar: Int64(try operands.shape(0).elementCount))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        throw operands.error(.unsupported, "a size has no kernel")
    }
}

/// ConstantOfShape (opset 9 to 25): one value everywhere.
struct ConstantOfShapeOperator: Operator {
    static var admitsEmpty: Bool { true }

    private let value: Tensor

    init(_ node: inout NodeReader) throws(GraphError) {
        value = try node.tensor("value") ?? Tensor(scalar: Float(0))
        guard value.shape.elementCount == 1 else {
            throw node.error(.invalidGraph, "attribute 'value' has shape \(value.shape), expected one element")
        }
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let shape = try operands.makeShape(try operands.constantIntegers(0, meaning: "shape"))
        return [TensorType(elementType: value.elementType, shape: shape)]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let pattern = value.withBytes { Array($0) }
        let count = outputs[0].shape.elementCount
        return Kernel { arguments in
            for index in 0..<count {
                pattern.withUnsafeBytes { bytes in
                    guard let base = bytes.baseAddress else { return }
                    (arguments.rawOutput(0) + index * bytes.count).copyMemory(from: base, byteCount: bytes.count)
                }
            }
        }
    }
}

/// Range (opset 11 to 27): from a start to before a limit by a step.
struct RangeOperator: WholeTensorOperator {
    init(_ node: inout NodeReader) throws(GraphError) { _ = try node.int("stash_type", default: 1) }

    func evaluate(_ operands: Operands) throws(GraphError) -> [Tensor] {
        let type = try operands.type(0, in: ElementType.numeric).elementType
        var numbers: [Double] = []
        for (index, name) in ["start", "limit", "delta"].enumerated() {
            let value = try operands.constant(index, meaning: name)
            guard value.elementType == type, value.shape.elementCount == 1,
                let number = value.converted(to: .float64)?.withElements(Double.self, { $0[0] })
            else {
                throw operands.error(
                    .shapeMismatch,
                    "\(name) is \(value.elementType.rawValue) \(value.shape), expected one \(type.rawValue)")
            }
            numbers.append(number)
        }
        let steps = ((numbers[1] - numbers[0]) / numbers[2]).rounded(.up)
        guard steps.isFinite, steps <= Double(operands.options.maximumTensorElementCount) else {
            throw operands.error(
                .limitExceeded,
                "from \(numbers[0]) to \(numbers[1]) by \(numbers[2]) are \(steps) elements, at most "
                    + "\(operands.options.maximumTensorElementCount) allowed")
        }
        let count = max(0, Int(steps))
        let shape = try operands.makeShape([count])
        let (start, delta) = (numbers[0], numbers[2])
        let values = (0..<count).map { start + Double($0) * delta }
        return [
            Tensor(type, shape: shape) { target in
                values.withUnsafeBytes { source in
                    guard let from = source.baseAddress, let to = target.baseAddress, count > 0 else { return }
                    ElementConversion(from: .float64, to: type).convert(from, to: to, count)
                }
            }
        ]
    }
}

/// EyeLike (opset 9, 22): ones on a diagonal.
struct EyeLikeOperator: Operator {
    static var admitsEmpty: Bool { true }

    private let diagonal: Int
    private let elementType: ElementType?

    init(_ node: inout NodeReader) throws(GraphError) {
        diagonal = try node.int("k", default: 0)
        elementType = node.node.node.attributes["dtype"] == nil ? nil : try node.elementType("dtype")
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0)
        guard type.shape.rank == 2 else {
            throw operands.error(.shapeMismatch, "input is \(type.shape), expected two dimensions")
        }
        return [TensorType(elementType: elementType ?? type.elementType, shape: type.shape)]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let (shape, diagonal) = (outputs[0].shape, diagonal)
        let conversion = ElementConversion(from: .uint8, to: outputs[0].elementType)
        return Kernel { arguments in
            guard shape.elementCount > 0 else { return }
            var ones = [UInt8](repeating: 0, count: shape.elementCount)
            for row in 0..<shape[0] {
                let (column, overflow) = row.addingReportingOverflow(diagonal)
                if !overflow, column >= 0, column < shape[1] { ones[row * shape[1] + column] = 1 }
            }
            ones.withUnsafeBytes { source in
                guard let base = source.baseAddress else { return }
                conversion.convert(base, to: arguments.rawOutput(0), shape.elementCount)
            }
        }
    }
}

/// OneHot (opset 9, 11, 28): `on` at the index along a new axis, `off` elsewhere; an index outside gives `off` alone.
struct OneHotOperator: Operator {
    static var admitsEmpty: Bool { true }

    private let axis: Int

    init(_ node: inout NodeReader) throws(GraphError) { axis = try node.int("axis", default: -1) }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let indices = try operands.type(0, in: ElementType.numeric).shape
        let depth = try operands.constant(1, meaning: "depth")
        let values = try operands.type(2)
        guard depth.shape.elementCount == 1,
            let number = depth.converted(to: .float64)?.withElements(Double.self, { $0[0] }), number >= 1,
            number <= Double(operands.options.maximumTensorElementCount)
        else { throw operands.error(.shapeMismatch, "depth is no number from 1 to the largest extent that is allowed") }
        guard values.shape.dimensions == [2] else {
            throw operands.error(.shapeMismatch, "values have shape \(values.shape), expected [2]: off and on")
        }
        var dimensions = indices.dimensions
        dimensions.insert(Int(number), at: try operands.normalizedAxis(axis, rank: indices.rank + 1))
        return [TensorType(elementType: values.elementType, shape: try operands.makeShape(dimensions))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let indices = try operands.type(0)
        let rows = AxisRows(outputs[0].shape, axis: try operands.normalizedAxis(axis, rank: outputs[0].shape.rank))
        let size = outputs[0].elementType.byteCount
        return Kernel { arguments in
            guard indices.shape.elementCount > 0 else { return }
            let places = ElementReader(indices.elementType).values(
                arguments.rawInput(0), count: indices.shape.elementCount)
            let (values, target) = (arguments.rawInput(2), arguments.rawOutput(0))
            for row in 0..<rows.count {
                let start = rows.start(row)
                let place = places[row] < 0 ? places[row] + Double(rows.length) : places[row]
                for index in 0..<rows.length {
                    let value = values + (Double(index) == place.rounded(.towardZero) ? size : 0)
                    (target + (start + index * rows.stride) * size).copyMemory(from: value, byteCount: size)
                }
            }
        }
    }
}

/// Trilu (opset 14): the triangle above or below a diagonal of the last two axes; zeros elsewhere.
struct TriluOperator: Operator {
    static var admitsEmpty: Bool { true }

    private let isUpper: Bool

    init(_ node: inout NodeReader) throws(GraphError) { isUpper = try node.bool("upper", default: true) }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0)
        guard type.shape.rank >= 2 else {
            throw operands.error(.shapeMismatch, "input is \(type.shape), expected at least two dimensions")
        }
        if operands.has(1) { _ = try operands.type(1, among: .int64) }
        return [type]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let shape = outputs[0].shape
        let (rows, columns) = (shape[shape.rank - 2], shape[shape.rank - 1])
        let matrices = shape.dimensions.dropLast(2).reduce(1, *)
        let (size, isUpper, hasDiagonal) = (outputs[0].elementType.byteCount, isUpper, operands.has(1))
        return Kernel { arguments in
            guard shape.elementCount > 0 else { return }
            let diagonal = hasDiagonal ? Int(arguments.input(1, as: Int64.self)[0]) : 0
            for row in 0..<matrices * rows {
                // The first column on or right of the diagonal; left of it for the lower triangle.
                let edge = (row % rows).addingReportingOverflow(diagonal).partialValue
                let split = min(max(isUpper ? edge : edge.addingReportingOverflow(1).partialValue, 0), columns)
                let kept = isUpper ? split..<columns : 0..<split
                let cleared = isUpper ? 0..<split : split..<columns
                let (source, target) = (
                    arguments.rawInput(0) + row * columns * size, arguments.rawOutput(0) + row * columns * size
                )
                (target + kept.lowerBound * size).copyMemory(
                    from: source + kept.lowerBound * size, byteCount: kept.count * size)
                UnsafeMutableRawBufferPointer(start: target + cleared.lowerBound * size, count: cleared.count * size)
                    .initializeMemory(as: UInt8.self, repeating: 0)
            }
        }
    }
}
