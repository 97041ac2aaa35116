/// SoftmaxGradient, the engine's own: the gradient of the input of Softmax, LogSoftmax or LpNormalization (attribute
/// `function`) from that of its output, its output `y`, and for LpNormalization its input. `axis` and `p` come along; as
/// theirs, the axes from `axis` on are one before opset 13.
struct SoftmaxGradientOperator: Operator {
    private enum Function: String, Sendable {
        case softmax = "Softmax", logSoftmax = "LogSoftmax", lpNormalization = "LpNormalization"
    }

    private let function: Function
    private let axis: Int
    private let flattens: Bool
    private let power: Int

    static var admitsEmpty: Bool { true }

    init(_ node: inout NodeReader) throws(GraphError) {
        let name = try node.string("function", default: "")
        guard let function = Function(rawValue: name) else {
            throw node.error(.unsupported, "the function '\(name)' has no gradient")
        }
        self.function = function
        flattens = function != .lpNormalization && node.operatorSetVersion < 13
        axis = try node.int("axis", default: flattens ? 1 : -1)
        power = try node.int("p", default: 2)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let flow = try operands.gradientType(0)
        guard operands.count == (function == .lpNormalization ? 3 : 2), power == 1 || power == 2 else {
            throw operands.error(.invalidGraph, "has \(operands.count) inputs, or a power p of \(power)")
        }
        for index in 1..<operands.count where try operands.type(index) != flow {
            throw operands.error(.shapeMismatch, "the gradient is \(flow), input \(index) \(try operands.type(index))")
        }
        return [flow]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let shape = outputs[0].shape
        if shape.elementCount == 0 { return Kernel { _ in } }
        let axis = try operands.normalizedAxis(axis, rank: shape.rank, allowingEnd: flattens)
        let flattened = [shape.dimensions[..<axis].reduce(1, *), shape.dimensions[axis...].reduce(1, *)]
        let rows = AxisRows(flattens ? try operands.makeShape(flattened) : shape, axis: flattens ? 1 : axis)
        return try operands.visitGradient(
            outputs[0].elementType, Visitor(function: function, power: power, rows: rows))
    }

    private struct Visitor: GradientVisitor {
        let function: Function
        let power: Int
        let rows: AxisRows

        func visit<E: GradientElement>(_ type: E.Type) -> Kernel {
            let rows = rows
            switch (function, rows.stride == 1) {
            case (.softmax, true): return Self.softmax(rows, 1, type)
            case (.softmax, false): return Self.softmax(rows, rows.stride, type)
            case (.logSoftmax, _): return Self.logSoftmax(rows, type)
            case (.lpNormalization, _): return Self.normalization(rows, power, type)
            }
        }

        /// `y · (flow - Σ flow · y)`.
        @inline(__always)
        private static func softmax<E: GradientElement>(_ rows: AxisRows, _ stride: Int, _ type: E.Type) -> Kernel {
            Kernel(placement: .inPlace([0, 1])) { arguments in
                for row in 0..<rows.count {
                    let start = rows.start(row)
                    let flow = arguments.input(0, as: E.self) + start
                    let y = arguments.input(1, as: E.self) + start
                    let output = arguments.output(0, as: E.self) + start
                    let mean = E.sum(rows.length) { flow[$0 * stride] * y[$0 * stride] }
                    for index in 0..<rows.length {
                        output[index * stride] = y[index * stride] * (flow[index * stride] - mean)
                    }
                }
            }
        }

        /// `flow - exp(y) · Σ flow`.
        private static func logSoftmax<E: GradientElement>(_ rows: AxisRows, _ type: E.Type) -> Kernel {
            Kernel(placement: .inPlace([0, 1])) { arguments in
                let stride = rows.stride
                for row in 0..<rows.count {
                    let start = rows.start(row)
                    let flow = arguments.input(0, as: E.self) + start
                    let y = arguments.input(1, as: E.self) + start
                    let output = arguments.output(0, as: E.self) + start
                    let sum = E.sum(rows.length) { flow[$0 * stride] }
                    for index in 0..<rows.length {
                        output[index * stride] = flow[index * stride] - E.exponential(y[index * stride]) * sum
                    }
                }
            }
        }

        /// `(flow - ∂norm · Σ flow · y) / norm`, zero where the norm is.
        private static func normalization<E: GradientElement>(
            _ rows: AxisRows, _ power: Int, _ type: E.Type
        ) -> Kernel {
            Kernel { arguments in
                let stride = rows.stride
                for row in 0..<rows.count {
                    let start = rows.start(row)
                    let flow = arguments.input(0, as: E.self) + start
                    let y = arguments.input(1, as: E.self) + start
                    let x = arguments.input(2, as: E.self) + start
                    let output = arguments.output(0, as: E.self) + start
                    let norm =
                        power == 1
                        ? E.sum(rows.length) { abs(x[$0 * stride]) }
                        : E.sum(rows.length) { x[$0 * stride] * x[$0 * stride] }.squareRoot()
                    let mean = E.sum(rows.length) { flow[$0 * stride] * y[$0 * stride] }
                    for index in 0..<rows.length {
                        let place = index * stride
                        let slope = power == 1 ? (x[place] > 0 ? 1 : x[place] < 0 ? -1 : 0) : y[place]
                        output[place] = norm == 0 ? 0 : (flow[place] - slope * mean) / norm
                    }
                }
            }
        }
    }
}
