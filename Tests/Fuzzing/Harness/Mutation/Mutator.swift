import CFuzzProcess

/// Makes new inputs of old ones: half of the time as libFuzzer does, by bytes, otherwise by what their parts are.
struct Mutator: Sendable {
    let target: FuzzTarget
    private let json: JSONMutator
    private let protobuf = ProtobufMutator { Mutator.mutateBytes($0, most: $0.count + 64) }

    init(_ target: FuzzTarget, dictionary: String) {
        self.target = target
        json = JSONMutator(vocabulary: Vocabulary(dictionary: dictionary))
    }

    /// - Returns: nil when it should be mutated by bytes.
    func mutate(_ input: [UInt8], most maximum: Int, _ random: inout SplitMix64) -> [UInt8]? {
        guard random.next() % 2 == 0 else { return nil }
        var result = input
        for _ in 0...(random.next() % 3) {
            guard let next = once(result, most: maximum, &random), next.count <= maximum else { continue }
            result = next
        }
        return result == input ? nil : result
    }

    private func once(_ input: [UInt8], most maximum: Int, _ random: inout SplitMix64) -> [UInt8]? {
        var parts = input.parts(3).map(Array.init)
        let room = maximum - (input.count - (parts.map(\.count).max() ?? 0))
        switch target {
        case .codec:
            guard parts.count >= 2 else { return nil }
            if random.next() % 8 == 0 {
                parts[0] = Self.mutateBytes(parts[0], most: parts[0].count + 64)
                break
            }
            // Only a body that is protobuf is one: JSON begins with a brace, which is a tag of a group.
            let mutated = json(parts[1], most: room, &random, elseBy: protobuf.mutate)
            guard let mutated else { return nil }
            parts[1] = mutated
        case .bundle:
            guard parts.count == 3 else { return nil }
            switch random.next() % 6 {
            case 0:
                guard let mutated = json.mutate(parts[0], most: room, &random) else { return nil }
                parts[0] = mutated
            case 1:
                guard let mutated = safetensors(parts[2], most: room, &random) else { return nil }
                parts[2] = mutated
            default:
                guard let mutated = json.mutate(parts[1], most: room, &random) else { return nil }
                parts[1] = mutated
            }
        case .keras:
            guard parts.count == 3 else { return nil }
            let index = random.next() % 5 == 0 ? 2 : 1
            guard let mutated = json.mutate(parts[index], most: room, &random) else { return nil }
            parts[index] = mutated
        case .numpy:
            return header(input, lengthBytes: 2, at: 8, most: room, &random)
        case .hdf5: return nil
        }
        return Container.join(parts)
    }

    private func json(
        _ part: [UInt8], most maximum: Int, _ random: inout SplitMix64,
        elseBy other: ([UInt8], inout SplitMix64) -> [UInt8]?
    ) -> [UInt8]? {
        let isJSON = part.first { $0 > UInt8(ascii: " ") } == UInt8(ascii: "{")
        return isJSON ? json.mutate(part, most: maximum, &random) : other(part, &random)
    }

    /// A file that begins with a header's length and the header, in JSON: the length stays right.
    private func safetensors(_ file: [UInt8], most maximum: Int, _ random: inout SplitMix64) -> [UInt8]? {
        guard file.count >= 8 else { return nil }
        let length = (0..<8).reduce(0) { $0 | UInt64(file[$1]) << (8 * UInt64($1)) }
        guard length <= UInt64(file.count - 8),
            let header = json.mutate(Array(file[8..<(8 + Int(length))]), most: maximum, &random)
        else { return nil }
        let prefix = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
        return prefix + header + file[(8 + Int(length))...]
    }

    /// The same with a header of bytes.
    private func header(
        _ file: [UInt8], lengthBytes: Int, at offset: Int, most maximum: Int, _ random: inout SplitMix64
    ) -> [UInt8]? {
        let start = offset + lengthBytes
        guard file.count >= start, file[0] == 0x93 else { return nil }
        let length = (0..<lengthBytes).reduce(0) { $0 | Int(file[offset + $1]) << (8 * $1) }
        guard length > 0, length <= file.count - start else { return nil }
        let header = Self.mutateBytes(Array(file[start..<(start + length)]), most: length + 64)
        let prefix = (0..<lengthBytes).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
        return file[..<offset] + prefix + header + file[(start + length)...]
    }

    /// libFuzzer's own mutation, dictionary included.
    static func mutateBytes(_ bytes: [UInt8], most maximum: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: max(maximum, 1)) { buffer, count in
            _ = buffer.initialize(from: bytes)
            count = LLVMFuzzerMutate(buffer.baseAddress, min(bytes.count, buffer.count), buffer.count)
        }
    }
}
