/// The type of a tensor's elements; raw values are ONNX's names in lower case (ONNX IR, `TensorProto.DataType`).
public enum ElementType: String, Sendable, Hashable, CaseIterable {
    case float32, float64, float16, bfloat16
    case int8, int16, int32, int64
    case uint8, uint16, uint32, uint64
    case bool
    /// Floats of eight and four bits (ONNX 1.16 and later, "Float stored in 8 bits"), one byte an element.
    case float8e4m3fn, float8e4m3fnuz, float8e5m2, float8e5m2fnuz, float8e8m0, float4e2m1
    /// Integers of four and two bits, one byte an element, sign-extended.
    case int4, uint4, int2, uint2
    /// Text in UTF-8. A tensor holds its strings beside its bytes, of which it has none: see ``Tensor/strings``.
    case string

    /// Bytes that one element takes in the tensor's memory: none for strings.
    public var byteCount: Int {
        switch self {
        case .string: 0
        case .bool, .int8, .uint8, .int4, .uint4, .int2, .uint2, .float8e4m3fn, .float8e4m3fnuz, .float8e5m2,
            .float8e5m2fnuz, .float8e8m0, .float4e2m1:
            1
        case .float16, .bfloat16, .int16, .uint16: 2
        case .float32, .int32, .uint32: 4
        case .float64, .int64, .uint64: 8
        }
    }

    /// Bits that one element takes in an ONNX file, where those of less than eight are packed.
    package var packedBitCount: Int {
        switch self {
        case .int4, .uint4, .float4e2m1: 4
        case .int2, .uint2: 2
        default: 8 * byteCount
        }
    }

    public var isFloatingPoint: Bool {
        switch self {
        case .float32, .float64, .float16, .bfloat16, .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz,
            .float8e8m0, .float4e2m1:
            true
        default: false
        }
    }
}

/// A Swift type whose memory layout is that of one ``ElementType``.
public protocol TensorElement: Sendable, BitwiseCopyable {
    static var elementType: ElementType { get }
}

extension Float: TensorElement { public static var elementType: ElementType { .float32 } }
extension Double: TensorElement { public static var elementType: ElementType { .float64 } }
extension Int8: TensorElement { public static var elementType: ElementType { .int8 } }
extension Int16: TensorElement { public static var elementType: ElementType { .int16 } }
extension Int32: TensorElement { public static var elementType: ElementType { .int32 } }
extension Int64: TensorElement { public static var elementType: ElementType { .int64 } }
extension UInt8: TensorElement { public static var elementType: ElementType { .uint8 } }
extension UInt16: TensorElement { public static var elementType: ElementType { .uint16 } }
extension UInt32: TensorElement { public static var elementType: ElementType { .uint32 } }
extension UInt64: TensorElement { public static var elementType: ElementType { .uint64 } }
extension Bool: TensorElement { public static var elementType: ElementType { .bool } }
