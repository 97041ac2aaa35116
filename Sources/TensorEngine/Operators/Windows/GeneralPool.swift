import Glibc

/// MaxPool with indices, of other types than float32 or over more than two spatial dimensions, AveragePool likewise, and
/// LpPool (opset 1 to 22).
struct GeneralPoolOperator: Operator {
    private enum Kind { case max, average, lp(Int) }

    private let kind: Kind
    private let attributes: WindowAttributes
    private let countsPadding: Bool
    private let isColumnMajor: Bool

    init(_ node: inout NodeReader) throws(GraphError) {
        attributes = try WindowAttributes(&node, hasCeilMode: true)
        guard attributes.kernelShape != nil else {
            throw node.error(.invalidGraph, "attribute 'kernel_shape' is missing")
        }
        switch node.node.node.operatorType {
        case "MaxPool": kind = .max
        case "LpPool": kind = .lp(try node.int("p", default: 2))
        default: kind = .average
        }
        if case .average = kind {
            countsPadding = try node.bool("count_include_pad", default: false)
        } else {
            countsPadding = false
        }
        if case .max = kind {
            isColumnMajor = try node.bool("storage_order", default: false)
        } else {
            isColumnMajor = false
        }
        if case .lp(let power) = kind, power < 1 {
            throw node.error(.invalidGraph, "attribute 'p' is \(power), expected at least 1")
        }
    }

    private func box(_ operands: Operands) throws(GraphError) -> WindowBox {
        let input = try operands.shape(0)
        guard input.rank >= 3 else {
            throw operands.error(
                .shapeMismatch, "input has \(input.rank) dimensions, expected at least 3: \(input)")
        }
        let box = try WindowBox(
            attributes, spatial: Array(input.dimensions[2...]), kernel: attributes.kernelShape ?? [], operands)
        for axis in box.input.indices {
            let reach = (box.kernel[axis] - 1) * box.dilations[axis]
            guard box.padsBegin[axis] <= reach, box.padsEnd[axis] <= reach else {
                throw operands.error(.shapeMismatch, "pads \(attributes.pads ?? []) are not smaller than the window")
            }
        }
        return box
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let isMax = if case .max = kind { true } else { false }
        let type = try operands.type(0, in: isMax ? ElementType.numeric : ElementType.floatingPoint)
        let extents = try box(operands).output
        let shape = try operands.makeShape(type.shape.dimensions[..<2] + extents)
        return operands.present([
            TensorType(elementType: type.elementType, shape: shape), TensorType(elementType: .int64, shape: shape),
        ])
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let box = try box(operands)
        let type = try operands.type(0)
        let planes = outputs[0].shape[0] * outputs[0].shape[1]
        if case .max = kind {
            let visitor = MaxVisitor(
                box: box, planes: planes, isColumnMajor: isColumnMajor, hasIndices: outputs.count > 1)
            return try operands.visitNumeric(type.elementType, visitor)
        }
        var power: Int?
        if case .lp(let value) = kind { power = value }
        let (countsPadding, chosen) = (countsPadding, power)
        return Kernel { arguments in
            let x = arguments.doubles(0, type)
            var y: [Double] = []
            y.reserveCapacity(planes * box.outputPlane)
            for plane in 0..<planes {
                for position in 0..<box.outputPlane {
                    var sum = 0.0
                    var taps = 0
                    box.forEachTap(position) { _, source in
                        let value = x[plane * box.inputPlane + source]
                        sum += chosen.map { $0 == 1 ? abs(value) : pow(abs(value), Double($0)) } ?? value
                        taps += 1
                    }
                    if let chosen {
                        y.append(chosen == 1 ? sum : pow(sum, 1 / Double(chosen)))
                    } else {
                        y.append(sum / Double(countsPadding ? box.paddedTapCount(position) : taps))
                    }
                }
            }
            arguments.store(y, 0, outputs[0])
        }
    }

    private struct MaxVisitor: NumericVisitor {
        let box: WindowBox
        let planes: Int
        let isColumnMajor: Bool
        let hasIndices: Bool

        func visit<Element: NumericElement>(_ type: Element.Type) -> Kernel {
            let (box, planes, isColumnMajor, hasIndices) = (box, planes, isColumnMajor, hasIndices)
            return Kernel { arguments in
                let (x, y) = (arguments.input(0, as: Element.self), arguments.output(0, as: Element.self))
                for plane in 0..<planes {
                    for position in 0..<box.outputPlane {
                        var best = Element.lowest
                        var place = -1
                        box.forEachTap(position) { _, source in
                            let value = x[plane * box.inputPlane + source]
                            if place < 0 || value > best || (value.isNotANumber && !best.isNotANumber) {
                                (best, place) = (value, source)
                            }
                        }
                        let target = plane * box.outputPlane + position
                        y[target] = best
                        guard hasIndices else { continue }
                        var index = place
                        if isColumnMajor {
                            // The same place with the first spatial axis running fastest.
                            var (rest, step) = (place, box.inputPlane)
                            index = 0
                            for axis in box.input.indices.reversed() {
                                step /= box.input[axis]
                                index += rest % box.input[axis] * step
                                rest /= box.input[axis]
                            }
                        }
                        arguments.output(1, as: Int64.self)[target] = Int64(plane * box.inputPlane + index)
                    }
                }
            }
        }
    }
}

/// GlobalLpPool (opset 1 to 22): over all dimensions after the second.
struct GlobalLpPoolOperator: Operator {
    private let power: Double

    init(_ node: inout NodeReader) throws(GraphError) { power = Double(try node.int("p", default: 2)) }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, in: ElementType.floatingPoint)
        guard type.shape.rank >= 3 else {
            throw operands.error(.shapeMismatch, "input is \(type.shape), expected at least three dimensions")
        }
        let ones = [Int](repeating: 1, count: type.shape.rank - 2)
        return [
            TensorType(
                elementType: type.elementType, shape: try operands.makeShape(type.shape.dimensions[..<2] + ones))
        ]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let type = try operands.type(0)
        let length = type.shape.dimensions[2...].reduce(1, *)
        let power = power
        return Kernel { arguments in
            let x = arguments.doubles(0, type)
            let y = (0..<outputs[0].shape.elementCount).map { row in
                pow(x[row * length..<(row + 1) * length].reduce(0) { $0 + pow(abs($1), power) }, 1 / power)
            }
            arguments.store(y, 0, outputs[0])
        }
    }
}

/// MaxUnpool (opset 9 to 22): values at the places that MaxPool took them from, zeros elsewhere.
struct MaxUnpoolOperator: Operator {
    private let attributes: WindowAttributes

    init(_ node: inout NodeReader) throws(GraphError) {
        attributes = try WindowAttributes(&node, hasCeilMode: false)
        guard attributes.kernelShape != nil else {
            throw node.error(.invalidGraph, "attribute 'kernel_shape' is missing")
        }
    }

    private func inferred(_ operands: Operands) throws(GraphError) -> Shape {
        let x = try operands.shape(0)
        let rank = x.rank - 2
        guard rank >= 1 else { throw operands.error(.shapeMismatch, "input is \(x), expected three dimensions") }
        let kernel = try WindowBox.list(
            attributes.kernelShape, "kernel_shape", rank, count: rank, default: 1, least: 1, operands)
        let strides = try WindowBox.list(
            attributes.strides, "strides", rank, count: rank, default: 1, least: 1, operands)
        let pads = try WindowBox.list(attributes.pads, "pads", rank, count: 2 * rank, default: 0, least: 0, operands)
        let extents = (0..<rank).map { axis in
            (x[axis + 2] - 1) * strides[axis] - pads[axis] - pads[axis + rank] + kernel[axis]
        }
        return try operands.makeShape(x.dimensions[..<2] + extents)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0)
        let indices = try operands.type(1, among: .int64).shape
        guard indices == type.shape else {
            throw operands.error(.shapeMismatch, "indices have shape \(indices), expected \(type.shape)")
        }
        var shape = try inferred(operands)
        if operands.has(2) {
            let wanted = try operands.makeShape(try operands.constantIntegers(2, meaning: "output_shape"))
            guard wanted.rank == shape.rank, zip(wanted.dimensions, shape.dimensions).allSatisfy({ $0 >= $1 }) else {
                throw operands.error(.shapeMismatch, "output_shape is \(wanted), expected at least \(shape)")
            }
            shape = wanted
        }
        return [TensorType(elementType: type.elementType, shape: shape)]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let inferred = try inferred(operands)
        let count = try operands.shape(0).elementCount
        let size = outputs[0].elementType.byteCount
        let target = Broadcasting.rowMajorStrides(outputs[0].shape.dimensions)
        let bytes = outputs[0].shape.elementCount * size
        return Kernel { arguments in
            UnsafeMutableRawBufferPointer(start: arguments.rawOutput(0), count: bytes)
                .initializeMemory(as: UInt8.self, repeating: 0)
            let indices = IndexValues(arguments.rawInput(1), .int64)
            for position in 0..<count {
                guard var rest = indices.index(position, extent: inferred.elementCount, arguments.fault) else {
                    continue
                }
                var place = 0
                for axis in inferred.dimensions.indices.reversed() {
                    place += rest % inferred[axis] * target[axis]
                    rest /= inferred[axis]
                }
                (arguments.rawOutput(0) + place * size).copyMemory(
                    from: arguments.rawInput(0) + position * size, byteCount: size)
            }
        }
    }
}
