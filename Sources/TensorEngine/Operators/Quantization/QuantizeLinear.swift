/// QuantizeLinear (opset 10 to 28): `saturate(round(x / scale) + zero point)`, ties to even.
struct QuantizeLinearOperator: Operator {
    static var admitsEmpty: Bool { true }

    private let axis: Int
    private let blockSize: Int
    private let outputType: ElementType?
    private let precision: ElementType?
    private let saturates: Bool

    init(_ node: inout NodeReader) throws(GraphError) {
        axis = try node.int("axis", default: 1)
        blockSize = try node.int("block_size", default: 0)
        saturates = try node.bool("saturate", default: true)
        outputType = try node.int("output_dtype", default: 0) == 0 ? nil : try node.elementType("output_dtype")
        precision = try node.int("precision", default: 0) == 0 ? nil : try node.elementType("precision")
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let shape = try operands.type(0, in: ElementType.floatingPoint + [.int32]).shape
        let scale = try operands.type(1, in: ElementType.floatingPoint + [.int32, .float8e8m0]).shape
        _ = try QuantizationGrid(shape: shape, scale: scale, axis: axis, blockSize: blockSize, operands)
        var type = outputType ?? .uint8
        if operands.has(2) {
            let zero = try operands.type(2, in: ElementType.quantized)
            guard zero.shape == scale || zero.shape.elementCount == 1 && scale.elementCount == 1 else {
                throw operands.error(
                    .shapeMismatch, "zero point has shape \(zero.shape), expected the scale's \(scale)")
            }
            guard outputType == nil || outputType == zero.elementType else {
                throw operands.error(
                    .shapeMismatch, "zero point is \(zero.elementType.rawValue), output_dtype \(type.rawValue)")
            }
            type = zero.elementType
        }
        guard ElementType.quantized.contains(type) else {
            throw operands.error(.unsupported, "output_dtype \(type.rawValue) is not one to quantize to")
        }
        return [TensorType(elementType: type, shape: shape)]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let (x, scale) = (try operands.type(0), try operands.type(1))
        let grid = try QuantizationGrid(
            shape: x.shape, scale: scale.shape, axis: axis, blockSize: blockSize, operands)
        let isBlocked = scale.shape.rank > 1
        let hasZero = operands.has(2)
        let target = outputs[0].elementType
        let (count, scaleCount) = (x.shape.elementCount, scale.shape.elementCount)
        let isHalf = (precision ?? scale.elementType) == .float16
        var conversion = ElementConversion(from: .float64, to: target)
        conversion.saturates = saturates
        let range = target.integerRange
        return Kernel { [conversion] arguments in
            guard count > 0 else { return }
            let values = ElementReader(x.elementType).values(arguments.rawInput(0), count: count)
            let scales = ElementReader(scale.elementType).values(arguments.rawInput(1), count: scaleCount)
            let zeros =
                hasZero ? ElementReader(target).values(arguments.rawInput(2), count: scaleCount) : []
            var results = values
            for index in 0..<count {
                let place = grid.index(index, isBlocked: isBlocked)
                // In the scale's precision, whose rounding decides ties.
                var quotient =
                    isHalf
                    ? Double(Float16(values[index]) / Float16(scales[place]))
                    : Double(Float(values[index]) / Float(scales[place]))
                let zero = zeros.isEmpty ? 0 : zeros[place]
                if let range {
                    quotient = quotient.rounded(.toNearestOrEven) + zero
                    quotient = min(max(quotient, Double(range.lowerBound)), Double(range.upperBound))
                } else {
                    quotient += zero
                }
                results[index] = quotient
            }
            results.withUnsafeBytes { bytes in
                if let base = bytes.baseAddress { conversion.convert(base, to: arguments.rawOutput(), count) }
            }
        }
    }
}

/// DequantizeLinear (opset 10 to 28): `(x - zero point) * scale`.
struct DequantizeLinearOperator: Operator {
    static var admitsEmpty: Bool { true }

    private let axis: Int
    private let blockSize: Int
    private let outputType: ElementType?

    init(_ node: inout NodeReader) throws(GraphError) {
        axis = try node.int("axis", default: 1)
        blockSize = try node.int("block_size", default: 0)
        outputType = try node.int("output_dtype", default: 0) == 0 ? nil : try node.elementType("output_dtype")
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let x = try operands.type(0, in: ElementType.quantized + [.int32])
        let scale = try operands.type(1, in: ElementType.floatingPoint + [.float8e8m0])
        _ = try QuantizationGrid(shape: x.shape, scale: scale.shape, axis: axis, blockSize: blockSize, operands)
        if operands.has(2) {
            let zero = try operands.type(2, in: [x.elementType])
            guard zero.shape == scale.shape || zero.shape.elementCount == 1 && scale.shape.elementCount == 1 else {
                throw operands.error(
                    .shapeMismatch, "zero point has shape \(zero.shape), expected the scale's \(scale.shape)")
            }
        }
        let type = outputType ?? (scale.elementType == .float8e8m0 ? .float32 : scale.elementType)
        guard ElementType.floatingPoint.contains(type) else {
            throw operands.error(.unsupported, "output_dtype \(type.rawValue), supported are floating-point types")
        }
        return [TensorType(elementType: type, shape: x.shape)]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let (x, scale) = (try operands.type(0), try operands.type(1))
        let grid = try QuantizationGrid(
            shape: x.shape, scale: scale.shape, axis: axis, blockSize: blockSize, operands)
        let isBlocked = scale.shape.rank > 1
        let hasZero = operands.has(2)
        let (count, scaleCount) = (x.shape.elementCount, scale.shape.elementCount)
        let conversion = ElementConversion(from: .float32, to: outputs[0].elementType)
        return Kernel { arguments in
            guard count > 0 else { return }
            let values = ElementReader(x.elementType).values(arguments.rawInput(0), count: count)
            let scales = ElementReader(scale.elementType).values(arguments.rawInput(1), count: scaleCount)
            let zeros =
                hasZero ? ElementReader(x.elementType).values(arguments.rawInput(2), count: scaleCount) : []
            let results = values.indices.map { index -> Float in
                let place = grid.index(index, isBlocked: isBlocked)
                return Float(values[index] - (zeros.isEmpty ? 0 : zeros[place])) * Float(scales[place])
            }
            results.withUnsafeBytes { bytes in
                if let base = bytes.baseAddress { conversion.convert(base, to: arguments.rawOutput(), count) }
            }
        }
    }
}

/// DynamicQuantizeLinear (opset 11): to uint8 by the least and largest value of the whole tensor.
struct DynamicQuantizeLinearOperator: Operator {
    init(_ node: inout NodeReader) throws(GraphError) {}

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let x = try operands.type(0, among: .float32)
        return [
            TensorType(elementType: .uint8, shape: x.shape), TensorType(elementType: .float32, shape: []),
            TensorType(elementType: .uint8, shape: []),
        ]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let count = outputs[0].shape.elementCount
        return Kernel { arguments in
            let x = arguments.input(0, as: Float.self)
            let y = arguments.output(0, as: UInt8.self)
            var (least, largest): (Float, Float) = (0, 0)
            for index in 0..<count {
                least = min(least, x[index])
                largest = max(largest, x[index])
            }
            let scale = (largest - least) / 255
            func saturated(_ value: Float) -> UInt8 {
                UInt8(rounding: Double(value.rounded(.toNearestOrEven)))
            }
            let zero = scale == 0 ? 0 : saturated(0 - least / scale)
            for index in 0..<count {
                y[index] = scale == 0 ? zero : saturated((x[index] / scale).rounded(.toNearestOrEven) + Float(zero))
            }
            arguments.output(1, as: Float.self)[0] = scale
            arguments.output(2, as: UInt8.self)[0] = zero
        }
    }
}
