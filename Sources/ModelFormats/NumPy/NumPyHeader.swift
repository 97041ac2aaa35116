import TensorEngine

/// The header of an `.npy` file (NumPy, "NEP 1 — A Simple File Format for NumPy Arrays"): versions 1.0, 2.0 and 3.0.
struct NumPyHeader {
    var elementType: ElementType
    var isFortranOrder: Bool
    var shape: Shape

    static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
    private static let maximumLength = 1 << 20

    private static let types: [(code: String, type: ElementType)] = [
        ("f2", .float16), ("f4", .float32), ("f8", .float64), ("i1", .int8), ("i2", .int16), ("i4", .int32),
        ("i8", .int64), ("u1", .uint8), ("u2", .uint16), ("u4", .uint32), ("u8", .uint64), ("b1", .bool),
    ]

    /// Reads a header through `read`, which delivers exactly the asked number of bytes or throws.
    init(
        file: String, at place: String, limits: ModelFormatLimits,
        read: (Int) throws(ModelFormatError) -> [UInt8]
    ) throws(ModelFormatError) {
        func failure(_ reason: ModelFormatError.Reason, _ message: String) -> ModelFormatError {
            ModelFormatError(reason, file: file, at: place, message)
        }
        let start = try read(8)
        guard start.starts(with: Self.magic) else {
            throw failure(.malformed, "not a NumPy array: its signature is missing")
        }
        let version = (start[6], start[7])
        guard (1...3).contains(version.0), version.1 == 0 else {
            throw failure(
                .unsupported, "NumPy format version \(version.0).\(version.1); supported are 1.0, 2.0 and 3.0")
        }
        let length = try read(version.0 == 1 ? 2 : 4).reversed().reduce(0) { $0 << 8 | Int($1) }
        guard length <= Self.maximumLength else {
            throw failure(.tooLarge, "a header of \(length) bytes, the limit is \(Self.maximumLength)")
        }
        var parser = NumPyHeaderParser(try read(length))
        guard let fields = parser.parse() else {
            throw failure(.malformed, "the header is not a dictionary of 'descr', 'fortran_order' and 'shape'")
        }
        elementType = try Self.elementType(fields.descr, failure)
        isFortranOrder = fields.isFortranOrder
        do { shape = try Shape(fields.shape) } catch { throw failure(.malformed, error.description) }
        let (bytes, overflow) = shape.elementCount.multipliedReportingOverflow(by: elementType.byteCount)
        guard !overflow, bytes <= limits.maximumTensorBytes else {
            throw failure(
                .tooLarge,
                "\(shape.elementCount) elements of \(elementType.rawValue), the limit is \(limits.maximumTensorBytes) bytes"
            )
        }
    }

    private static func elementType(
        _ descr: String, _ failure: (ModelFormatError.Reason, String) -> ModelFormatError
    ) throws(ModelFormatError) -> ElementType {
        let supported = "supported are \(types.map { "'\($0.code)'" }.joined(separator: ", ")), little-endian"
        guard let order = descr.first, let known = types.first(where: { $0.code == descr.dropFirst() })?.type else {
            throw failure(.unsupported, "elements of type '\(descr)'; \(supported)")
        }
        // '|' is for single bytes, '=' for the machine's own order.
        guard
            order == "<" || order == "=" || (order == "|" && known.byteCount == 1)
                || (order == ">" && known.byteCount == 1)
        else {
            throw failure(.unsupported, "elements of type '\(descr)'; \(supported)")
        }
        return known
    }

    /// The bytes before the data of a C-ordered array: version 1.0, padded to a multiple of 64.
    static func bytes(for tensor: Tensor) -> [UInt8]? {
        guard let code = types.first(where: { $0.type == tensor.elementType })?.code else { return nil }
        let order = tensor.elementType.byteCount == 1 ? "|" : "<"
        let extents = tensor.shape.dimensions.map(String.init).joined(separator: ", ")
        let shape = tensor.shape.rank == 1 ? "(\(extents),)" : "(\(extents))"
        var text = "{'descr': '\(order)\(code)', 'fortran_order': False, 'shape': \(shape), }"
        let unpadded = magic.count + 4 + text.utf8.count + 1
        text += String(repeating: " ", count: (64 - unpadded % 64) % 64) + "\n"
        guard let length = UInt16(exactly: text.utf8.count) else { return nil }
        return magic + [1, 0, UInt8(length & 255), UInt8(length >> 8)] + Array(text.utf8)
    }
}

/// Reads the Python dictionary of a header; nil for anything that is not exactly one.
private struct NumPyHeaderParser {
    private let bytes: [UInt8]
    private var position = 0
    private static let maximumRank = 32

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func parse() -> (descr: String, isFortranOrder: Bool, shape: [Int])? {
        var descr: String?
        var isFortranOrder: Bool?
        var shape: [Int]?
        guard accept("{") else { return nil }
        while !accept("}") {
            guard let key = string(), accept(":") else { return nil }
            switch key {
            case "descr" where descr == nil:
                // A structured type is a list; its name is enough to refuse it.
                descr = next() == UInt8(ascii: "[") ? structured() : string()
                if descr == nil { return nil }
            case "fortran_order" where isFortranOrder == nil:
                if accept("True") {
                    isFortranOrder = true
                } else if accept("False") {
                    isFortranOrder = false
                } else {
                    return nil
                }
            case "shape" where shape == nil:
                shape = tuple()
                if shape == nil { return nil }
            default: return nil
            }
            guard accept(",") || next() == UInt8(ascii: "}") else { return nil }
        }
        skipSpace()
        guard position == bytes.count, let descr, let isFortranOrder, let shape else { return nil }
        return (descr, isFortranOrder, shape)
    }

    private mutating func skipSpace() {
        while position < bytes.count, [0x20, 0x0A, 0x09, 0x0D].contains(bytes[position]) { position += 1 }
    }

    private mutating func next() -> UInt8? {
        skipSpace()
        return position < bytes.count ? bytes[position] : nil
    }

    private mutating func accept(_ token: StaticString) -> Bool {
        skipSpace()
        let expected = UnsafeBufferPointer(start: token.utf8Start, count: token.utf8CodeUnitCount)
        guard bytes[position...].starts(with: expected) else { return false }
        position += expected.count
        return true
    }

    private mutating func string() -> String? {
        guard let quote = next(), quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else { return nil }
        position += 1
        guard let end = bytes[position...].firstIndex(of: quote) else { return nil }
        let text = String(validating: bytes[position..<end], as: UTF8.self)
        position = end + 1
        return text
    }

    /// Skips a balanced list.
    private mutating func structured() -> String? {
        var depth = 0
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if byte == UInt8(ascii: "[") { depth += 1 }
            if byte == UInt8(ascii: "]") {
                depth -= 1
                if depth == 0 { return "structured" }
            }
        }
        return nil
    }

    private mutating func tuple() -> [Int]? {
        guard accept("(") else { return nil }
        var result: [Int] = []
        while !accept(")") {
            skipSpace()
            let digits = bytes[position...].prefix { (0x30...0x39).contains($0) }
            guard !digits.isEmpty, let value = Int(String(decoding: digits, as: UTF8.self)) else { return nil }
            result.append(value)
            position += digits.count
            guard result.count <= Self.maximumRank else { return nil }
            guard accept(",") || next() == UInt8(ascii: ")") else { return nil }
        }
        return result
    }
}
