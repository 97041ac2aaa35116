/// Pad (attributes before opset 11, inputs from then on, `axes` from 18 on), of every element type.
/// Negative pads crop.
struct PadOperator: Operator {
    private enum Mode: String { case constant, edge, reflect, wrap }

    private let mode: Mode
    private let attributes: (pads: [Int], value: Float)?

    static var admitsEmpty: Bool { true }

    init(_ node: inout NodeReader) throws(GraphError) {
        let name = try node.string("mode", default: "constant")
        guard let mode = Mode(rawValue: name) else {
            throw node.error(.invalidGraph, "mode is '\(name)', expected constant, edge, reflect or wrap")
        }
        self.mode = mode
        guard node.operatorSetVersion < 11 else {
            attributes = nil
            return
        }
        guard let pads = try node.ints("pads") else {
            throw node.error(.invalidGraph, "attribute 'pads' is missing")
        }
        attributes = (pads, try node.float("value", default: 0))
    }

    /// Padding before and after each axis.
    func pads(_ operands: Operands) throws(GraphError) -> (begin: [Int], end: [Int]) {
        let rank = try operands.shape(0).rank
        let list: [Int]
        if let attributes { list = attributes.pads } else { list = try operands.constantIntegers(1, meaning: "pads") }
        var axes = Array(0..<rank)
        if operands.has(3) {
            axes = try operands.normalizedAxes(try operands.constantIntegers(3, meaning: "axes"), rank: rank)
        }
        guard list.count == 2 * axes.count else {
            throw operands.error(.shapeMismatch, "pads has \(list.count) values, expected \(2 * axes.count)")
        }
        guard list.allSatisfy({ $0.magnitude <= UInt(Int32.max) }) else {
            throw operands.error(.limitExceeded, "pads are \(list), at most 2^31 - 1 allowed")
        }
        var begin = [Int](repeating: 0, count: rank)
        var end = begin
        for (index, axis) in axes.enumerated() {
            begin[axis] = list[index]
            end[axis] = list[index + axes.count]
        }
        return (begin, end)
    }

    /// The bytes of one padding element; nil when they are computed at run time.
    private func fill(_ operands: Operands, _ type: ElementType) throws(GraphError) -> [UInt8]? {
        if operands.has(2) {
            let operand = try operands.operand(2)
            _ = try operands.type(2, among: type)
            guard operand.type.shape.elementCount == 1 else {
                throw operands.error(
                    .shapeMismatch, "constant_value '\(operand.name)' is \(operand.type.shape), expected a scalar")
            }
            return operand.constant?.withBytes { Array($0) }
        }
        guard let value = attributes?.value, value != 0 else { return [UInt8](repeating: 0, count: type.byteCount) }
        switch type {
        case .float32: return withUnsafeBytes(of: value) { Array($0) }
        case .float64: return withUnsafeBytes(of: Double(value)) { Array($0) }
        default: throw operands.error(.unsupported, "padding value \(value) for element type \(type.rawValue)")
        }
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0)
        let (begin, end) = try pads(operands)
        _ = try fill(operands, type.elementType)
        let dimensions = type.shape.dimensions.indices.map { type.shape[$0] + begin[$0] + end[$0] }
        if mode != .constant {
            for axis in dimensions.indices where type.shape[axis] == 0 && dimensions[axis] > 0 {
                throw operands.error(.shapeMismatch, "axis \(axis) of \(type.shape) has nothing to repeat")
            }
        }
        return [TensorType(elementType: type.elementType, shape: try operands.makeShape(dimensions))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let (begin, _) = try pads(operands)
        let input = try operands.shape(0).dimensions
        if mode != .constant { return repeating(begin, input, outputs[0]) }
        let output = outputs[0].shape.dimensions
        let pattern = try fill(operands, outputs[0].elementType)
        let size = outputs[0].elementType.byteCount
        // The part of the input that stays, as a box with an origin in both.
        let from = begin.map { max(0, -$0) }
        let to = begin.map { max(0, $0) }
        let box = input.indices.map { max(0, min(input[$0] - from[$0], output[$0] - to[$0])) }
        let inputStrides = Broadcasting.rowMajorStrides(input)
        let outputStrides = Broadcasting.rowMajorStrides(output)
        let inputOrigin = zip(from, inputStrides).reduce(0) { $0 + $1.0 * $1.1 }
        let outputOrigin = zip(to, outputStrides).reduce(0) { $0 + $1.0 * $1.1 }
        let run = (box.last ?? 1) * size
        let rows = box.dropLast().reduce(1, *)
        return Kernel { arguments in
            let target = UnsafeMutableRawBufferPointer(
                start: arguments.rawOutput(0), count: outputs[0].shape.elementCount * size)
            if let pattern {
                for index in target.indices { target[index] = pattern[index % size] }
            } else {
                let value = arguments.rawInput(2)
                for index in target.indices {
                    target[index] = value.load(fromByteOffset: index % size, as: UInt8.self)
                }
            }
            guard run > 0 else { return }
            for row in 0..<rows {
                var rest = row
                var (source, destination) = (inputOrigin, outputOrigin)
                for axis in box.indices.dropLast().reversed() {
                    let index = rest % box[axis]
                    rest /= box[axis]
                    source += index * inputStrides[axis]
                    destination += index * outputStrides[axis]
                }
                (arguments.rawOutput(0) + destination * size).copyMemory(
                    from: arguments.rawInput(0) + source * size, byteCount: run)
            }
        }
    }

    /// For each axis, the offset of the input's element that stands at each place of the output; -1 for the constant.
    func sources(_ begin: [Int], _ input: [Int], _ output: [Int]) -> [[Int]] {
        let strides = Broadcasting.rowMajorStrides(input)
        return input.indices.map { axis in
            (0..<output[axis]).map { place -> Int in
                let (index, extent) = (place - begin[axis], input[axis])
                switch mode {
                case .wrap: return ((index % extent) + extent) % extent * strides[axis]
                case .reflect:
                    let period = max(2 * (extent - 1), 1)
                    let folded = ((index % period) + period) % period
                    return (folded < extent ? folded : period - folded) * strides[axis]
                case .edge: return min(max(index, 0), extent - 1) * strides[axis]
                case .constant: return (0..<extent).contains(index) ? index * strides[axis] : -1
                }
            }
        }
    }

    /// Padding made of the input's own elements.
    private func repeating(_ begin: [Int], _ input: [Int], _ output: TensorType) -> Kernel {
        let sources = sources(begin, input, output.shape.dimensions)
        let walk = StridedWalk(output.shape.dimensions, strides: input.map { _ in 0 })
        let extents = output.shape.dimensions
        let size = output.elementType.byteCount
        return Kernel { arguments in
            walk.forEach { position, _ in
                var rest = position
                var source = 0
                for axis in extents.indices.reversed() {
                    source += sources[axis][rest % extents[axis]]
                    rest /= extents[axis]
                }
                (arguments.rawOutput(0) + position * size).copyMemory(
                    from: arguments.rawInput(0) + source * size, byteCount: size)
            }
        }
    }
}
