import TensorEngine

/// Reads an AttributeProto.
enum ONNXAttribute {
    private struct Parts {
        var name = ""
        var type = 0
        var float: Float?
        var int: Int?
        var string: String?
        var floats: [Float] = []
        var ints: [Int] = []
        var strings: [String] = []
        var tensor: WireMessage?
        var graph: WireMessage?
        var isReference = false
        var isForeign = false
    }

    static func read(
        _ message: WireMessage, _ source: ONNXSource, depth: Int
    ) throws(WireError) -> (name: String, value: AttributeValue) {
        let parts = try parts(message)
        do throws(WireError) {
            return (parts.name, try value(parts, source, depth))
        } catch {
            throw WireError("attribute '\(parts.name)': \(error.message)")
        }
    }

    /// The names in a node and in its function's caller, when the attribute is the caller's.
    static func reference(_ message: WireMessage) throws(WireError) -> (name: String, reference: String)? {
        var message = message
        var (name, reference) = ("", "")
        while let field = try message.next() {
            switch field.number {
            case 1: name = try field.string()
            case 21: reference = try field.string()
            default: break
            }
        }
        return reference.isEmpty ? nil : (name, reference)
    }

    private static func parts(_ message: WireMessage) throws(WireError) -> Parts {
        var message = message
        var parts = Parts()
        while let field = try message.next() {
            switch field.number {
            case 1: parts.name = try field.string()
            case 2: parts.float = try field.float()
            case 3: parts.int = try field.integer()
            case 4: parts.string = String(decoding: try field.bytes(), as: UTF8.self)
            case 5: parts.tensor = try field.message()
            case 6: parts.graph = try field.message()
            case 7: parts.floats += try field.floats()
            case 8: parts.ints += try field.integers()
            case 9: parts.strings.append(try field.string())
            case 20: parts.type = try field.integer()
            case 21: parts.isReference = true
            case 10, 11, 14, 15, 22, 23: parts.isForeign = true
            default: break
            }
        }
        return parts
    }

    private static func value(
        _ parts: Parts, _ source: ONNXSource, _ depth: Int
    ) throws(WireError) -> AttributeValue {
        guard !parts.isReference else { throw WireError("it refers to a function's attribute outside a function") }
        switch parts.type {
        // A field with its default value may be left out of the message.
        case 1: return .float(parts.float ?? 0)
        case 2: return .int(parts.int ?? 0)
        case 3: return .string(parts.string ?? "")
        case 6: return .floats(parts.floats)
        case 7: return .ints(parts.ints)
        case 8: return .strings(parts.strings)
        default: break
        }
        if let tensor = parts.tensor { return .tensor(try ONNXTensor(tensor).tensor(source)) }
        if let graph = parts.graph {
            return .graph(try ONNXTranslation.subgraph(try ONNXGraph(graph, source, depth: depth + 1)))
        }
        guard parts.type == 0, !parts.isForeign else { throw WireError("its type \(parts.type) is not supported") }
        // Files of the first IR versions have no types.
        if let float = parts.float { return .float(float) }
        if let int = parts.int { return .int(int) }
        if let string = parts.string { return .string(string) }
        if !parts.floats.isEmpty { return .floats(parts.floats) }
        if !parts.ints.isEmpty { return .ints(parts.ints) }
        if !parts.strings.isEmpty { return .strings(parts.strings) }
        throw WireError("it has no value")
    }
}
