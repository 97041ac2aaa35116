/// A model as data: named values, nodes in topological order, constants. Operators are ONNX's, by name and meaning
/// (https://onnx.ai/onnx/operators/), so that its specification is the reference for every one of them.
public struct Graph: Sendable {
    public var name: String
    /// The ONNX operator-set version whose semantics the nodes follow (default domain).
    public var operatorSetVersion: Int
    public var inputs: [ValueInfo]
    public var outputs: [ValueInfo]
    public var nodes: [Node]
    /// Constants by value name.
    public var initializers: [String: Tensor]

    public init(
        name: String, operatorSetVersion: Int = 17, inputs: [ValueInfo], outputs: [ValueInfo], nodes: [Node],
        initializers: [String: Tensor] = [:]
    ) {
        self.name = name
        self.operatorSetVersion = operatorSetVersion
        self.inputs = inputs
        self.outputs = outputs
        self.nodes = nodes
        self.initializers = initializers
    }
}

/// One extent of a value's declared shape.
public enum Dimension: Sendable, Hashable, CustomStringConvertible {
    case fixed(Int)
    /// Unknown until run time; equal names are equal extents. The batch is `"batch"`.
    case symbolic(String)

    public static let batch = Dimension.symbolic("batch")

    public var isFixed: Bool {
        if case .fixed = self { true } else { false }
    }

    public var description: String {
        switch self {
        case .fixed(let extent): String(extent)
        case .symbolic(let name): name
        }
    }
}

/// The declared type of a graph's input or output.
public struct ValueInfo: Sendable, Hashable {
    public var name: String
    public var elementType: ElementType
    public var dimensions: [Dimension]

    public init(name: String, elementType: ElementType, dimensions: [Dimension]) {
        self.name = name
        self.elementType = elementType
        self.dimensions = dimensions
    }

    /// Whether requests may bring any number of rows.
    public var hasBatchDimension: Bool { dimensions.first == .batch }
}

/// One application of an operator.
public struct Node: Sendable {
    /// Unique in its graph; error messages name it.
    public var name: String
    /// The ONNX operator type, as "Conv".
    public var operatorType: String
    /// Value names; an empty name is an omitted optional input.
    public var inputs: [String]
    public var outputs: [String]
    public var attributes: [String: AttributeValue]

    public init(
        name: String, operatorType: String, inputs: [String], outputs: [String],
        attributes: [String: AttributeValue] = [:]
    ) {
        self.name = name
        self.operatorType = operatorType
        self.inputs = inputs
        self.outputs = outputs
        self.attributes = attributes
    }
}

/// A typed node attribute (ONNX `AttributeProto`).
public enum AttributeValue: Sendable {
    case int(Int)
    case float(Float)
    case string(String)
    case ints([Int])
    case floats([Float])
    case strings([String])
    case tensor(Tensor)
    indirect case graph(Graph)
}

extension Graph {
    /// Bytes of the initializers.
    package var constantByteCount: Int { initializers.values.reduce(0) { $0 + $1.byteCount } }
}
