/// Collects the nodes that gradient rules add to a training graph.
struct GradientBuilder {
    let operatorSetVersion: Int
    private(set) var nodes: [Node] = []
    /// The graph's initializers that are not trained, and the constants that rules added.
    private(set) var constants: [String: Tensor]
    /// The prefix of names: the node whose gradient is being written.
    var scope = ""
    private var names: UniqueNames
    private var types: ValueTypes

    init(_ graph: Graph, types: ValueTypes) {
        operatorSetVersion = graph.operatorSetVersion
        constants = graph.initializers
        names = UniqueNames(graph)
        self.types = types
    }

    // MARK: What is known

    /// The type of a value of the training graph, or of a gradient that a rule was handed (it has the type of its value);
    /// nil when it is not known before the run.
    func type(of value: String) -> ValueInfo? { types[value] }
    func elementType(of value: String) -> ElementType? { types[value]?.elementType }
    func rank(of value: String) -> Int? { types[value]?.dimensions.count }

    /// Whether two values have the same shape in every run.
    func haveSameShape(_ a: String, _ b: String) -> Bool {
        guard let a = types[a], let b = types[b] else { return false }
        return a.dimensions == b.dimensions
    }

    /// The value of an initializer that is not trained; Constant nodes have become initializers.
    func constantValue(_ name: String) -> Tensor? { constants[name] }

    /// The node's attributes, to be read by name.
    func reader(_ node: Node) -> NodeReader {
        NodeReader(WorkNode(node), operatorSetVersion: operatorSetVersion)
    }

    // MARK: Adding nodes

    /// A name that no value and no node has.
    mutating func uniqueName(_ base: String) -> String { names.next(base) }

    /// Adds a node of one output and returns its name. An empty input name is an omitted operand.
    /// - Parameter like: a value whose type the output has.
    mutating func add(
        _ operatorType: String, _ inputs: [String], attributes: [String: AttributeValue] = [:], like: String? = nil
    ) -> String {
        add(operatorType, inputs, outputs: [true], attributes: attributes, like: [like])[0]
    }

    /// Adds a node of several outputs and returns their names; those that are not `present` are omitted (empty names).
    mutating func add(
        _ operatorType: String, _ inputs: [String], outputs present: [Bool],
        attributes: [String: AttributeValue] = [:], like: [String?] = []
    ) -> [String] {
        let name = names.next("gradient/\(scope)/\(operatorType)")
        var outputs: [String] = []
        for (index, isPresent) in present.enumerated() {
            let output = isPresent ? names.next(present.count == 1 ? "\(name):0" : "\(name):\(index)") : ""
            if isPresent, index < like.count, let model = like[index] { types.set(output, like: model) }
            outputs.append(output)
        }
        nodes.append(
            Node(name: name, operatorType: operatorType, inputs: inputs, outputs: outputs, attributes: attributes))
        return outputs
    }

    /// A new constant.
    mutating func constant(_ tensor: Tensor) -> String {
        let name = names.next("gradient/\(scope)/constant")
        constants[name] = tensor
        return name
    }

    /// A constant int64 vector, such as ReduceSum's axes or Reshape's shape.
    mutating func integers(_ values: [Int]) -> String {
        let elements = values.map { Int64($0) }
        return constant(
            Tensor(.int64, shape: Shape(count: elements.count)) { buffer in
                elements.withUnsafeBytes { if !$0.isEmpty { buffer.copyMemory(from: $0) } }
            })
    }

    /// A constant scalar of the element type of `value`; float32 where it is not known.
    mutating func scalar(_ number: Double, like value: String) -> String {
        constant(Tensor(number, elementType(of: value) ?? .float32, shape: []))
    }

    // MARK: Shapes

    /// A gradient that has the shape of `source`, summed where `target` was broadcast to that shape.
    mutating func reduced(_ gradient: String, from source: String, to target: String) -> String {
        if haveSameShape(source, target) { return gradient }
        if let shape = types[target]?.fixedShape {
            return add("SumToShape", [gradient], attributes: ["shape": .ints(shape)], like: target)
        }
        return add("SumToShape", [gradient, target], like: target)
    }

    /// A gradient with as many elements as `value` under the shape of `value`.
    mutating func reshaped(_ gradient: String, like value: String) -> String {
        if let dimensions = types[value]?.dimensions, !dimensions.contains(.fixed(0)),
            dimensions.count(where: { !$0.isFixed }) <= 1
        {
            let shape = dimensions.map { dimension in
                if case .fixed(let extent) = dimension { extent } else { -1 }
            }
            return add("Reshape", [gradient, integers(shape)], like: value)
        }
        return add("Reshape", [gradient, add("Shape", [value])], like: value)
    }

    /// A gradient broadcast to the shape of `value`.
    mutating func expanded(_ gradient: String, like value: String) -> String {
        if let shape = types[value]?.fixedShape {
            return add("Expand", [gradient, integers(shape)], like: value)
        }
        return add("Expand", [gradient, add("Shape", [value])], like: value)
    }

    /// Notes that a gradient has its value's type.
    mutating func setType(of gradient: String, like value: String) {
        if types[gradient] == nil { types.set(gradient, like: value) }
    }
}

extension Tensor {
    /// `number` everywhere, as float64 or else float32.
    init(_ number: Double, _ elementType: ElementType, shape: Shape) {
        if elementType == .float64 {
            self.init(.float64, shape: shape) { _ = $0.initializeMemory(as: Double.self, repeating: number) }
        } else {
            self.init(.float32, shape: shape) { _ = $0.initializeMemory(as: Float.self, repeating: Float(number)) }
        }
    }
}
