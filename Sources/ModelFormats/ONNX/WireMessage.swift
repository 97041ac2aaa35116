/// What is wrong with protobuf bytes, before a file's name is known.
struct WireError: Error {
    var message: String
    init(_ message: String) { self.message = message }
}

/// One protobuf message, read field by field in place (https://protobuf.dev/programming-guides/encoding/). Every length
/// is checked against the bytes that are there.
struct WireMessage {
    enum Value {
        case varint(UInt64)
        case fixed64(UInt64)
        case fixed32(UInt32)
        case bytes(UnsafeRawBufferPointer)
    }

    struct Field {
        let number: Int
        let value: Value
    }

    private let bytes: UnsafeRawBufferPointer
    private var offset = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// The next field, nil at the end.
    mutating func next() throws(WireError) -> Field? {
        guard offset < bytes.count else { return nil }
        let tag = try varint()
        guard let number = Int(exactly: tag >> 3), number > 0, number < 1 << 29 else {
            throw WireError("found a field with the number \(tag >> 3)")
        }
        switch tag & 7 {
        case 0: return Field(number: number, value: .varint(try varint()))
        case 1:
            let slice = try take(8, number)
            return Field(number: number, value: .fixed64(slice.loadUnaligned(as: UInt64.self).littleEndian))
        case 2:
            let length = try varint()
            guard let count = Int(exactly: length) else { throw WireError("field \(number) has \(length) bytes") }
            return Field(number: number, value: .bytes(try take(count, number)))
        case 5:
            let slice = try take(4, number)
            return Field(number: number, value: .fixed32(slice.loadUnaligned(as: UInt32.self).littleEndian))
        default: throw WireError("field \(number) has the wire type \(tag & 7)")
        }
    }

    private mutating func varint() throws(WireError) -> UInt64 {
        var result: UInt64 = 0
        for shift in stride(from: 0 as UInt64, to: 70, by: 7) {
            guard offset < bytes.count else { throw WireError("the message ends inside a number") }
            let byte = bytes[offset]
            offset += 1
            guard shift < 63 || byte <= 1 else { throw WireError("a number has more than 64 bits") }
            result |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return result }
        }
        throw WireError("a number has more than 10 bytes")
    }

    private mutating func take(_ count: Int, _ number: Int) throws(WireError) -> UnsafeRawBufferPointer {
        guard count <= bytes.count - offset else {
            throw WireError("field \(number) has \(count) bytes, \(bytes.count - offset) are left")
        }
        defer { offset += count }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + count)])
    }

    /// The numbers of a packed field.
    static func packedVarints(_ bytes: UnsafeRawBufferPointer) throws(WireError) -> [UInt64] {
        var message = WireMessage(bytes)
        var result: [UInt64] = []
        while message.offset < bytes.count { result.append(try message.varint()) }
        return result
    }
}

extension WireMessage.Field {
    private func mismatch(_ expected: String) -> WireError { WireError("field \(number) is not \(expected)") }

    func bytes() throws(WireError) -> UnsafeRawBufferPointer {
        guard case .bytes(let bytes) = value else { throw mismatch("text or a message") }
        return bytes
    }

    func message() throws(WireError) -> WireMessage { WireMessage(try bytes()) }

    func string() throws(WireError) -> String {
        guard let text = String(validating: try bytes(), as: UTF8.self) else { throw mismatch("UTF-8 text") }
        return text
    }

    func integer() throws(WireError) -> Int {
        guard case .varint(let number) = value else { throw mismatch("an integer") }
        return Int(truncatingIfNeeded: number)
    }

    func float() throws(WireError) -> Float {
        guard case .fixed32(let bits) = value else { throw mismatch("a float") }
        return Float(bitPattern: bits)
    }

    /// One number, or several packed.
    func integers() throws(WireError) -> [Int] {
        switch value {
        case .varint(let number): return [Int(truncatingIfNeeded: number)]
        case .bytes(let bytes):
            return try WireMessage.packedVarints(bytes).map { Int(truncatingIfNeeded: $0) }
        default: throw mismatch("integers")
        }
    }

    func floats() throws(WireError) -> [Float] {
        switch value {
        case .fixed32(let bits): return [Float(bitPattern: bits)]
        case .bytes(let bytes):
            guard bytes.count % 4 == 0 else { throw mismatch("floats") }
            return stride(from: 0, to: bytes.count, by: 4).map {
                Float(bitPattern: bytes.loadUnaligned(fromByteOffset: $0, as: UInt32.self).littleEndian)
            }
        default: throw mismatch("floats")
        }
    }

    func doubles() throws(WireError) -> [Double] {
        switch value {
        case .fixed64(let bits): return [Double(bitPattern: bits)]
        case .bytes(let bytes):
            guard bytes.count % 8 == 0 else { throw mismatch("doubles") }
            return stride(from: 0, to: bytes.count, by: 8).map {
                Double(bitPattern: bytes.loadUnaligned(fromByteOffset: $0, as: UInt64.self).littleEndian)
            }
        default: throw mismatch("doubles")
        }
    }
}
