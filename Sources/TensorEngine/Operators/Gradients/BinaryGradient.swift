/// BinaryGradient, the engine's own: `flow · ∂f(a, b)/∂a` or `∂b` in the shape that `a` and `b` broadcast to, which is that
/// of `flow`. The attribute `function` names the function and the operand.
struct BinaryGradientOperator: Operator {
    enum Function: String, Sendable {
        case powerBase, powerExponent, divisor, slopeInput, slope
        /// Where both operands are equal the first one has the gradient.
        case maximumFirst, maximumSecond, minimumFirst, minimumSecond
    }

    private let function: Function

    static var admitsEmpty: Bool { true }

    init(_ node: inout NodeReader) throws(GraphError) {
        let name = try node.string("function", default: "")
        guard let function = Function(rawValue: name) else {
            throw node.error(.unsupported, "the function '\(name)' has no gradient")
        }
        self.function = function
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let flow = try operands.gradientType(0)
        _ = try operands.type(1, among: flow.elementType)
        _ = try operands.type(2, among: flow.elementType)
        guard try operands.broadcastShape(1..<3) == flow.shape else {
            throw operands.error(
                .shapeMismatch,
                "the gradient is \(flow.shape), the operands are \(try operands.shape(1)) and \(try operands.shape(2))")
        }
        return [flow]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        if outputs[0].shape.elementCount == 0 { return Kernel { _ in } }
        let loop = BroadcastLoop(
            try operands.shape(1).dimensions, try operands.shape(2).dimensions, output: outputs[0].shape.dimensions)
        return try operands.visitGradient(outputs[0].elementType, Visitor(function: function, loop: loop))
    }

    private struct Visitor: GradientVisitor {
        let function: Function
        let loop: BroadcastLoop

        func visit<E: GradientElement>(_ type: E.Type) -> Kernel {
            let loop = loop
            func each(_ body: @escaping @Sendable (borrowing KernelArguments) -> Void) -> Kernel {
                Kernel(placement: .inPlace([0]), body: body)
            }
            switch function {
            case .powerBase:
                return each {
                    Self.map($0, loop) { (g: E, a: E, b: E) in
                        if b == 2 { return 2 * g * a }
                        return b == 0 ? 0 : g * b * E.power(a, b - 1)
                    }
                }
            case .powerExponent:
                return each {
                    Self.map($0, loop) { (g: E, a: E, b: E) in
                        a > 0 ? g * E.power(a, b) * E.logarithm(a) : 0
                    }
                }
            case .divisor: return each { Self.map($0, loop) { (g: E, a: E, b: E) in -g * (a / b) / b } }
            case .slopeInput: return each { Self.map($0, loop) { (g: E, a: E, b: E) in a < 0 ? g * b : g } }
            case .slope: return each { Self.map($0, loop) { (g: E, a: E, _: E) in a < 0 ? g * a : 0 } }
            case .maximumFirst: return each { Self.map($0, loop) { (g: E, a: E, b: E) in a >= b ? g : 0 } }
            case .maximumSecond: return each { Self.map($0, loop) { (g: E, a: E, b: E) in b > a ? g : 0 } }
            case .minimumFirst: return each { Self.map($0, loop) { (g: E, a: E, b: E) in a <= b ? g : 0 } }
            case .minimumSecond: return each { Self.map($0, loop) { (g: E, a: E, b: E) in b < a ? g : 0 } }
            }
        }

        @inline(__always)
        private static func map<E: GradientElement>(
            _ arguments: borrowing KernelArguments, _ loop: BroadcastLoop, _ body: (E, E, E) -> E
        ) {
            let flow = arguments.input(0, as: E.self)
            let (a, b) = (arguments.input(1, as: E.self), arguments.input(2, as: E.self))
            let output = arguments.output(0, as: E.self)
            loop.forEachRow { row, aOffset, bOffset in
                let start = row * loop.count
                for index in 0..<loop.count {
                    output[start + index] = body(
                        flow[start + index], a[aOffset + index * loop.aStep], b[bOffset + index * loop.bStep])
                }
            }
        }
    }
}

/// ClipGradient, the engine's own: `flow` where Clip's output `y` lies between its bounds, 0 elsewhere. Bounds are optional
/// operands, or attributes before opset 11, as Clip's.
struct ClipGradientOperator: Operator {
    private let (lower, upper): (Float?, Float?)

    static var admitsEmpty: Bool { true }

    init(_ node: inout NodeReader) throws(GraphError) {
        let attributes = node.node.node.attributes
        lower = attributes["min"] == nil ? nil : try node.float("min", default: 0)
        upper = attributes["max"] == nil ? nil : try node.float("max", default: 0)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let flow = try operands.gradientType(0)
        guard try operands.type(1) == flow else {
            throw operands.error(.shapeMismatch, "the gradient is \(flow), the value \(try operands.type(1))")
        }
        for index in [2, 3] where operands.has(index) {
            guard try operands.type(index, among: flow.elementType).shape.elementCount == 1 else {
                throw operands.error(.shapeMismatch, "a bound is \(try operands.type(index)), expected a scalar")
            }
        }
        return [flow]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        try operands.visitGradient(
            outputs[0].elementType,
            Visitor(
                bounds: (lower, upper), hasLower: operands.has(2), hasUpper: operands.has(3),
                count: outputs[0].shape.elementCount))
    }

    private struct Visitor: GradientVisitor {
        let bounds: (lower: Float?, upper: Float?)
        let hasLower: Bool
        let hasUpper: Bool
        let count: Int

        func visit<E: GradientElement>(_ type: E.Type) -> Kernel {
            let (hasLower, hasUpper, count) = (hasLower, hasUpper, count)
            let (lower, upper) = (bounds.lower.map { E($0) }, bounds.upper.map { E($0) })
            return Kernel(placement: .inPlace([0, 1])) { arguments in
                let least = hasLower ? arguments.input(2, as: E.self)[0] : lower ?? -E.infinity
                let greatest = hasUpper ? arguments.input(3, as: E.self)[0] : upper ?? E.infinity
                let (flow, y) = (arguments.input(0, as: E.self), arguments.input(1, as: E.self))
                let output = arguments.output(0, as: E.self)
                for index in 0..<count { output[index] = y[index] > least && y[index] < greatest ? flow[index] : 0 }
            }
        }
    }
}
