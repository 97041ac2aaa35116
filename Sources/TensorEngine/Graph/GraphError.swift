/// What is wrong with a graph or a call of it. The description names the node and its operator, what was found and what
/// was expected: `node 'conv_1' (Conv): input has 2 dimensions, expected 3 or 4`.
public struct GraphError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Kind: Sendable, Hashable {
        /// The graph contradicts itself: a cycle, an unknown value, a duplicated name, a wrong attribute.
        case invalidGraph
        /// A valid ONNX construct that this engine does not have.
        case unsupported
        /// Shapes or types do not fit an operator, or an input does not fit the graph.
        case shapeMismatch
        /// A value of an input is one that an operator cannot take: an index outside of its table.
        case invalidValue
        /// An operator needs a value that is only computed at run time: the graph cannot be planned before, only
        /// interpreted (``CompiledGraph/isDynamic``).
        case valueUnknown
        /// A limit of ``CompilationOptions`` is exceeded.
        case limitExceeded
    }

    public let kind: Kind
    /// The node at fault, if it is one.
    public let node: String?
    public let operatorType: String?
    public let message: String

    public init(_ kind: Kind, node: String? = nil, operatorType: String? = nil, _ message: String) {
        self.kind = kind
        self.node = node
        self.operatorType = operatorType
        self.message = message
    }

    public var description: String {
        guard let node else { return message }
        return "node '\(node)'\(operatorType.map { " (\($0))" } ?? ""): \(message)"
    }
}
