extension KernelArguments {
    /// An operand's numbers in binary64.
    func doubles(_ index: Int, _ type: TensorType) -> [Double] {
        ElementReader(type.elementType).values(rawInput(index), count: type.shape.elementCount)
    }

    /// Stores numbers as an output's elements, each rounded once.
    func store(_ values: [Double], _ index: Int, _ type: TensorType) {
        let count = min(values.count, type.shape.elementCount)
        guard count > 0 else { return }
        let target = rawOutput(index)
        values.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            ElementConversion(from: .float64, to: type.elementType).convert(base, to: target, count)
        }
    }
}

extension ElementType {
    /// Rounds to the type's own precision, where it is less than binary64's: what separate operators would do in between.
    var rounding: @Sendable (Double) -> Double {
        switch self {
        case .float16: { Double(Float16($0)) }
        case .bfloat16: { BFloat16(Float($0)).double }
        case .float32: { Double(Float($0)) }
        default: { $0 }
        }
    }
}

extension Operands {
    /// Whether the node has this output.
    func hasOutput(_ index: Int) -> Bool {
        index < node.node.outputs.count && !node.node.outputs[index].isEmpty
    }

    /// The types of outputs, as many as the node has.
    func present(_ types: [TensorType]) -> [TensorType] { Array(types[..<min(types.count, node.node.outputs.count)]) }
}
