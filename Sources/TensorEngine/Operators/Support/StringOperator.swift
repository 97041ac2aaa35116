/// What an operator does with operands of strings.
enum StringHandling: Sendable {
    /// Nothing: such an operand is an error.
    case refused
    /// It moves or compares elements, whatever they are.
    case moved
    /// It knows what strings are: a ``StringOperator``, or one that hands its operands on to a graph.
    case read
}

/// An operator that reads strings or makes them. Strings are no bytes, so that there are no kernels for them: a graph in
/// which they occur is interpreted.
protocol StringOperator: Operator {
    /// Called in the place of a kernel where an operand or an output is of strings.
    /// - Parameter operands: every one that is present with its value.
    func evaluateStrings(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> [Tensor]
}

extension StringOperator {
    static var strings: StringHandling { .read }
}

/// Runs operators on strings.
enum StringEvaluation {
    static func isNeeded(_ operands: Operands, _ outputs: [TensorType]) -> Bool {
        operands.haveStrings || outputs.contains { $0.elementType == .string }
    }

    /// - Throws: ``GraphError`` when the operator has nothing to do with strings and an operand is of them.
    static func check(_ operation: any Operator, _ operands: Operands) throws(GraphError) {
        guard type(of: operation).strings == .refused else { return }
        for case let operand? in operands.inputs where operand.type.elementType == .string {
            throw operands.error(.unsupported, "input '\(operand.name)' is of strings, expected numbers")
        }
    }

    /// - Throws: ``GraphError`` when outputs would be of strings that neither an operand has nor the operator can make.
    static func check(
        _ operation: any Operator, _ operands: Operands, outputs: [TensorType]
    ) throws(GraphError) {
        guard !operands.haveStrings, outputs.contains(where: { $0.elementType == .string }),
            !(operation is any StringOperator), !(operation is ConstantOperator)
        else { return }
        throw operands.error(.unsupported, "the element type string is not supported here, expected a number type")
    }

    /// The outputs when ``isNeeded(_:_:)`` and every operand is known.
    static func run(
        _ operation: any Operator, _ operands: Operands, _ outputs: [TensorType]
    ) throws(GraphError) -> [Tensor] {
        if let operation = operation as? any StringOperator {
            return try operation.evaluateStrings(operands, outputs: outputs)
        }
        let codes = try StringCodes(operands)
        let coded = outputs.map { type in
            type.elementType == .string ? TensorType(elementType: .int64, shape: type.shape) : type
        }
        var results = try Evaluator.run(operation, codes.operands, coded)
        for (index, type) in outputs.enumerated() where type.elementType == .string {
            results[index] = try codes.decoded(results[index])
        }
        return results
    }

    /// What an operator on whole tensors makes of them, strings or not.
    static func run(
        _ operation: any WholeTensorOperator, _ operands: Operands
    ) throws(GraphError) -> [Tensor] {
        try check(operation, operands)
        guard operands.haveStrings, type(of: operation).strings == .moved else {
            return try operation.evaluate(operands)
        }
        let codes = try StringCodes(operands)
        var results = try operation.evaluate(codes.operands)
        // The elements come first, what is counted or numbered follows.
        if let first = results.first { results[0] = try codes.decoded(first) }
        return results
    }
}

extension Operands {
    /// Whether an operand is of strings.
    var haveStrings: Bool { inputs.contains { $0?.type.elementType == .string } }

    /// The strings of an operand of strings.
    func strings(_ index: Int) throws(GraphError) -> [String] {
        _ = try type(index, among: .string)
        return try constant(index, meaning: "input").strings
    }

    /// A tensor of strings.
    func stringTensor(_ shape: Shape, _ strings: [String]) throws(GraphError) -> Tensor {
        do throws(TensorError) { return try Tensor(shape: shape, strings: strings) } catch {
            throw self.error(.shapeMismatch, error.description)
        }
    }
}
