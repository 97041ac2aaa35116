/// StringSplit (opset 20): the parts of texts along a new last axis, as long as the longest list, and how many there are.
struct StringSplitOperator: WholeTensorOperator {
    static var strings: StringHandling { .read }

    /// Empty: white space.
    private let delimiter: String
    private let maximum: Int

    init(_ node: inout NodeReader) throws(GraphError) {
        delimiter = try node.string("delimiter", default: "")
        let limit = try node.int("maxsplit", default: -1)
        maximum = limit < 0 ? Int.max : limit
    }

    func evaluate(_ operands: Operands) throws(GraphError) -> [Tensor] {
        let parts = try operands.strings(0).map(split)
        let width = parts.map(\.count).max() ?? 0
        let shape = try operands.shape(0)
        let target = try operands.makeShape(shape.dimensions + [width])
        guard target.elementCount <= operands.options.maximumTensorElementCount else {
            throw operands.error(
                .limitExceeded,
                "its parts are \(target.elementCount) elements, at most "
                    + "\(operands.options.maximumTensorElementCount) are allowed")
        }
        let padded = parts.flatMap { $0 + [String](repeating: "", count: width - $0.count) }
        let counts = parts.map { Int64($0.count) }
        return [
            try operands.stringTensor(target, padded),
            Tensor(.int64, shape: shape) { target in
                counts.withUnsafeBytes { if !$0.isEmpty { target.copyMemory(from: $0) } }
            },
        ]
    }

    /// As Python's `str.split`.
    private func split(_ text: String) -> [String] {
        let bytes = Array(text.utf8)
        var result: [String] = []
        func add(_ range: Range<Int>) { result.append(String(decoding: bytes[range], as: UTF8.self)) }
        var start = 0
        guard !delimiter.isEmpty else {
            while true {
                while start < bytes.count, Self.isSpace(bytes[start]) { start += 1 }
                guard start < bytes.count else { return result }
                guard result.count < maximum else {
                    add(start..<bytes.count)
                    return result
                }
                let end = bytes[start...].firstIndex(where: Self.isSpace) ?? bytes.count
                add(start..<end)
                start = end
            }
        }
        let wanted = Array(delimiter.utf8)
        var position = 0
        while position + wanted.count <= bytes.count, result.count < maximum {
            if bytes[position..<position + wanted.count].elementsEqual(wanted) {
                add(start..<position)
                position += wanted.count
                start = position
            } else {
                position += 1
            }
        }
        add(start..<bytes.count)
        return result
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}
