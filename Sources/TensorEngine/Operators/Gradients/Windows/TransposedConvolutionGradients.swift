/// ConvTransposeInputGradient and ConvTransposeWeightGradient, this engine's own: the gradients of ConvTranspose, which
/// is itself the input gradient of a convolution: so these are that convolution, and its weights' gradient with input
/// and output exchanged. Operands: the output's gradient, the input, the weights; ConvTranspose's attributes.
struct ConvTransposeGradientOperator: Operator {
    private let attributes: TransposedConvolutionAttributes
    private let isOfWeights: Bool

    init(_ node: inout NodeReader) throws(GraphError) {
        attributes = try TransposedConvolutionAttributes(&node)
        isOfWeights = node.node.node.operatorType == "ConvTransposeWeightGradient"
    }

    private func extents(_ operands: Operands) throws(GraphError) -> ConvolutionExtents {
        let extents = try attributes.extents(try operands.shape(1), try operands.shape(2), operands)
        let (flow, expected) = (try operands.shape(0), try attributes.outputShape(extents, operands))
        guard flow == expected else {
            throw operands.error(.shapeMismatch, "the output's gradient is \(flow), expected \(expected)")
        }
        return extents
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, in: Operands.gradientTypes)
        _ = try operands.type(1, among: type.elementType)
        _ = try operands.type(2, among: type.elementType)
        _ = try extents(operands)
        return [TensorType(elementType: type.elementType, shape: try operands.shape(isOfWeights ? 2 : 1))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        try operands.visitGradientKernels(
            outputs[0].elementType,
            Visitor(extents: try extents(operands), isOfWeights: isOfWeights, operands: operands))
    }

    private struct Visitor: GradientKernelVisitor {
        let extents: ConvolutionExtents
        let isOfWeights: Bool
        let operands: Operands

        func visit<Element: GradientKernelElement>(_ kernels: GradientKernels<Element>) throws(GraphError) -> Kernel {
            isOfWeights
                ? try WeightGradient(extents, operands).kernel(kernels, flow: 1, input: 0, operands)
                : try WindowProduct(forward: extents, operands)
                    .kernel(kernels, source: 0, weights: 2, bias: nil, operands)
        }
    }
}
