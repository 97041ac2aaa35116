import TensorEngine

/// A graph under construction, and the conventions that fitted models share (``FittedModel/graph``).
struct GraphAssembly {
    private var nodes: [Node] = []
    private var initializers: [String: Tensor] = [:]
    private let name: String
    private let columns: Int

    init(_ kind: EarlyModelKind, columns: Int) {
        name = kind.rawValue
        self.columns = columns
    }

    /// Adds a node of one output and returns the output's name, which is the node's.
    @discardableResult
    mutating func add(
        _ operatorType: String, _ inputs: [String], as name: String, _ attributes: [String: AttributeValue] = [:]
    ) -> String {
        add(operatorType, inputs, as: name, outputs: [name], attributes)
        return name
    }

    mutating func add(
        _ operatorType: String, _ inputs: [String], as name: String, outputs: [String],
        _ attributes: [String: AttributeValue] = [:]
    ) {
        nodes.append(
            Node(name: name, operatorType: operatorType, inputs: inputs, outputs: outputs, attributes: attributes))
    }

    mutating func constant(_ name: String, _ tensor: Tensor) -> String {
        initializers[name] = tensor
        return name
    }

    mutating func constant<Element: TensorElement>(
        _ name: String, shape: [Int], _ elements: [Element]
    ) throws(EarlyModelError) -> String {
        constant(name, try Self.tensor(shape: shape, elements))
    }

    /// The cast of a value to a type of ONNX's numbering.
    mutating func cast(_ value: String, as name: String, _ type: CastType) -> String {
        add("Cast", [value], as: name, ["to": .int(type.rawValue)])
    }

    /// `TensorProto.DataType`.
    enum CastType: Int { case float32 = 1, float64 = 11 }

    static func tensor<Element: TensorElement>(
        shape: [Int], _ elements: [Element]
    ) throws(EarlyModelError) -> Tensor {
        do throws(TensorError) { return try Tensor(shape: Shape(shape), elements: elements) } catch {
            throw EarlyModelError(.limitExceeded, "model", error.description)
        }
    }

    /// The graph of a regression whose result is the value `prediction`, [batch, 1].
    func regression() -> Graph {
        graph(outputs: [
            ValueInfo(name: EarlyModelValue.prediction, elementType: .float32, dimensions: [.batch, .fixed(1)])
        ])
    }

    /// The graph of a classifier.
    /// - Parameters:
    ///   - scores: float32 [batch, present classes].
    ///   - index: int64 [batch], the row's class among those that are present; nil for the first greatest score.
    ///   - output: ``EarlyModelValue/probabilities`` or ``EarlyModelValue/scores``.
    ///   - absent: the score of a class that is not present.
    mutating func classifier(
        scores: String, index: String? = nil, output: String = EarlyModelValue.probabilities, absent: Float = 0,
        present: [Int], names: ClassNames
    ) throws(EarlyModelError) -> Graph {
        let place =
            index ?? add("ArgMax", [scores], as: "class_index", ["axis": .int(1), "keepdims": .int(0)])
        let labels: Tensor
        switch names {
        case .indices: labels = try Self.tensor(shape: [present.count], present.map { Int64($0) })
        case .integers(let list): labels = try Self.tensor(shape: [present.count], present.map { list[$0] })
        case .strings(let list):
            do throws(TensorError) {
                labels = try Tensor(shape: Shape([present.count]), strings: present.map { list[$0] })
            } catch { throw EarlyModelError(.limitExceeded, "targets", error.description) }
        }
        add("Gather", [constant("class_labels", labels), place], as: EarlyModelValue.label, ["axis": .int(0)])
        if present.count == names.count {
            add("Identity", [scores], as: output)
        } else {
            // A column for every class: those of the present ones, and one that says "absent" for all others.
            let rest = try constant(
                "absent_rate", shape: [present.count, 1], [Float](repeating: 0, count: present.count))
            let zero = add("MatMul", [scores, rest], as: "zero_score")
            let value = add("Add", [zero, try constant("absent", shape: [1], [absent])], as: "absent_score")
            let all = add("Concat", [scores, value], as: "present_and_absent_scores", ["axis": .int(1)])
            var columns = [Int64](repeating: Int64(present.count), count: names.count)
            for (column, place) in present.enumerated() { columns[place] = Int64(column) }
            let order = try constant("class_columns", shape: [names.count], columns)
            add("Gather", [all, order], as: output, ["axis": .int(1)])
        }
        return graph(outputs: [
            ValueInfo(name: EarlyModelValue.label, elementType: labels.elementType, dimensions: [.batch]),
            ValueInfo(name: output, elementType: .float32, dimensions: [.batch, .fixed(names.count)]),
        ])
    }

    private func graph(outputs: [ValueInfo]) -> Graph {
        let input = ValueInfo(
            name: EarlyModelValue.features, elementType: .float32, dimensions: [.batch, .fixed(columns)])
        return Graph(name: name, inputs: [input], outputs: outputs, nodes: nodes, initializers: initializers)
    }
}

/// A class's probabilities or scores, spread over all classes.
func spread(_ values: [Double], present: [Int], count: Int, absent: Double = 0) -> [Double] {
    var all = [Double](repeating: absent, count: count)
    for (value, place) in zip(values, present) { all[place] = value }
    return all
}

/// The place of the first greatest number.
func firstGreatest(_ values: some RandomAccessCollection<Double>) -> Int {
    var (best, greatest) = (0, -Double.infinity)
    for (place, value) in values.enumerated() where value > greatest { (best, greatest) = (place, value) }
    return best
}
