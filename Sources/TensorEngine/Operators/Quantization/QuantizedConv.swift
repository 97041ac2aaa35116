/// ConvInteger (opset 10) and QLinearConv (opset 10) over any number of spatial dimensions, exact in 32 bits.
struct QuantizedConvOperator: Operator {
    private let isLinear: Bool
    private let attributes: WindowAttributes
    private let groups: Int

    init(_ node: inout NodeReader) throws(GraphError) {
        isLinear = node.node.node.operatorType == "QLinearConv"
        attributes = try WindowAttributes(&node, hasCeilMode: false)
        groups = try node.int("group", default: 1)
    }

    private var w: Int { isLinear ? 3 : 1 }

    private func box(_ operands: Operands) throws(GraphError) -> WindowBox {
        let (x, weights) = (try operands.shape(0), try operands.shape(w))
        guard x.rank >= 3, weights.rank == x.rank else {
            throw operands.error(
                .shapeMismatch, "operands are \(x) and \(weights), expected the same number of dimensions, at least 3")
        }
        guard groups > 0, weights[0] % groups == 0, x[1] == weights[1] * groups else {
            throw operands.error(
                .shapeMismatch, "\(x[1]) channels do not fit weights \(weights) in \(groups) groups")
        }
        let kernel = Array(weights.dimensions[2...])
        guard attributes.kernelShape == nil || attributes.kernelShape == kernel else {
            throw operands.error(
                .shapeMismatch, "kernel_shape \(attributes.kernelShape ?? []) differs from the weights' \(kernel)")
        }
        return try WindowBox(attributes, spatial: Array(x.dimensions[2...]), kernel: kernel, operands)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let x = try operands.type(0, among: .int8, .uint8)
        let weights = try operands.type(w, among: .int8, .uint8)
        let extents = try box(operands).output
        let channels = weights.shape[0]
        func checkCount(_ index: Int, _ name: String, _ extent: Int) throws(GraphError) {
            guard operands.has(index) else { return }
            let count = try operands.shape(index).elementCount
            guard count == 1 || count == extent else {
                throw operands.error(.shapeMismatch, "\(name) has \(count) elements, expected 1 or \(extent)")
            }
        }
        var type = ElementType.int32
        if isLinear {
            try checkCount(1, "the scale of X", 1)
            try checkCount(2, "the zero point of X", 1)
            try checkCount(4, "the scale of W", channels)
            try checkCount(5, "the zero point of W", channels)
            try checkCount(6, "the scale of Y", 1)
            try checkCount(7, "the zero point of Y", 1)
            for index in [1, 4, 6] { _ = try operands.type(index, in: ElementType.floatingPoint) }
            type = try operands.type(7, among: .int8, .uint8).elementType
            if operands.has(8) {
                let bias = try operands.type(8, among: .int32).shape
                guard bias.elementCount == channels else {
                    throw operands.error(.shapeMismatch, "the bias has shape \(bias), expected [\(channels)]")
                }
            }
        } else {
            try checkCount(2, "the zero point of X", 1)
            try checkCount(3, "the zero point of W", channels)
        }
        return [TensorType(elementType: type, shape: try operands.makeShape([x.shape[0], channels] + extents))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let box = try box(operands)
        let (x, weights) = (try operands.type(0), try operands.type(w))
        let requantization = isLinear ? try Requantization(operands, outputs[0].elementType) : nil
        let (wIndex, wZeroIndex) = (w, isLinear ? 5 : 3)
        let hasZeros = (operands.has(2), operands.has(wZeroIndex))
        let wZeroCount = hasZeros.1 ? try operands.shape(wZeroIndex).elementCount : 0
        let hasBias = operands.has(8)
        let (channels, perGroup) = (weights.shape[0], weights.shape[1])
        let (images, inputChannels, channelsPerGroup) = (x.shape[0], x.shape[1], channels / groups)
        return Kernel { arguments in
            let input = QuantizedValues(arguments.rawInput(0), x.elementType)
            let filter = QuantizedValues(arguments.rawInput(wIndex), weights.elementType)
            let xZero = hasZeros.0 ? QuantizedValues(arguments.rawInput(2), x.elementType)[0] : 0
            let wZeros =
                hasZeros.1 ? QuantizedValues(arguments.rawInput(wZeroIndex), weights.elementType) : nil
            let scales = requantization?.scales(arguments)
            for image in 0..<images {
                for channel in 0..<channels {
                    let wZero = wZeros?[wZeroCount == 1 ? 0 : channel] ?? 0
                    let firstPlane = image * inputChannels + channel / channelsPerGroup * perGroup
                    let bias = hasBias ? arguments.input(8, as: Int32.self)[channel] : 0
                    for position in 0..<box.outputPlane {
                        var sum = bias
                        box.forEachTap(position) { tap, source in
                            for plane in 0..<perGroup {
                                let value = input[(firstPlane + plane) * box.inputPlane + source] &- xZero
                                let weight =
                                    filter[(channel * perGroup + plane) * box.kernelVolume + tap] &- wZero
                                sum &+= value &* weight
                            }
                        }
                        let target = (image * channels + channel) * box.outputPlane + position
                        if let scales {
                            // A channel of the output is a column of the product.
                            scales.store(sum, row: 0, column: channel, at: target)
                        } else {
                            arguments.output(0, as: Int32.self)[target] = sum
                        }
                    }
                }
            }
        }
    }
}
