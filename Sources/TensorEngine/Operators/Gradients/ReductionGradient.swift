/// ReductionGradient, the engine's own: the gradient of a reduction's input. Operands: the gradient of its output, its input
/// `x`, its output `y` (left out by ReduceSum and ReduceMean, which read neither's values), and its axes where it has them as
/// an operand. The attribute `function` is the reduction's operator type; its other attributes come along.
///
/// The greatest or smallest elements share the gradient of ReduceMax and ReduceMin evenly.
struct ReductionGradientOperator: Operator {
    private let function: ReductionOperator.Function
    private let axes: [Int]?
    private let isNoopWithoutAxes: Bool

    static var admitsEmpty: Bool { true }

    init(_ node: inout NodeReader) throws(GraphError) {
        let name = try node.string("function", default: "")
        guard let function = ReductionOperator.Function(rawValue: name) else {
            throw node.error(.unsupported, "the reduction '\(name)' has no gradient")
        }
        self.function = function
        axes = try node.ints("axes")
        // The output's shape may have kept the axes or not: its elements are the same.
        _ = try node.bool("keepdims", default: true)
        isNoopWithoutAxes = try node.bool("noop_with_empty_axes", default: false)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let flow = try operands.gradientType(0)
        let x = try operands.type(1, among: flow.elementType)
        guard flow.shape.elementCount == (try reduced(operands)).reduce(1, *) else {
            throw operands.error(.shapeMismatch, "the gradient is \(flow.shape), the input \(x.shape)")
        }
        if function != .sum, function != .mean {
            let y = try operands.type(2, among: flow.elementType)
            guard y.shape.elementCount == flow.shape.elementCount else {
                throw operands.error(.shapeMismatch, "the gradient is \(flow.shape), the output \(y.shape)")
            }
        }
        return [x]
    }

    /// The input's shape with the extents of reduced axes 1.
    private func reduced(_ operands: Operands) throws(GraphError) -> [Int] {
        let shape = try operands.shape(1)
        var list = axes ?? []
        if operands.has(3) { list = try operands.constantIntegers(3, meaning: "axes") }
        if list.isEmpty, isNoopWithoutAxes { return shape.dimensions }
        let reduced = list.isEmpty ? Array(0..<shape.rank) : try operands.normalizedAxes(list, rank: shape.rank)
        return shape.dimensions.enumerated().map { reduced.contains($0.offset) ? 1 : $0.element }
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let shape = outputs[0].shape
        if shape.elementCount == 0 { return Kernel { _ in } }
        let reduced = try reduced(operands)
        let count = reduced.reduce(1, *)
        let visitor = Visitor(
            function: function, loop: BroadcastLoop(shape.dimensions, reduced, output: shape.dimensions),
            count: count, length: shape.elementCount / max(count, 1))
        return try operands.visitGradient(outputs[0].elementType, visitor)
    }

    private struct Visitor: GradientVisitor {
        let function: ReductionOperator.Function
        let loop: BroadcastLoop
        /// Outputs, and inputs for each.
        let count: Int
        let length: Int

        func visit<E: GradientElement>(_ type: E.Type) -> Kernel {
            let (loop, count) = (loop, count)
            func each(_ body: @escaping @Sendable (borrowing KernelArguments) -> Void) -> Kernel { Kernel(body: body) }
            switch function {
            case .sum: return each { Self.spread($0, loop, 1 as E) }
            case .mean:
                let factor = 1 / E(length)
                return each { Self.spread($0, loop, factor) }
            case .l1: return each { Self.map($0, loop) { (g: E, x: E, _: E) in x > 0 ? g : x < 0 ? -g : 0 } }
            case .l2: return each { Self.map($0, loop) { (g: E, x: E, y: E) in y > 0 ? g * x / y : 0 } }
            case .sumSquare: return each { Self.map($0, loop) { (g: E, x: E, _: E) in 2 * g * x } }
            case .logSum: return each { Self.map($0, loop) { (g: E, _: E, y: E) in g / E.exponential(y) } }
            case .logSumExp: return each { Self.map($0, loop) { (g: E, x: E, y: E) in g * E.exponential(x - y) } }
            case .max, .min:
                return Kernel(scratchByteCount: count * MemoryLayout<E>.size) { arguments in
                    Self.shareTies(arguments, loop, count, E.self)
                }
            case .product:
                return Kernel(scratchByteCount: 2 * count * MemoryLayout<E>.size) { arguments in
                    Self.product(arguments, loop, count, E.self)
                }
            }
        }

        @inline(__always)
        private static func map<E: GradientElement>(
            _ arguments: borrowing KernelArguments, _ loop: BroadcastLoop, _ body: (E, E, E) -> E
        ) {
            let (flow, x, y) = (
                arguments.input(0, as: E.self), arguments.input(1, as: E.self), arguments.input(2, as: E.self)
            )
            let output = arguments.output(0, as: E.self)
            loop.forEachRow { _, from, to in
                for index in 0..<loop.count {
                    let place = to + index * loop.bStep
                    output[from + index] = body(flow[place], x[from + index], y[place])
                }
            }
        }

        @inline(__always)
        private static func spread<E: GradientElement>(
            _ arguments: borrowing KernelArguments, _ loop: BroadcastLoop, _ factor: E
        ) {
            let flow = arguments.input(0, as: E.self)
            let output = arguments.output(0, as: E.self)
            loop.forEachRow { _, from, to in
                if loop.bStep == 0 {
                    (output + from).update(repeating: flow[to] * factor, count: loop.count)
                } else {
                    for index in 0..<loop.count { output[from + index] = flow[to + index] * factor }
                }
            }
        }

        private static func shareTies<E: GradientElement>(
            _ arguments: borrowing KernelArguments, _ loop: BroadcastLoop, _ count: Int, _ type: E.Type
        ) {
            let ties = arguments.scratch(as: E.self)
            let (x, y) = (arguments.input(1, as: E.self), arguments.input(2, as: E.self))
            ties.update(repeating: 0, count: count)
            loop.forEachRow { _, from, to in
                for index in 0..<loop.count where x[from + index] == y[to + index * loop.bStep] {
                    ties[to + index * loop.bStep] += 1
                }
            }
            let (flow, output) = (arguments.input(0, as: E.self), arguments.output(0, as: E.self))
            loop.forEachRow { _, from, to in
                for index in 0..<loop.count {
                    let place = to + index * loop.bStep
                    output[from + index] = x[from + index] == y[place] ? flow[place] / ties[place] : 0
                }
            }
        }

        /// The product of the other elements, which has a value where an element is zero too.
        private static func product<E: GradientElement>(
            _ arguments: borrowing KernelArguments, _ loop: BroadcastLoop, _ count: Int, _ type: E.Type
        ) {
            let zeros = arguments.scratch(as: E.self)
            let products = zeros + count
            let x = arguments.input(1, as: E.self)
            zeros.update(repeating: 0, count: count)
            products.update(repeating: 1, count: count)
            loop.forEachRow { _, from, to in
                for index in 0..<loop.count {
                    let place = to + index * loop.bStep
                    if x[from + index] == 0 { zeros[place] += 1 } else { products[place] *= x[from + index] }
                }
            }
            let (flow, output) = (arguments.input(0, as: E.self), arguments.output(0, as: E.self))
            loop.forEachRow { _, from, to in
                for index in 0..<loop.count {
                    let place = to + index * loop.bStep
                    let value = x[from + index]
                    let others: E =
                        if zeros[place] == 0 {
                            products[place] / value
                        } else if zeros[place] == 1, value == 0 {
                            products[place]
                        } else {
                            0
                        }
                    output[from + index] = flow[place] * others
                }
            }
        }
    }
}
