import TensorEngine

/// A TensorProto as it stands in the file (onnx.proto3, ONNX IR "Tensors").
struct ONNXTensor {
    var name = ""
    private var dimensions: [Int] = []
    private var dataType = 0
    private var raw: UnsafeRawBufferPointer?
    private var floats: [Float] = []
    private var integers: [Int] = []
    private var doubles: [Double] = []
    private var strings: [String] = []
    private var external: [String: String] = [:]
    private var isExternal = false

    init(_ message: WireMessage) throws(WireError) {
        var message = message
        while let field = try message.next() {
            switch field.number {
            case 1: dimensions += try field.integers()
            case 2: dataType = try field.integer()
            case 3: throw WireError("the tensor is stored in segments, which is not supported")
            case 4: floats += try field.floats()
            case 5, 7, 11: integers += try field.integers()
            case 6: strings.append(try field.string())
            case 8: name = try field.string()
            case 9: raw = try field.bytes()
            case 10: doubles += try field.doubles()
            case 13:
                let (key, value) = try ONNXModel.entry(try field.message())
                external[key] = value
            case 14: isExternal = try field.integer() == 1
            default: break
            }
        }
    }

    /// ONNX's number of an element type.
    static func elementType(_ dataType: Int) throws(WireError) -> ElementType {
        if let type = ElementType(onnxNumber: dataType) { return type }
        let names = [0: "undefined", 14: "complex64", 15: "complex128"]
        throw WireError("the element type \(names[dataType] ?? "number \(dataType)") is not supported")
    }

    /// The tensor; `source` keeps the memory that it may borrow from alive.
    func tensor(_ source: ONNXSource) throws(WireError) -> Tensor {
        let elementType = try Self.elementType(dataType)
        do {
            let shape = try Shape(dimensions)
            if elementType == .string {
                guard !isExternal, raw == nil else { throw WireError("strings lie in string_data, found bytes") }
                return try Tensor(shape: shape, strings: strings)
            }
            // No element takes more than eight bytes, wherever it lies.
            let (bits, overflow) = shape.elementCount.multipliedReportingOverflow(by: 64)
            let byteCount = (bits / 64 * elementType.packedBitCount + 7) / 8
            guard !overflow, shape.elementCount * elementType.byteCount <= source.limits.maximumTensorBytes else {
                throw WireError("the shape \(shape) takes more than \(source.limits.maximumTensorBytes) bytes")
            }
            if isExternal {
                let (bytes, owner) = try source.externalBytes(external, byteCount: byteCount)
                return try stored(elementType, shape, bytes, owner: owner)
            }
            if let raw { return try stored(elementType, shape, raw, owner: source.file) }
            return try listed(elementType, shape)
        } catch let error as TensorError {
            throw WireError(error.description)
        } catch let error as WireError {
            throw error
        } catch {
            throw WireError("\(error)")
        }
    }

    private func stored(
        _ elementType: ElementType, _ shape: Shape, _ bytes: UnsafeRawBufferPointer, owner: MappedFile
    ) throws -> Tensor {
        guard elementType.packedBitCount < 8 else {
            return try checked(Tensor(elementType, shape: shape, borrowing: bytes, owner: owner))
        }
        return try unpacked(elementType, shape, Array(bytes))
    }

    /// Elements of less than eight bits lie packed, the first in the lowest bits.
    private func unpacked(_ elementType: ElementType, _ shape: Shape, _ bytes: [UInt8]) throws -> Tensor {
        let bits = elementType.packedBitCount
        let perByte = 8 / bits
        let expected = (shape.elementCount + perByte - 1) / perByte
        guard bytes.count == expected else {
            throw TensorError.byteCountMismatch(found: bytes.count, expected: expected)
        }
        let isSigned = elementType == .int4 || elementType == .int2
        return Tensor(elementType, shape: shape) { target in
            for index in 0..<shape.elementCount {
                let high = bytes[index / perByte] << (8 - bits - index % perByte * bits)
                target[index] = isSigned ? UInt8(bitPattern: Int8(bitPattern: high) >> (8 - bits)) : high >> (8 - bits)
            }
        }
    }

    /// A byte of a bool that is neither 0 nor 1 must not reach a Swift `Bool`.
    private func checked(_ tensor: Tensor) throws(WireError) -> Tensor {
        guard tensor.elementType == .bool else { return tensor }
        guard tensor.withBytes({ bytes in bytes.allSatisfy { $0 <= 1 } }) else {
            throw WireError("a bool is neither 0 nor 1")
        }
        return tensor
    }

    private func listed(_ elementType: ElementType, _ shape: Shape) throws -> Tensor {
        func narrowed<T: FixedWidthInteger & TensorElement>(_ type: T.Type) throws -> Tensor {
            try Tensor(shape: shape, elements: integers.map { T(truncatingIfNeeded: $0) })
        }
        switch elementType {
        case .float32: return try Tensor(shape: shape, elements: floats)
        case .float64: return try Tensor(shape: shape, elements: doubles)
        case .int8: return try narrowed(Int8.self)
        case .int16: return try narrowed(Int16.self)
        case .int32: return try narrowed(Int32.self)
        case .int64: return try narrowed(Int64.self)
        case .uint8: return try narrowed(UInt8.self)
        case .uint16: return try narrowed(UInt16.self)
        case .uint32: return try narrowed(UInt32.self)
        case .uint64: return try narrowed(UInt64.self)
        case .bool: return try Tensor(shape: shape, elements: integers.map { $0 != 0 })
        case .float16, .bfloat16:
            let bits = integers.map { UInt16(truncatingIfNeeded: $0) }
            return try bits.withUnsafeBytes { try Tensor(elementType, shape: shape, bytes: $0) }
        default:
            let bytes = integers.map { UInt8(truncatingIfNeeded: $0) }
            if elementType.packedBitCount < 8 { return try unpacked(elementType, shape, bytes) }
            return try bytes.withUnsafeBytes { try Tensor(elementType, shape: shape, bytes: $0) }
        }
    }
}
