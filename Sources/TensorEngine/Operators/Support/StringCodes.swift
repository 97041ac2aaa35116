/// The strings of some operands as numbers: equal strings have equal numbers, in the order of their bytes. Operators that
/// move or compare elements then work on the numbers with the kernels that they have anyway.
struct StringCodes {
    /// The operands with numbers (int64) in the place of strings.
    let operands: Operands
    private let strings: [String]

    /// - Precondition: the values of operands of strings are known.
    init(_ original: Operands) throws(GraphError) {
        var codes: [StringKey: Int64] = [:]
        for case let operand? in original.inputs where operand.type.elementType == .string {
            for text in operand.constant?.strings ?? [] { codes[StringKey(text)] = 0 }
        }
        let sorted = codes.keys.sorted()
        for (code, key) in sorted.enumerated() { codes[key] = Int64(code) }
        strings = sorted.map(\.text)
        var inputs = original.inputs
        for (index, operand) in original.inputs.enumerated() {
            guard var operand, operand.type.elementType == .string else { continue }
            let elements = try original.constant(index, meaning: "value").strings.map { codes[StringKey($0)] ?? 0 }
            operand.type.elementType = .int64
            operand.constant = Tensor(.int64, shape: operand.type.shape) { target in
                elements.withUnsafeBytes { if !$0.isEmpty { target.copyMemory(from: $0) } }
            }
            // Packed forms are kept by the name of a constant: this is another value.
            operand.isGraphConstant = false
            inputs[index] = operand
        }
        operands = Operands(
            node: original.node, kernels: original.kernels, packedWeights: original.packedWeights, inputs: inputs,
            options: original.options)
    }

    /// The strings that a result's numbers stand for.
    func decoded(_ tensor: Tensor) throws(GraphError) -> Tensor {
        do throws(TensorError) {
            var texts: [String] = []
            texts.reserveCapacity(tensor.shape.elementCount)
            for code in try tensor.elements(as: Int64.self) {
                guard let index = Int(exactly: code), strings.indices.contains(index) else {
                    throw .stringCountMismatch(found: strings.count, expected: Int(clamping: code))
                }
                texts.append(strings[index])
            }
            return try Tensor(shape: tensor.shape, strings: texts)
        } catch {
            throw operands.error(.invalidValue, error.description)
        }
    }
}
