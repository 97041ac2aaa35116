/// A node during compilation, with what fusion attached to it.
struct WorkNode: Sendable {
    var node: Node
    /// Applied to the output of Conv, Gemm and MatMul as it is stored.
    var activation: FusedActivation = .none
    /// Whether a MatMul has a bias vector as a third input: its own form of MatMul + Add.
    var hasFusedBias = false

    /// Names that the graphs in its attributes read from outside: the last of its inputs, which rewriting may rename.
    let captures: [String]

    init(_ node: Node) {
        captures = Subgraph.captures(of: node)
        self.node = node
        self.node.inputs += captures
    }

    func error(_ kind: GraphError.Kind, _ message: String) -> GraphError {
        GraphError(kind, node: node.name, operatorType: node.operatorType, message)
    }
}

enum FusedActivation: Sendable, Hashable {
    case none, relu
    case leakyRelu(Float)
    case clip(Float, Float)
}

/// Reads a node's attributes, each checked against its type; what nobody read is an error, because an attribute that is
/// ignored is a model that answers something else.
struct NodeReader {
    let node: WorkNode
    let operatorSetVersion: Int
    private var unread: Set<String>

    init(_ node: WorkNode, operatorSetVersion: Int) {
        self.node = node
        self.operatorSetVersion = operatorSetVersion
        self.unread = Set(node.node.attributes.keys)
    }

    mutating func int(_ name: String, default value: Int) throws(GraphError) -> Int {
        switch take(name) {
        case nil: return value
        case .int(let found)?: return found
        case let found?: throw mismatch(name, found, "int")
        }
    }

    mutating func bool(_ name: String, default value: Bool) throws(GraphError) -> Bool {
        try int(name, default: value ? 1 : 0) != 0
    }

    mutating func float(_ name: String, default value: Float) throws(GraphError) -> Float {
        switch take(name) {
        case nil: return value
        case .float(let found)?: return found
        case let found?: throw mismatch(name, found, "float")
        }
    }

    mutating func string(_ name: String, default value: String) throws(GraphError) -> String {
        switch take(name) {
        case nil: return value
        case .string(let found)?: return found
        case let found?: throw mismatch(name, found, "string")
        }
    }

    mutating func ints(_ name: String) throws(GraphError) -> [Int]? {
        switch take(name) {
        case nil: return nil
        case .ints(let found)?: return found
        case let found?: throw mismatch(name, found, "ints")
        }
    }

    mutating func floats(_ name: String) throws(GraphError) -> [Float]? {
        switch take(name) {
        case nil: return nil
        case .floats(let found)?: return found
        case let found?: throw mismatch(name, found, "floats")
        }
    }

    mutating func strings(_ name: String) throws(GraphError) -> [String]? {
        switch take(name) {
        case nil: return nil
        case .strings(let found)?: return found
        case let found?: throw mismatch(name, found, "strings")
        }
    }

    /// The numbers of a tensor attribute, or of a list of floats under another name.
    mutating func numbers(_ name: String, tensor: String) throws(GraphError) -> [Double]? {
        if let found = try self.tensor(tensor) {
            guard let values = found.converted(to: .float64)?.withElements(Double.self, { Array($0) }) else {
                throw error(.invalidGraph, "attribute '\(tensor)' is \(found.elementType.rawValue), expected numbers")
            }
            return values
        }
        return try floats(name)?.map(Double.init)
    }

    mutating func tensor(_ name: String) throws(GraphError) -> Tensor? {
        switch take(name) {
        case nil: return nil
        case .tensor(let found)?: return found
        case let found?: throw mismatch(name, found, "tensor")
        }
    }

    /// Takes the attribute whatever its type.
    mutating func take(_ name: String) -> AttributeValue? {
        unread.remove(name)
        return node.node.attributes[name]
    }

    /// - Throws: ``GraphError`` naming the attributes that the operator does not know.
    func finish() throws(GraphError) {
        guard unread.isEmpty else {
            let names = unread.sorted().map { "'\($0)'" }.joined(separator: ", ")
            throw error(.unsupported, "unknown attribute \(names)")
        }
    }

    func error(_ kind: GraphError.Kind, _ message: String) -> GraphError { node.error(kind, message) }

    private func mismatch(_ name: String, _ found: AttributeValue, _ expected: String) -> GraphError {
        error(.invalidGraph, "attribute '\(name)' is of type \(found.typeName), expected \(expected)")
    }
}

extension AttributeValue {
    var typeName: String {
        switch self {
        case .int: "int"
        case .float: "float"
        case .string: "string"
        case .ints: "ints"
        case .floats: "floats"
        case .strings: "strings"
        case .tensor: "tensor"
        case .graph: "graph"
        }
    }
}
