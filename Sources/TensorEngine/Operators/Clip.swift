import CTensorKernels

/// Clip (opset 6 with attributes, from 11 on with inputs) of every number type. NaN passes.
struct ClipOperator: Operator {
    private let attributes: (lower: Float, upper: Float)?

    init(_ node: inout NodeReader) throws(GraphError) {
        guard node.operatorSetVersion < 11 else {
            attributes = nil
            return
        }
        let lower = try node.float("min", default: -.greatestFiniteMagnitude)
        let upper = try node.float("max", default: .greatestFiniteMagnitude)
        attributes = (lower, upper)
    }

    static var admitsEmpty: Bool { true }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, in: ElementType.numeric)
        for (index, name) in [(1, "min"), (2, "max")] where operands.has(index) {
            let bound = try operands.type(index, among: type.elementType)
            guard bound.shape.elementCount == 1 else {
                throw operands.error(
                    .shapeMismatch, "\(name) '\(try operands.operand(index).name)' is \(bound), expected a scalar")
            }
        }
        return [type]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let count = outputs[0].shape.elementCount
        if outputs[0].elementType == .float32,
            let (lower, upper) = constantBounds(
                (1...2).map { operands.has($0) ? operands.inputs[$0]?.constant : nil }, operands)
        {
            let kernels = operands.kernels
            return Kernel(placement: .inPlace([0])) { arguments in
                kernels.functions.unary(MK_UNARY_CLIP, arguments.input(0), arguments.output(0), count, lower, upper)
            }
        }
        return try operands.visitNumeric(
            outputs[0].elementType,
            Visitor(count: count, attributes: attributes, hasLower: operands.has(1), hasUpper: operands.has(2)))
    }

    /// nil when one of the bounds is computed at run time.
    private func constantBounds(_ bounds: [Tensor?], _ operands: Operands) -> (Float, Float)? {
        if let attributes { return attributes }
        var result: [Float] = [-.greatestFiniteMagnitude, .greatestFiniteMagnitude]
        for index in 0..<2 where operands.has(index + 1) {
            guard let bound = bounds[index] else { return nil }
            result[index] = bound.withElements(Float.self) { $0[0] }
        }
        return (result[0], result[1])
    }

    private struct Visitor: NumericVisitor {
        let count: Int
        let attributes: (lower: Float, upper: Float)?
        let hasLower: Bool
        let hasUpper: Bool

        func visit<Element: NumericElement>(_ type: Element.Type) -> Kernel {
            let (count, attributes, hasLower, hasUpper) = (count, attributes, hasLower, hasUpper)
            return Kernel { arguments in
                let (x, y) = (arguments.input(0, as: Element.self), arguments.output(0, as: Element.self))
                var (lower, upper) = (Element.lowest, Element.highest)
                if let attributes {
                    lower = Element(rounding: Double(attributes.lower))
                    upper = Element(rounding: Double(attributes.upper))
                }
                if hasLower { lower = arguments.input(1, as: Element.self)[0] }
                if hasUpper { upper = arguments.input(2, as: Element.self)[0] }
                for index in 0..<count {
                    let raised = x[index] < lower ? lower : x[index]
                    y[index] = raised > upper ? upper : raised
                }
            }
        }
    }

    /// The bounds of a node during fusion, nil when they are not constants.
    func constantBounds(_ node: WorkNode, _ constants: [String: Tensor]) -> (Float, Float)? {
        if let attributes { return attributes }
        var result: [Float] = [-.greatestFiniteMagnitude, .greatestFiniteMagnitude]
        for (index, name) in node.node.inputs.dropFirst().prefix(2).enumerated() where !name.isEmpty {
            guard let tensor = constants[name], tensor.elementType == .float32, tensor.shape.elementCount == 1 else {
                return nil
            }
            result[index] = tensor.withElements(Float.self) { $0[0] }
        }
        return (result[0], result[1])
    }
}
