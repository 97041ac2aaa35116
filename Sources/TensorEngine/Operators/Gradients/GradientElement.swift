import Glibc

/// The element types that gradients are computed in.
protocol GradientElement: TensorElement, BinaryFloatingPoint {
    static func exponential(_ x: Self) -> Self
    static func logarithm(_ x: Self) -> Self
    static func tangent(_ x: Self) -> Self
    static func hyperbolicTangent(_ x: Self) -> Self
    static func hyperbolicSine(_ x: Self) -> Self
    static func hyperbolicCosine(_ x: Self) -> Self
    static func sine(_ x: Self) -> Self
    static func cosine(_ x: Self) -> Self
    static func errorFunction(_ x: Self) -> Self
    static func power(_ x: Self, _ exponent: Self) -> Self
}

extension Float: GradientElement {
    static func exponential(_ x: Float) -> Float { exp(x) }
    static func logarithm(_ x: Float) -> Float { log(x) }
    static func tangent(_ x: Float) -> Float { tan(x) }
    static func hyperbolicTangent(_ x: Float) -> Float { tanh(x) }
    static func hyperbolicSine(_ x: Float) -> Float { sinh(x) }
    static func hyperbolicCosine(_ x: Float) -> Float { cosh(x) }
    static func sine(_ x: Float) -> Float { sin(x) }
    static func cosine(_ x: Float) -> Float { cos(x) }
    static func errorFunction(_ x: Float) -> Float { erf(x) }
    static func power(_ x: Float, _ exponent: Float) -> Float { pow(x, exponent) }
}

extension Double: GradientElement {
    static func exponential(_ x: Double) -> Double { exp(x) }
    static func logarithm(_ x: Double) -> Double { log(x) }
    static func tangent(_ x: Double) -> Double { tan(x) }
    static func hyperbolicTangent(_ x: Double) -> Double { tanh(x) }
    static func hyperbolicSine(_ x: Double) -> Double { sinh(x) }
    static func hyperbolicCosine(_ x: Double) -> Double { cosh(x) }
    static func sine(_ x: Double) -> Double { sin(x) }
    static func cosine(_ x: Double) -> Double { cos(x) }
    static func errorFunction(_ x: Double) -> Double { erf(x) }
    static func power(_ x: Double, _ exponent: Double) -> Double { pow(x, exponent) }
}

/// Calls a generic function with the Swift type of float32 or float64, so that the compiler makes a version for each.
protocol GradientVisitor {
    associatedtype Result
    func visit<Element: GradientElement>(_ type: Element.Type) -> Result
}

extension Operands {
    /// The type of an input, which must be float32 or float64.
    func gradientType(_ index: Int) throws(GraphError) -> TensorType { try type(index, among: .float32, .float64) }

    /// Runs a visitor on float32 or float64.
    func visitGradient<Visitor: GradientVisitor>(
        _ elementType: ElementType, _ visitor: Visitor
    ) throws(GraphError) -> Visitor.Result {
        switch elementType {
        case .float32: return visitor.visit(Float.self)
        case .float64: return visitor.visit(Double.self)
        default:
            throw error(
                .unsupported, "element type \(elementType.rawValue) has no gradients, supported: float32, float64")
        }
    }
}

extension GradientElement {
    /// The sum of `term(0)`, `term(1)`, … in eight interleaved sums, an order that depends on `count` alone.
    @inline(__always)
    static func sum(_ count: Int, _ term: (Int) -> Self) -> Self {
        var (s0, s1, s2, s3, s4, s5, s6, s7): (Self, Self, Self, Self, Self, Self, Self, Self) = (
            0, 0, 0, 0, 0, 0, 0, 0
        )
        let whole = count & ~7
        var index = 0
        while index < whole {
            s0 += term(index)
            s1 += term(index &+ 1)
            s2 += term(index &+ 2)
            s3 += term(index &+ 3)
            s4 += term(index &+ 4)
            s5 += term(index &+ 5)
            s6 += term(index &+ 6)
            s7 += term(index &+ 7)
            index &+= 8
        }
        var total = ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7))
        while index < count {
            total += term(index)
            index &+= 1
        }
        return total
    }
}
