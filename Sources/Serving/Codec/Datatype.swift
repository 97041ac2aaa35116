import CSimdJSON
public import TensorEngine

/// The tensor datatypes of the Open Inference Protocol V2 that a tensor can hold; raw values are the protocol's.
public enum Datatype: String, Sendable, Hashable, CaseIterable {
    case bool = "BOOL"
    case uint8 = "UINT8"
    case uint16 = "UINT16"
    case uint32 = "UINT32"
    case uint64 = "UINT64"
    case int8 = "INT8"
    case int16 = "INT16"
    case int32 = "INT32"
    case int64 = "INT64"
    case fp16 = "FP16"
    case bf16 = "BF16"
    case fp32 = "FP32"
    case fp64 = "FP64"
    /// Strings in UTF-8.
    case bytes = "BYTES"

    /// All but ``bytes``.
    package static let numbers = allCases.filter { $0 != .bytes }

    public init(_ elementType: ElementType) {
        self =
            switch elementType {
            case .bool: .bool
            // The protocol has no narrower types: small integers by value, 8- and 4-bit floats by their codes.
            case .uint8, .uint4, .uint2, .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz, .float8e8m0,
                .float4e2m1:
                .uint8
            case .uint16: .uint16
            case .uint32: .uint32
            case .uint64: .uint64
            case .int8, .int4, .int2: .int8
            case .int16: .int16
            case .int32: .int32
            case .int64: .int64
            case .float16: .fp16
            case .bfloat16: .bf16
            case .float32: .fp32
            case .float64: .fp64
            case .string: .bytes
            }
    }

    public var elementType: ElementType {
        switch self {
        case .bool: .bool
        case .uint8: .uint8
        case .uint16: .uint16
        case .uint32: .uint32
        case .uint64: .uint64
        case .int8: .int8
        case .int16: .int16
        case .int32: .int32
        case .int64: .int64
        case .fp16: .float16
        case .bf16: .bfloat16
        case .fp32: .float32
        case .fp64: .float64
        case .bytes: .string
        }
    }

    /// The buffer layout that the number parser and printer know it by; nil for strings.
    var layout: csj_number? {
        switch self {
        case .bool: .bool
        case .uint8: .uint8
        case .uint16: .uint16
        case .uint32: .uint32
        case .uint64: .uint64
        case .int8: .int8
        case .int16: .int16
        case .int32: .int32
        case .int64: .int64
        case .fp16: .float16
        case .bf16: .bfloat16
        case .fp32: .float32
        case .fp64: .float64
        case .bytes: nil
        }
    }

    /// What may stand for one element in JSON, for messages.
    var expectation: String {
        switch self {
        case .bool: "true or false"
        case .uint8: "an integer in 0...\(UInt8.max)"
        case .uint16: "an integer in 0...\(UInt16.max)"
        case .uint32: "an integer in 0...\(UInt32.max)"
        case .uint64: "an integer in 0...\(UInt64.max)"
        case .int8: "an integer in \(Int8.min)...\(Int8.max)"
        case .int16: "an integer in \(Int16.min)...\(Int16.max)"
        case .int32: "an integer in \(Int32.min)...\(Int32.max)"
        case .int64: "an integer in \(Int64.min)...\(Int64.max)"
        case .fp16, .bf16, .fp32, .fp64: "a number that fits \(rawValue)"
        case .bytes: "a string"
        }
    }
}
