/// NormalizationGradient, the engine's own: the gradients of the input, the scale and the shift of LayerNormalization,
/// RMSNormalization, GroupNormalization or InstanceNormalization (attribute `function`), from that of the output, the
/// input `x` and the scale. Outputs behind the first are optional; the shift's is a tensor of the scale's shape, so that a
/// shift of another one is summed or reshaped after it.
///
/// For a row of normalized elements `h`, with `s` the scale: `∂x = (s·flow - mean(s·flow) - h·mean(s·flow·h)) / deviation`
/// (Ba et al., "Layer Normalization", 2016); without the first mean for RMSNormalization.
struct NormalizationGradientOperator: Operator {
    private enum Function: String, Sendable {
        case layer = "LayerNormalization", rms = "RMSNormalization", group = "GroupNormalization"
        case instance = "InstanceNormalization"
    }

    private let function: Function
    private let axis: Int
    private let epsilon: Double
    private let groups: Int
    private let scalesGroups: Bool

    init(_ node: inout NodeReader) throws(GraphError) {
        let name = try node.string("function", default: "")
        guard let function = Function(rawValue: name) else {
            throw node.error(.unsupported, "the function '\(name)' has no gradient")
        }
        self.function = function
        axis = try node.int("axis", default: -1)
        epsilon = Double(try node.float("epsilon", default: 1e-5))
        groups = try node.int("num_groups", default: 1)
        scalesGroups = node.operatorSetVersion < 21
        _ = try node.int("stash_type", default: 1)
        guard groups > 0 else {
            throw node.error(.invalidGraph, "attribute 'num_groups' is \(groups), expected at least 1")
        }
    }

    /// How many elements are normalized together, and the scale's element for each of them, or for each channel.
    private struct Layout: Sendable {
        var rows: Int
        var length: Int
        /// The scale's element at each position of a row; nil where the position is the element.
        var positions: [Int]?
        /// Elements for which the scale stays, and how often it changes before it repeats.
        var stay: Int
        var period: Int
    }

    private func layout(_ operands: Operands) throws(GraphError) -> Layout {
        let shape = try operands.shape(1)
        let scale = try operands.shape(2)
        switch function {
        case .layer, .rms:
            let axis = try operands.normalizedAxis(axis, rank: shape.rank)
            let trailing = Array(shape.dimensions[axis...])
            let length = trailing.reduce(1, *)
            var positions: [Int]?
            if scale.elementCount != length {
                guard Broadcasting.shape(scale.dimensions, trailing) == trailing else {
                    throw operands.error(.shapeMismatch, "the scale is \(scale), the input \(shape)")
                }
                positions = Broadcasting.indices(of: scale.dimensions, broadcastTo: trailing)
            }
            return Layout(
                rows: shape.dimensions[..<axis].reduce(1, *), length: length, positions: positions, stay: 1,
                period: length)
        case .group, .instance:
            guard shape.rank >= 2 else {
                throw operands.error(.shapeMismatch, "input is \(shape), expected at least two dimensions")
            }
            let count = function == .instance ? shape[1] : groups
            let plane = shape.dimensions[2...].reduce(1, *)
            guard count > 0, shape[1] % count == 0 else {
                throw operands.error(.shapeMismatch, "\(shape[1]) channels do not divide into \(count) groups")
            }
            let length = shape[1] / count * plane
            let isPerGroup = function == .group && scalesGroups
            let period = isPerGroup ? count : shape[1]
            guard scale.elementCount == period else {
                throw operands.error(.shapeMismatch, "the scale is \(scale), expected [\(period)]")
            }
            return Layout(
                rows: shape[0] * count, length: length, positions: nil, stay: isPerGroup ? length : plane,
                period: period)
        }
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let x = try operands.gradientType(1)
        let scale = try operands.type(2, among: x.elementType)
        guard try operands.type(0) == x else {
            throw operands.error(.shapeMismatch, "the gradient is \(try operands.type(0)), the input \(x)")
        }
        _ = try layout(operands)
        return operands.present([x, scale, scale])
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let visitor = Visitor(
            layout: try layout(operands), epsilon: epsilon, centers: function != .rms,
            scaleCount: try operands.shape(2).elementCount, hasInput: operands.hasOutput(0),
            hasScale: operands.hasOutput(1), hasShift: operands.hasOutput(2))
        return try operands.visitGradient(outputs[0].elementType, visitor)
    }

    private struct Visitor: GradientVisitor {
        let layout: Layout
        let epsilon: Double
        let centers: Bool
        let scaleCount: Int
        let hasInput: Bool
        let hasScale: Bool
        let hasShift: Bool

        func visit<E: GradientElement>(_ type: E.Type) -> Kernel {
            let visitor = self
            // The normalized elements of one row, and its scaled gradient.
            return Kernel(scratchByteCount: 2 * layout.length * MemoryLayout<E>.size) { arguments in
                let scaleGradient = visitor.hasScale ? arguments.output(1, as: E.self) : nil
                let shiftGradient = visitor.hasShift ? arguments.output(2, as: E.self) : nil
                scaleGradient?.update(repeating: 0, count: visitor.scaleCount)
                shiftGradient?.update(repeating: 0, count: visitor.scaleCount)
                for row in 0..<visitor.layout.rows {
                    visitor.run(
                        row, arguments.input(0, as: E.self), arguments.input(1, as: E.self),
                        arguments.input(2, as: E.self), arguments.output(0, as: E.self), scaleGradient, shiftGradient,
                        arguments.scratch(as: E.self))
                }
            }
        }

        @inline(__always)
        private func run<E: GradientElement>(
            _ row: Int, _ flows: UnsafePointer<E>, _ inputs: UnsafePointer<E>, _ scale: UnsafePointer<E>,
            _ outputs: UnsafeMutablePointer<E>, _ scaleGradient: UnsafeMutablePointer<E>?,
            _ shiftGradient: UnsafeMutablePointer<E>?, _ scratch: UnsafeMutablePointer<E>
        ) {
            let length = layout.length
            let start = row * length
            let (flow, x, output) = (flows + start, inputs + start, outputs + start)
            let (normalized, scaled) = (scratch, scratch + length)
            let count = E(length)
            let mean = centers ? E.sum(length) { x[$0] } / count : 0
            let variance =
                E.sum(length) {
                    let difference = x[$0] - mean
                    return difference * difference
                } / count
            let factor = 1 / (variance + E(epsilon)).squareRoot()
            for index in 0..<length { normalized[index] = (x[index] - mean) * factor }
            scaleFlow(start, flow, scale, scaled)
            if hasInput {
                let first = centers ? E.sum(length) { scaled[$0] } / count : 0
                let second = E.sum(length) { scaled[$0] * normalized[$0] } / count
                for index in 0..<length {
                    output[index] = factor * (scaled[index] - first - normalized[index] * second)
                }
            }
            if let scaleGradient {
                for index in 0..<length { normalized[index] *= flow[index] }
                accumulate(start, normalized, into: scaleGradient)
            }
            if let shiftGradient { accumulate(start, flow, into: shiftGradient) }
        }

        /// The gradient of a row times the scale's elements.
        @inline(__always)
        private func scaleFlow<E: GradientElement>(
            _ start: Int, _ flow: UnsafePointer<E>, _ scale: UnsafePointer<E>, _ scaled: UnsafeMutablePointer<E>
        ) {
            if let positions = layout.positions {
                for index in 0..<layout.length { scaled[index] = flow[index] * scale[positions[index]] }
            } else if layout.stay == 1, layout.period == layout.length {
                for index in 0..<layout.length { scaled[index] = flow[index] * scale[index] }
            } else {
                forEachRun(start) { first, count, place in
                    let factor = scale[place]
                    for index in first..<first + count { scaled[index] = flow[index] * factor }
                }
            }
        }

        /// Adds the elements of a row to those of the scale that they belong to.
        @inline(__always)
        private func accumulate<E: GradientElement>(
            _ start: Int, _ values: UnsafePointer<E>, into sums: UnsafeMutablePointer<E>
        ) {
            if let positions = layout.positions {
                for index in 0..<layout.length { sums[positions[index]] += values[index] }
            } else if layout.stay == 1, layout.period == layout.length {
                for index in 0..<layout.length { sums[index] += values[index] }
            } else {
                forEachRun(start) { first, count, place in sums[place] += E.sum(count) { values[first + $0] } }
            }
        }

        /// The runs of a row that have one element of the scale.
        @inline(__always)
        private func forEachRun(_ start: Int, _ body: (_ first: Int, _ count: Int, _ place: Int) -> Void) {
            var first = 0
            while first < layout.length {
                let count = min(layout.stay, layout.length - first)
                body(first, count, (start + first) / layout.stay % layout.period)
                first += count
            }
        }
    }
}
