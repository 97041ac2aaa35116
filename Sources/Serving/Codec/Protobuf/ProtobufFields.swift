/// One field of a message on the wire.
struct ProtobufField {
    let number: UInt32
    /// The bytes of a length-delimited field; nil for a number.
    let payload: UnsafeRawBufferPointer?
    /// The whole field in its message, tag included.
    let range: Range<Int>
}

/// Walks the fields of one message in wire order, without reading what is in them.
///
/// Source: the Protocol Buffers encoding, https://protobuf.dev/programming-guides/encoding/. Groups (wire types 3 and 4)
/// are refused: no message of the protocol has any.
struct ProtobufFields {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// The next field; nil at the end of the message.
    mutating func next() throws(ProtobufDamage) -> ProtobufField? {
        guard position < bytes.count else { return nil }
        let start = position
        let tag = try varint()
        guard let number = UInt32(exactly: tag >> 3), number > 0, number < 1 << 29 else { throw .malformed }
        var payload: UnsafeRawBufferPointer?
        switch tag & 7 {
        case 0: _ = try varint()
        case 1: _ = try take(8)
        case 2: payload = try take(try varint())
        case 5: _ = try take(4)
        default: throw .malformed
        }
        return ProtobufField(number: number, payload: payload, range: start..<position)
    }

    private mutating func varint() throws(ProtobufDamage) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard position < bytes.count else { throw .truncated }
            let byte = bytes[position]
            position += 1
            // The tenth byte holds the last bit of 64.
            guard shift < 63 || byte < 2 else { throw .malformed }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        throw .malformed
    }

    private mutating func take(_ count: UInt64) throws(ProtobufDamage) -> UnsafeRawBufferPointer {
        guard let count = Int(exactly: count), count <= bytes.count - position else { throw .truncated }
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<(position + count)])
    }
}

/// Bytes that are no protobuf message.
enum ProtobufDamage: Error {
    case truncated
    case malformed

    var failure: DecodeFailure {
        switch self {
        case .truncated: .malformed("value: not a ModelInferRequest: a field reaches beyond the end of its message")
        case .malformed: .malformed("value: not a ModelInferRequest: not the wire format of protobuf")
        }
    }
}
