import Glibc

/// An element type that numbers are computed in, for operators that are written once for all of ONNX's types. Integers wrap
/// around; a quotient or remainder by zero, which ONNX leaves open, is zero. float16 and bfloat16 compute in float32 and
/// round once an operation.
protocol NumericElement: TensorElement, Comparable {
    static var zero: Self { get }
    static var one: Self { get }
    /// The smallest and the largest value; infinities where there are some.
    static var lowest: Self { get }
    static var highest: Self { get }
    static var isFloatingPoint: Bool { get }
    var isNotANumber: Bool { get }
    /// Exact save for 64-bit integers beyond 2^53.
    var double: Double { get }
    /// The nearest value; integers truncate and saturate, and NaN is zero for them.
    init(rounding value: Double)
    init(integer value: Int)
    func adding(_ other: Self) -> Self
    func subtracting(_ other: Self) -> Self
    func multiplied(by other: Self) -> Self
    func divided(by other: Self) -> Self
}

/// Calls a generic function with the Swift type of an element type, so that the compiler makes one version for each.
protocol NumericVisitor {
    associatedtype Result
    func visit<Element: NumericElement>(_ type: Element.Type) -> Result
}

extension ElementType {
    /// - Returns: nil for types that are no numbers to compute with.
    func visitNumeric<Visitor: NumericVisitor>(_ visitor: Visitor) -> Visitor.Result? {
        switch self {
        case .float32: visitor.visit(Float.self)
        case .float64: visitor.visit(Double.self)
        case .float16: visitor.visit(Float16.self)
        case .bfloat16: visitor.visit(BFloat16.self)
        case .int8: visitor.visit(Int8.self)
        case .int16: visitor.visit(Int16.self)
        case .int32: visitor.visit(Int32.self)
        case .int64: visitor.visit(Int64.self)
        case .uint8: visitor.visit(UInt8.self)
        case .uint16: visitor.visit(UInt16.self)
        case .uint32: visitor.visit(UInt32.self)
        case .uint64: visitor.visit(UInt64.self)
        default: nil
        }
    }

    static let numeric: [ElementType] = [
        .float32, .float64, .float16, .bfloat16, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64,
    ]
    static let floatingPoint: [ElementType] = [.float32, .float64, .float16, .bfloat16]
}

extension Operands {
    /// The type of an input whose elements must be one of `allowed`.
    func type(_ index: Int, in allowed: [ElementType]) throws(GraphError) -> TensorType {
        let operand = try operand(index)
        guard allowed.contains(operand.type.elementType) else {
            let list = allowed.map(\.rawValue).joined(separator: ", ")
            throw error(
                .unsupported,
                "input '\(operand.name)' has element type \(operand.type.elementType.rawValue), supported: \(list)")
        }
        return operand.type
    }

    /// Runs a visitor on an input's element type.
    func visitNumeric<Visitor: NumericVisitor>(
        _ elementType: ElementType, _ visitor: Visitor
    ) throws(GraphError) -> Visitor.Result {
        guard let result = elementType.visitNumeric(visitor) else {
            throw error(.unsupported, "element type \(elementType.rawValue) is not one to compute with")
        }
        return result
    }
}

extension NumericElement where Self: FixedWidthInteger {
    static var one: Self { 1 }
    static var lowest: Self { .min }
    static var highest: Self { .max }
    static var isFloatingPoint: Bool { false }
    var isNotANumber: Bool { false }
    var double: Double { Double(self) }
    init(rounding value: Double) {
        if value.isNaN {
            self = 0
        } else if value <= Double(Self.min) {
            self = .min
        } else if value >= Double(Self.max) {
            self = .max
        } else {
            self = Self(value)
        }
    }
    init(integer value: Int) { self = Self(truncatingIfNeeded: value) }
    func adding(_ other: Self) -> Self { self &+ other }
    func subtracting(_ other: Self) -> Self { self &- other }
    func multiplied(by other: Self) -> Self { self &* other }
    func divided(by other: Self) -> Self { other == 0 ? 0 : dividedReportingOverflow(by: other).partialValue }
}

extension Int8: NumericElement {}
extension Int16: NumericElement {}
extension Int32: NumericElement {}
extension Int64: NumericElement {}
extension UInt8: NumericElement {}
extension UInt16: NumericElement {}
extension UInt32: NumericElement {}
extension UInt64: NumericElement {}

extension NumericElement where Self: BinaryFloatingPoint {
    static var one: Self { 1 }
    static var lowest: Self { -.infinity }
    static var highest: Self { .infinity }
    static var isFloatingPoint: Bool { true }
    var isNotANumber: Bool { isNaN }
    var double: Double { Double(self) }
    init(rounding value: Double) { self = Self(value) }
    init(integer value: Int) { self = Self(value) }
    func adding(_ other: Self) -> Self { self + other }
    func subtracting(_ other: Self) -> Self { self - other }
    func multiplied(by other: Self) -> Self { self * other }
    func divided(by other: Self) -> Self { self / other }
}

extension Float: NumericElement {}
extension Double: NumericElement {}
extension Float16: NumericElement {}

extension BFloat16: NumericElement {
    static var zero: BFloat16 { .init(0) }
    static var one: BFloat16 { .init(1) }
    static var lowest: BFloat16 { .init(-.infinity) }
    static var highest: BFloat16 { .init(.infinity) }
    static var isFloatingPoint: Bool { true }
    var isNotANumber: Bool { float.isNaN }
    var double: Double { Double(float) }
    init(rounding value: Double) { self.init(Float(value)) }
    init(integer value: Int) { self.init(Float(value)) }
    func adding(_ other: BFloat16) -> BFloat16 { .init(float + other.float) }
    func subtracting(_ other: BFloat16) -> BFloat16 { .init(float - other.float) }
    func multiplied(by other: BFloat16) -> BFloat16 { .init(float * other.float) }
    func divided(by other: BFloat16) -> BFloat16 { .init(float / other.float) }

    package static func == (a: BFloat16, b: BFloat16) -> Bool { a.float == b.float }
    package static func < (a: BFloat16, b: BFloat16) -> Bool { a.float < b.float }
}
