import JSONDocuments
import TensorEngine

/// `graph.json`: a graph whose tensors lie in `weights.safetensors` under names that this file gives. Tensors
/// of strings, which that format does not have, stand in this file.
enum GraphCoding {
    static let formatVersion = 1

    static func encode(_ value: ValueInfo) -> JSONValue {
        let dimensions = value.dimensions.map { dimension -> JSONValue in
            switch dimension {
            case .fixed(let extent): .integer(Int64(extent))
            case .symbolic(let name): .string(name)
            }
        }
        return .object([
            "name": .string(value.name), "elementType": .string(value.elementType.rawValue),
            "dimensions": .array(dimensions),
        ])
    }

    static func decodeValues(_ cursor: JSONCursor) throws(JSONError) -> [ValueInfo] {
        var result: [ValueInfo] = []
        for element in try cursor.elements() {
            let type = try element.member("elementType")
            guard let elementType = ElementType(rawValue: try type.string()) else {
                throw type.failure("'\(try type.string())' is not an element type")
            }
            var dimensions: [Dimension] = []
            for dimension in try element.member("dimensions").elements() {
                if case .string(let name) = dimension.value {
                    dimensions.append(.symbolic(name))
                } else {
                    let extent = try dimension.integer()
                    guard extent >= 0 else { throw dimension.failure("the extent \(extent) is negative") }
                    dimensions.append(.fixed(extent))
                }
            }
            result.append(
                ValueInfo(name: try element.member("name").string(), elementType: elementType, dimensions: dimensions))
        }
        return result
    }

    static func strings(_ cursor: JSONCursor) throws(JSONError) -> [String] {
        var result: [String] = []
        for element in try cursor.elements() { result.append(try element.string()) }
        return result
    }
}

/// Turns a graph into JSON and collects its tensors.
struct GraphEncoder {
    private(set) var tensors: [String: Tensor] = [:]

    /// Subgraphs' and attributes' tensors get names of their own, initializers of the main graph keep theirs.
    mutating func encode(_ graph: Graph) -> JSONValue {
        var members: [String: JSONValue] = [
            "formatVersion": .integer(Int64(GraphCoding.formatVersion)),
            "name": .string(graph.name),
            "operatorSetVersion": .integer(Int64(graph.operatorSetVersion)),
            "inputs": .array(graph.inputs.map(GraphCoding.encode)),
            "outputs": .array(graph.outputs.map(GraphCoding.encode)),
        ]
        var initializers: [String: JSONValue] = [:]
        for (name, tensor) in graph.initializers.sorted(by: { $0.key < $1.key }) {
            initializers[name] = encode(tensor, name)
        }
        members["initializers"] = .object(initializers)
        var nodes: [JSONValue] = []
        for node in graph.nodes { nodes.append(encode(node)) }
        members["nodes"] = .array(nodes)
        return .object(members)
    }

    private mutating func encode(_ node: Node) -> JSONValue {
        var attributes: [String: JSONValue] = [:]
        for (name, value) in node.attributes.sorted(by: { $0.key < $1.key }) {
            attributes[name] = encode(value, "\(node.name).\(name)")
        }
        var members: [String: JSONValue] = [
            "name": .string(node.name), "operator": .string(node.operatorType),
            "inputs": .array(node.inputs.map { .string($0) }), "outputs": .array(node.outputs.map { .string($0) }),
        ]
        if !attributes.isEmpty { members["attributes"] = .object(attributes) }
        return .object(members)
    }

    private mutating func encode(_ attribute: AttributeValue, _ title: String) -> JSONValue {
        switch attribute {
        case .int(let value): .object(["int": .integer(Int64(value))])
        case .float(let value): .object(["float": Self.number(value)])
        case .string(let value): .object(["string": .string(value)])
        case .ints(let values): .object(["ints": .array(values.map { .integer(Int64($0)) })])
        case .floats(let values): .object(["floats": .array(values.map(Self.number))])
        case .strings(let values): .object(["strings": .array(values.map { .string($0) })])
        case .tensor(let tensor): .object(["tensor": encode(tensor, title)])
        case .graph(let graph): .object(["graph": encode(graph)])
        }
    }

    /// JSON has no infinities and no NaN.
    private static func number(_ value: Float) -> JSONValue {
        value.isFinite ? .real(Double(value)) : .string(value.isNaN ? "nan" : value > 0 ? "inf" : "-inf")
    }

    private mutating func encode(_ tensor: Tensor, _ title: String) -> JSONValue {
        guard tensor.elementType == .string else { return .string(store(tensor, as: title)) }
        return .object([
            "shape": .array(tensor.shape.dimensions.map { .integer(Int64($0)) }),
            "strings": .array(tensor.strings.map { .string($0) }),
        ])
    }

    private mutating func store(_ tensor: Tensor, as title: String) -> String {
        var name = title
        var number = 1
        // "__metadata__" is the safetensors header's own.
        while tensors[name] != nil || name == "__metadata__" {
            name = "\(title)_\(number)"
            number += 1
        }
        tensors[name] = tensor
        return name
    }
}

/// Reads a graph back; every tensor it names must be among the weights.
struct GraphDecoder {
    let tensors: [String: Tensor]

    func decode(_ root: JSONCursor) throws(JSONError) -> Graph {
        let format = try root.member("formatVersion")
        guard try format.integer() == GraphCoding.formatVersion else {
            throw format.failure("found \(try format.integer()), supported is \(GraphCoding.formatVersion)")
        }
        try root.rejectUnknownMembers(allowed: [
            "formatVersion", "name", "operatorSetVersion", "inputs", "outputs", "initializers", "nodes",
        ])
        var initializers: [String: Tensor] = [:]
        for (name, cursor) in try root.member("initializers").members() { initializers[name] = try tensor(cursor) }
        var nodes: [Node] = []
        for cursor in try root.member("nodes").elements() { nodes.append(try node(cursor)) }
        return Graph(
            name: try root.member("name").string(),
            operatorSetVersion: try root.member("operatorSetVersion").integer(),
            inputs: try GraphCoding.decodeValues(root.member("inputs")),
            outputs: try GraphCoding.decodeValues(root.member("outputs")), nodes: nodes, initializers: initializers)
    }

    private func node(_ cursor: JSONCursor) throws(JSONError) -> Node {
        var attributes: [String: AttributeValue] = [:]
        for (name, value) in try cursor.optionalMember("attributes")?.members() ?? [] {
            attributes[name] = try attribute(value)
        }
        return Node(
            name: try cursor.member("name").string(), operatorType: try cursor.member("operator").string(),
            inputs: try GraphCoding.strings(cursor.member("inputs")),
            outputs: try GraphCoding.strings(cursor.member("outputs")), attributes: attributes)
    }

    private func attribute(_ cursor: JSONCursor) throws(JSONError) -> AttributeValue {
        let members = try cursor.members()
        guard members.count == 1, let (type, value) = members.first.map({ ($0.key, $0.value) }) else {
            throw cursor.failure("found \(members.count) members, expected one named after the attribute's type")
        }
        switch type {
        case "int": return .int(try value.integer())
        case "float": return .float(try number(value))
        case "string": return .string(try value.string())
        case "ints":
            var ints: [Int] = []
            for element in try value.elements() { ints.append(try element.integer()) }
            return .ints(ints)
        case "floats":
            var floats: [Float] = []
            for element in try value.elements() { floats.append(try number(element)) }
            return .floats(floats)
        case "strings": return .strings(try GraphCoding.strings(value))
        case "tensor": return .tensor(try tensor(value))
        case "graph": return .graph(try decode(value))
        default: throw cursor.failure("'\(type)' is not an attribute type")
        }
    }

    private func strings(_ cursor: JSONCursor) throws(JSONError) -> Tensor {
        try cursor.rejectUnknownMembers(allowed: ["shape", "strings"])
        var extents: [Int] = []
        for extent in try cursor.member("shape").elements() { extents.append(try extent.integer()) }
        let texts = try GraphCoding.strings(cursor.member("strings"))
        do throws(TensorError) { return try Tensor(shape: Shape(extents), strings: texts) } catch {
            throw cursor.failure(error.description)
        }
    }

    private func number(_ cursor: JSONCursor) throws(JSONError) -> Float {
        switch cursor.value {
        case .string("nan"): return .nan
        case .string("inf"): return .infinity
        case .string("-inf"): return -.infinity
        default: return Float(try cursor.number())
        }
    }

    private func tensor(_ cursor: JSONCursor) throws(JSONError) -> Tensor {
        if case .object = cursor.value { return try strings(cursor) }
        let name = try cursor.string()
        guard let tensor = tensors[name] else { throw cursor.failure("the weights have no tensor '\(name)'") }
        return tensor
    }
}
