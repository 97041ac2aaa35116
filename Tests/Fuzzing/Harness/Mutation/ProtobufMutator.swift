/// Mutates a protobuf message by its structure: the lengths of the messages around what changed stay right.
struct ProtobufMutator {
    private struct Field {
        var number: UInt64
        var wireType: UInt64
        /// The varint, of wire type 0.
        var value: UInt64 = 0
        /// Of the other wire types, when it is no message.
        var payload: [UInt8] = []
        var fields: [Field]?
    }

    private static let maximumDepth = 5
    private static let awkward: [UInt64] = [
        0, 1, 2, 127, 128, 255, 65_536, 1 << 31, 1 << 32, 1 << 62, 1 << 63, .max, .max - 1,
    ]

    /// Mutates the bytes of a payload.
    let mutateBytes: @Sendable ([UInt8]) -> [UInt8]

    /// - Returns: nil for what is no message.
    func mutate(_ bytes: [UInt8], _ random: inout SplitMix64) -> [UInt8]? {
        guard var fields = Self.parse(bytes[...], depth: 0) else { return nil }
        change(&fields, &random)
        return Self.serialize(fields)
    }

    /// One field at a random depth.
    private func change(_ fields: inout [Field], _ random: inout SplitMix64) {
        guard let index = fields.indices.randomElement(using: &random) else { return }
        if var inner = fields[index].fields, random.next() % 4 != 0 {
            change(&inner, &random)
            fields[index].fields = inner
            return
        }
        switch random.next() % 8 {
        case 0: fields.remove(at: index)
        case 1:
            let count = random.next() % 4 == 0 ? 200 : 1
            fields.insert(contentsOf: [Field](repeating: fields[index], count: count), at: index)
        case 2: fields[index].number = random.next() % 12
        case 3: fields.swapAt(index, fields.indices.randomElement(using: &random) ?? index)
        case 4: fields[index].wireType = random.next() % 8
        default:
            if fields[index].wireType == 0 {
                fields[index].value = Self.awkward.randomElement(using: &random) ?? 0
            } else {
                let payload = fields[index].fields.map(Self.serialize) ?? fields[index].payload
                fields[index].payload = mutateBytes(payload)
                fields[index].fields = nil
            }
        }
    }

    private static func parse(_ bytes: ArraySlice<UInt8>, depth: Int) -> [Field]? {
        var rest = bytes
        var fields: [Field] = []
        while !rest.isEmpty {
            guard let tag = varint(&rest), tag >> 3 > 0 else { return nil }
            var field = Field(number: tag >> 3, wireType: tag & 7)
            switch field.wireType {
            case 0:
                guard let value = varint(&rest) else { return nil }
                field.value = value
            case 1, 5:
                let count = field.wireType == 1 ? 8 : 4
                guard rest.count >= count else { return nil }
                field.payload = Array(rest.prefix(count))
                rest = rest.dropFirst(count)
            case 2:
                guard let count = varint(&rest), count <= UInt64(rest.count) else { return nil }
                let payload = rest.prefix(Int(count))
                rest = rest.dropFirst(Int(count))
                field.payload = Array(payload)
                if depth < maximumDepth, payload.count > 1 { field.fields = parse(payload, depth: depth + 1) }
            default: return nil
            }
            fields.append(field)
        }
        return fields
    }

    private static func varint(_ bytes: inout ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = bytes.popFirst() else { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }

    private static func serialize(_ fields: [Field]) -> [UInt8] {
        var result: [UInt8] = []
        for field in fields {
            append(field.number << 3 | field.wireType, to: &result)
            let payload = field.fields.map(serialize) ?? field.payload
            if field.wireType == 0 { append(field.value, to: &result) }
            if field.wireType == 2 { append(UInt64(payload.count), to: &result) }
            result += payload
        }
        return result
    }

    private static func append(_ value: UInt64, to bytes: inout [UInt8]) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}
