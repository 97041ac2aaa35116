/// Convolutions of other types than float32 or over more than two spatial dimensions, in binary64 and rounded once.
struct GeneralConvolution: Sendable {
    let box: WindowBox
    let groups: Int

    func outputShape(_ input: Shape, _ weights: Shape, _ operands: Operands) throws(GraphError) -> Shape {
        try operands.makeShape([input[0], weights[0]] + box.output)
    }

    func kernel(_ operands: Operands, _ output: TensorType) throws(GraphError) -> Kernel {
        let (x, w) = (try operands.type(0), try operands.type(1))
        let bias = operands.has(2) ? try operands.type(2) : nil
        let (images, channels) = (x.shape[0], x.shape[1])
        let (filters, perGroup) = (w.shape[0], w.shape[1])
        let (box, filtersPerGroup) = (box, filters / groups)
        let volume = box.kernelVolume
        return Kernel { arguments in
            let (input, weights) = (arguments.doubles(0, x), arguments.doubles(1, w))
            let addends = bias.map { arguments.doubles(2, $0) }
            var y = [Double](repeating: 0, count: output.shape.elementCount)
            for image in 0..<images {
                for position in 0..<box.outputPlane {
                    var taps: [(tap: Int, source: Int)] = []
                    box.forEachTap(position) { taps.append(($0, $1)) }
                    for filter in 0..<filters {
                        var sum = addends?[filter] ?? 0
                        let first = image * channels + filter / filtersPerGroup * perGroup
                        for channel in 0..<perGroup {
                            let plane = (first + channel) * box.inputPlane
                            let kernel = (filter * perGroup + channel) * volume
                            for (tap, source) in taps { sum += input[plane + source] * weights[kernel + tap] }
                        }
                        y[(image * filters + filter) * box.outputPlane + position] = sum
                    }
                }
            }
            arguments.store(y, 0, output)
        }
    }
}

/// Col2Im (opset 18): columns of patches added up to an image.
struct Col2ImOperator: Operator {
    private let attributes: WindowAttributes

    init(_ node: inout NodeReader) throws(GraphError) { attributes = try WindowAttributes(&node, hasCeilMode: false) }

    private func box(_ operands: Operands) throws(GraphError) -> WindowBox {
        let image = try operands.constantIntegers(1, meaning: "image_shape")
        let block = try operands.constantIntegers(2, meaning: "block_shape")
        guard image.count == block.count, !image.isEmpty, image.allSatisfy({ $0 > 0 }) else {
            throw operands.error(.shapeMismatch, "image_shape is \(image), block_shape \(block)")
        }
        _ = try operands.makeShape(image)
        return try WindowBox(attributes, spatial: image, kernel: block, operands)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, in: ElementType.numeric)
        let box = try box(operands)
        let volume = try operands.makeShape(box.kernel).elementCount
        guard type.shape.rank == 3, type.shape[1] % volume == 0, type.shape[2] == box.outputPlane else {
            throw operands.error(
                .shapeMismatch,
                "input is \(type.shape), expected [batch, channels × \(volume), \(box.outputPlane)]")
        }
        let shape = try operands.makeShape([type.shape[0], type.shape[1] / volume] + box.input)
        return [TensorType(elementType: type.elementType, shape: shape)]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let box = try box(operands)
        let type = try operands.type(0)
        let planes = outputs[0].shape[0] * outputs[0].shape[1]
        let (volume, columns) = (box.kernelVolume, box.outputPlane)
        return Kernel { arguments in
            let x = arguments.doubles(0, type)
            var y = [Double](repeating: 0, count: outputs[0].shape.elementCount)
            for position in 0..<columns {
                box.forEachTap(position) { tap, source in
                    for plane in 0..<planes {
                        y[plane * box.inputPlane + source] += x[(plane * volume + tap) * columns + position]
                    }
                }
            }
            arguments.store(y, 0, outputs[0])
        }
    }
}
