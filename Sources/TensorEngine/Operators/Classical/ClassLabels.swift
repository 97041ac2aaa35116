/// The labels of a classifier: integers or strings.
struct ClassLabels: Sendable {
    /// Of integers; of strings their places in ``names``.
    let values: [Int64]
    /// nil when the labels are integers.
    private let names: [String]?

    init(_ node: inout NodeReader, integers: String) throws(GraphError) {
        let integers = (try node.ints(integers) ?? []).map { Int64($0) }
        if let names = try node.strings("classlabels_strings"), !names.isEmpty {
            self.names = names
            values = names.indices.map { Int64($0) }
        } else {
            names = nil
            values = integers
        }
    }

    subscript(index: Int) -> Int64 { values.indices.contains(index) ? values[index] : Int64(index) }

    /// Of the output of labels.
    var elementType: ElementType { names == nil ? .int64 : .string }

    /// The labels that a kernel's choices mean.
    fileprivate func named(_ chosen: Tensor, _ operands: Operands) throws(GraphError) -> Tensor {
        guard let names else { return chosen }
        let texts = chosen.withElements(Int64.self) { chosen in
            chosen.map { index in names.indices.contains(Int(index)) ? names[Int(index)] : "" }
        }
        return try operands.stringTensor(chosen.shape, texts)
    }
}

/// An operator whose first output is one label a row. Its kernel writes integers; those of strings are their places.
protocol ClassifyingOperator: StringOperator {
    /// nil when it is no classifier.
    var classLabels: ClassLabels? { get }
}

extension ClassifyingOperator {
    static var strings: StringHandling { .refused }

    func evaluateStrings(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> [Tensor] {
        var coded = outputs
        coded[0].elementType = .int64
        var results = try Evaluator.run(self, operands, coded)
        if let classLabels { results[0] = try classLabels.named(results[0], operands) }
        return results
    }
}
