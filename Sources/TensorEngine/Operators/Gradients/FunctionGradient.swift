import CTensorKernels

/// FunctionGradient, the engine's own: `flow · f'(v)` for a function of one number, the attribute `function`. `v` is the
/// function's input or, where the derivative follows from it, its output (``Function/usesOutput``), so that the input need
/// not be kept. The function's own attributes come along.
struct FunctionGradientOperator: Operator {
    enum Function: String, Sendable, CaseIterable {
        case abs = "Abs", acos = "Acos", acosh = "Acosh", asin = "Asin", asinh = "Asinh", atan = "Atan"
        case atanh = "Atanh", celu = "Celu", cos = "Cos", cosh = "Cosh", elu = "Elu", erf = "Erf", exp = "Exp"
        case gelu = "Gelu", hardSigmoid = "HardSigmoid", hardSwish = "HardSwish", leakyRelu = "LeakyRelu", log = "Log"
        case mish = "Mish", reciprocal = "Reciprocal", relu = "Relu", selu = "Selu", shrink = "Shrink"
        case sigmoid = "Sigmoid", sin = "Sin", sinh = "Sinh", softplus = "Softplus", softsign = "Softsign"
        case sqrt = "Sqrt", swish = "Swish", tan = "Tan", tanh = "Tanh", thresholdedRelu = "ThresholdedRelu"

        /// Whether the derivative is one of the function's output.
        var usesOutput: Bool {
            switch self {
            case .celu, .elu, .exp, .hardSigmoid, .leakyRelu, .reciprocal, .relu, .selu, .sigmoid, .softsign, .sqrt,
                .tan,
                .tanh, .thresholdedRelu:
                true
            default: false
            }
        }
    }

    private let function: Function
    private let (alpha, beta): (Double, Double)
    private let approximates: Bool

    static var admitsEmpty: Bool { true }

    init(_ node: inout NodeReader) throws(GraphError) {
        let name = try node.string("function", default: "")
        guard let function = Function(rawValue: name) else {
            throw node.error(.unsupported, "the function '\(name)' has no gradient")
        }
        self.function = function
        func number(_ attribute: String, _ value: Float) throws(GraphError) -> Double {
            Double(try node.float(attribute, default: value))
        }
        switch function {
        case .leakyRelu: (alpha, beta) = (try number("alpha", 0.01), 0)
        case .elu, .celu, .swish, .thresholdedRelu: (alpha, beta) = (try number("alpha", 1), 0)
        case .selu:
            (alpha, beta) = (
                try number("alpha", 1.67326319217681884765625), try number("gamma", 1.05070102214813232421875)
            )
        case .hardSigmoid: (alpha, beta) = (try number("alpha", 0.2), try number("beta", 0.5))
        case .shrink: (alpha, beta) = (try number("lambd", 0.5), try number("bias", 0))
        default: (alpha, beta) = (0, 0)
        }
        approximates = function == .gelu ? try node.string("approximate", default: "none") == "tanh" : false
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let flow = try operands.gradientType(0)
        guard try operands.type(1) == flow else {
            throw operands.error(.shapeMismatch, "the gradient is \(flow), the value \(try operands.type(1))")
        }
        return [flow]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let count = outputs[0].shape.elementCount
        if outputs[0].elementType == .float32,
            let kernel = VectorGradient(function, alpha: Float(alpha), approximates, operands.kernels)?.kernel(count)
        {
            return kernel
        }
        let visitor = Visitor(
            function: function, alpha: alpha, beta: beta, approximates: approximates, count: count)
        return try operands.visitGradient(outputs[0].elementType, visitor)
    }

    private struct Visitor: GradientVisitor {
        let function: Function
        let (alpha, beta): (Double, Double)
        let approximates: Bool
        let count: Int

        init(function: Function, alpha: Double, beta: Double, approximates: Bool, count: Int) {
            (self.function, self.alpha, self.beta) = (function, alpha, beta)
            (self.approximates, self.count) = (approximates, count)
        }

        func visit<E: GradientElement>(_ type: E.Type) -> Kernel {
            let count = count
            let (a, b) = (E(alpha), E(beta))
            // The closures are inlined into their loops, which the compiler then vectorizes.
            func each(_ body: @escaping @Sendable (borrowing KernelArguments) -> Void) -> Kernel {
                Kernel(placement: .inPlace([0, 1]), body: body)
            }
            switch function {
            case .relu: return each { Self.map($0, count) { (g: E, y: E) in y > 0 ? g : 0 } }
            case .leakyRelu: return each { Self.map($0, count) { (g: E, y: E) in y > 0 ? g : a * g } }
            case .thresholdedRelu: return each { Self.map($0, count) { (g: E, y: E) in y != 0 ? g : 0 } }
            case .sigmoid: return each { Self.map($0, count) { (g: E, y: E) in g * y * (1 - y) } }
            case .tanh: return each { Self.map($0, count) { (g: E, y: E) in g * (1 - y * y) } }
            case .tan: return each { Self.map($0, count) { (g: E, y: E) in g * (1 + y * y) } }
            case .elu: return each { Self.map($0, count) { (g: E, y: E) in y > 0 ? g : g * (y + a) } }
            case .celu: return each { Self.map($0, count) { (g: E, y: E) in y > 0 ? g : g * (y / a + 1) } }
            case .selu: return each { Self.map($0, count) { (g: E, y: E) in y > 0 ? g * b : g * (y + a * b) } }
            case .exp: return each { Self.map($0, count) { (g: E, y: E) in g * y } }
            case .sqrt: return each { Self.map($0, count) { (g: E, y: E) in g / (2 * y) } }
            case .reciprocal: return each { Self.map($0, count) { (g: E, y: E) in -g * y * y } }
            case .softsign:
                return each {
                    Self.map($0, count) { (g: E, y: E) in
                        let rest = 1 - Swift.abs(y)
                        return g * rest * rest
                    }
                }
            case .hardSigmoid: return each { Self.map($0, count) { (g: E, y: E) in y > 0 && y < 1 ? g * a : 0 } }
            case .abs: return each { Self.map($0, count) { (g: E, x: E) in x > 0 ? g : x < 0 ? -g : 0 } }
            case .log: return each { Self.map($0, count) { (g: E, x: E) in g / x } }
            case .shrink: return each { Self.map($0, count) { (g: E, x: E) in x < -a || x > a ? g : 0 } }
            case .hardSwish:
                return each {
                    Self.map($0, count) { (g: E, x: E) in x <= -3 ? 0 : x >= 3 ? g : g * (x / 3 + 0.5) }
                }
            default: return rare(type)
            }
        }

        /// The functions whose derivatives take a function of the mathematical library.
        private func rare<E: GradientElement>(_ type: E.Type) -> Kernel {
            let count = count
            let derivative = derivative(type)
            return Kernel(placement: .inPlace([0, 1])) { arguments in
                Self.map(arguments, count) { (g: E, x: E) in g * derivative(x) }
            }
        }

        private func derivative<E: GradientElement>(_ type: E.Type) -> @Sendable (E) -> E {
            let a = E(alpha)
            switch function {
            case .sin: return { E.cosine($0) }
            case .cos: return { -E.sine($0) }
            case .sinh: return { E.hyperbolicCosine($0) }
            case .cosh: return { E.hyperbolicSine($0) }
            case .asin: return { 1 / (1 - $0 * $0).squareRoot() }
            case .acos: return { -1 / (1 - $0 * $0).squareRoot() }
            case .atan: return { 1 / (1 + $0 * $0) }
            case .asinh: return { 1 / (1 + $0 * $0).squareRoot() }
            case .acosh: return { 1 / ($0 * $0 - 1).squareRoot() }
            case .atanh: return { 1 / (1 - $0 * $0) }
            case .erf: return { E(2 / Double.pi.squareRoot()) * E.exponential(-$0 * $0) }
            case .softplus: return { 1 / (1 + E.exponential(-$0)) }
            case .swish:
                return { x in
                    let s = 1 / (1 + E.exponential(-a * x))
                    return s * (1 + a * x * (1 - s))
                }
            case .mish:
                return { x in
                    let softplus = Swift.max(x, 0) + E.logarithm(1 + E.exponential(-Swift.abs(x)))
                    let t = E.hyperbolicTangent(softplus)
                    return t + x * (1 - t * t) / (1 + E.exponential(-x))
                }
            case .gelu where approximates:
                let (k, c) = (E((2 / Double.pi).squareRoot()), E(0.044715))
                return { x in
                    let t = E.hyperbolicTangent(k * (x + c * x * x * x))
                    return (1 + t) / 2 + x * (1 - t * t) * k * (1 + 3 * c * x * x) / 2
                }
            default:
                let (half, density) = (E(0.5.squareRoot()), E(1 / (2 * Double.pi).squareRoot()))
                return { x in (1 + E.errorFunction(x * half)) / 2 + x * density * E.exponential(-x * x / 2) }
            }
        }

        @inline(__always)
        private static func map<E: GradientElement>(
            _ arguments: borrowing KernelArguments, _ count: Int, _ body: (E, E) -> E
        ) {
            let (flow, value) = (arguments.input(0, as: E.self), arguments.input(1, as: E.self))
            let output = arguments.output(0, as: E.self)
            for index in 0..<count { output[index] = body(flow[index], value[index]) }
        }
    }
}

/// Derivatives that the vector kernels compute the expensive part of, block by block.
private struct VectorGradient: Sendable {
    private static let block = 256

    private let function: FunctionGradientOperator.Function
    private let alpha: Float
    private let approximates: Bool
    private let kernels: KernelTable

    /// nil for functions that are fast, or rare, as they are.
    init?(
        _ function: FunctionGradientOperator.Function, alpha: Float, _ approximates: Bool, _ kernels: KernelTable
    ) {
        guard [.erf, .gelu, .softplus, .swish].contains(function) else { return nil }
        (self.function, self.alpha, self.approximates, self.kernels) = (function, alpha, approximates, kernels)
    }

    func kernel(_ count: Int) -> Kernel {
        let gradient = self
        return Kernel(placement: .inPlace([0])) { arguments in
            let (flow, x) = (arguments.input(0, as: Float.self), arguments.input(1, as: Float.self))
            let output = arguments.output(0, as: Float.self)
            withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * Self.block) { buffer in
                guard let first = buffer.baseAddress else { return }
                var start = 0
                while start < count {
                    let length = min(Self.block, count - start)
                    gradient.run(flow + start, x + start, output + start, length, first, first + Self.block)
                    start += length
                }
            }
        }
    }

    private func run(
        _ flow: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int,
        _ t: UnsafeMutablePointer<Float>, _ u: UnsafeMutablePointer<Float>
    ) {
        switch function {
        case .softplus:
            kernels.functions.unary(MK_UNARY_SIGMOID, x, t, count, 0, 0)
            for i in 0..<count { y[i] = flow[i] * t[i] }
        case .swish:
            for i in 0..<count { t[i] = alpha * x[i] }
            kernels.functions.unary(MK_UNARY_SIGMOID, t, u, count, 0, 0)
            for i in 0..<count { y[i] = flow[i] * u[i] * (1 + t[i] * (1 - u[i])) }
        case .erf:
            for i in 0..<count { t[i] = -x[i] * x[i] }
            kernels.functions.unary(MK_UNARY_EXP, t, t, count, 0, 0)
            let factor = Float(2 / Double.pi.squareRoot())
            for i in 0..<count { y[i] = flow[i] * factor * t[i] }
        default:
            if approximates {
                let (k, c) = (Float((2 / Double.pi).squareRoot()), Float(0.044715))
                for i in 0..<count { t[i] = k * (x[i] + c * x[i] * x[i] * x[i]) }
                kernels.functions.unary(MK_UNARY_TANH, t, t, count, 0, 0)
                for i in 0..<count {
                    let slope = x[i] * (1 - t[i] * t[i]) * k * (1 + 3 * c * x[i] * x[i])
                    y[i] = flow[i] * (1 + t[i] + slope) / 2
                }
                return
            }
            let density = Float(1 / (2 * Double.pi).squareRoot())
            for i in 0..<count { t[i] = -x[i] * x[i] / 2 }
            kernels.functions.unary(MK_UNARY_EXP, t, t, count, 0, 0)
            kernels.functions.gelu(0, x, u, count)
            for i in 0..<count {
                // gelu(x) / x is the distribution function; around 0 it is nearly a line.
                let distribution = abs(x[i]) > 1e-3 ? u[i] / x[i] : 0.5 + density * x[i]
                y[i] = flow[i] * (distribution + density * x[i] * t[i])
            }
        }
    }
}
