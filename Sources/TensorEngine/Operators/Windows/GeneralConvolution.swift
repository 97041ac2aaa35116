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

/// ConvTranspose (opset 1, 11, 22): the gradient of a convolution, over any number of spatial dimensions, in binary64 and
/// rounded once.
struct ConvTransposeOperator: Operator {
    private let attributes: WindowAttributes
    private let groups: Int
    private let outputPadding: [Int]?
    private let outputShape: [Int]?

    init(_ node: inout NodeReader) throws(GraphError) {
        attributes = try WindowAttributes(&node, hasCeilMode: false)
        groups = try node.int("group", default: 1)
        outputPadding = try node.ints("output_padding")
        outputShape = try node.ints("output_shape")
        guard groups >= 1 else { throw node.error(.invalidGraph, "group is \(groups), expected at least 1") }
    }

    private struct Geometry {
        var input: [Int] = []
        var output: [Int] = []
        var kernel: [Int] = []
        var strides: [Int] = []
        var dilations: [Int] = []
        var pads: [Int] = []
    }

    private func geometry(_ operands: Operands) throws(GraphError) -> Geometry {
        let (x, w) = (try operands.shape(0), try operands.shape(1))
        let rank = x.rank - 2
        guard rank >= 1, w.rank == x.rank, w[0] == x[1], x[1] % groups == 0 else {
            throw operands.error(
                .shapeMismatch, "weights \(w) do not fit an input of \(x) in \(groups) groups")
        }
        var result = Geometry()
        result.input = Array(x.dimensions[2...])
        result.kernel = Array(w.dimensions[2...])
        if let declared = attributes.kernelShape, declared != result.kernel {
            throw operands.error(.shapeMismatch, "kernel_shape is \(declared), the weights have \(result.kernel)")
        }
        func list(_ values: [Int]?, _ name: String, _ count: Int, _ value: Int) throws(GraphError) -> [Int] {
            try WindowBox.list(values, name, rank, count: count, default: value, least: value, operands)
        }
        result.strides = try list(attributes.strides, "strides", rank, 1)
        result.dilations = try list(attributes.dilations, "dilations", rank, 1)
        let pads = try list(attributes.pads, "pads", 2 * rank, 0)
        let extra = try list(outputPadding, "output_padding", rank, 0)
        // Some exporters write batch and channels too.
        var wanted = outputShape
        if let list = wanted, list.count == rank + 2 { wanted = Array(list[2...]) }
        if let list = wanted, list.count != rank {
            throw operands.error(.shapeMismatch, "output_shape is \(list), expected \(rank) values")
        }
        for axis in 0..<rank {
            let reach = (result.kernel[axis] - 1) * result.dilations[axis] + 1
            let full = result.strides[axis] * (result.input[axis] - 1) + extra[axis] + reach
            var extent = wanted?[axis]
            let isSame = attributes.autoPad == .sameUpper || attributes.autoPad == .sameLower
            if extent == nil, isSame { extent = result.input[axis] * result.strides[axis] }
            if let extent {
                let total = max(full - extent, 0)
                result.output.append(extent)
                result.pads.append(attributes.autoPad == .sameUpper ? total / 2 : total - total / 2)
            } else {
                result.output.append(full - pads[axis] - pads[axis + rank])
                result.pads.append(pads[axis])
            }
        }
        guard result.output.allSatisfy({ $0 > 0 }) else {
            throw operands.error(.shapeMismatch, "the output's extents are \(result.output), expected at least 1")
        }
        return result
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, in: ElementType.floatingPoint)
        let w = try operands.type(1, among: type.elementType).shape
        let geometry = try geometry(operands)
        let (channels, overflow) = w[1].multipliedReportingOverflow(by: groups)
        guard !overflow else { throw operands.error(.limitExceeded, "\(w[1]) × \(groups) channels") }
        if operands.has(2) {
            let bias = try operands.type(2, among: type.elementType).shape
            guard bias.dimensions == [channels] else {
                throw operands.error(.shapeMismatch, "bias has shape \(bias), expected [\(channels)]")
            }
        }
        let shape = try operands.makeShape([type.shape[0], channels] + geometry.output)
        return [TensorType(elementType: type.elementType, shape: shape)]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let geometry = try geometry(operands)
        let (x, w) = (try operands.type(0), try operands.type(1))
        let bias = operands.has(2) ? try operands.type(2) : nil
        let (images, channels, perGroup) = (x.shape[0], x.shape[1], w.shape[1])
        let (groups, filters) = (groups, w.shape[1] * groups)
        let (inputPlane, outputPlane) = (geometry.input.reduce(1, *), geometry.output.reduce(1, *))
        let volume = geometry.kernel.reduce(1, *)
        // For each input position and tap, the output position it adds to.
        return Kernel { arguments in
            let (input, weights) = (arguments.doubles(0, x), arguments.doubles(1, w))
            let addends = bias.map { arguments.doubles(2, $0) }
            var y = [Double](repeating: 0, count: outputs[0].shape.elementCount)
            if let addends {
                for index in y.indices { y[index] = addends[index / outputPlane % filters] }
            }
            for position in 0..<inputPlane {
                let taps = Self.taps(geometry, position)
                for image in 0..<images {
                    for channel in 0..<channels {
                        let value = input[(image * channels + channel) * inputPlane + position]
                        let group = channel / (channels / groups)
                        for filter in 0..<perGroup {
                            let plane = (image * filters + group * perGroup + filter) * outputPlane
                            let kernel = (channel * perGroup + filter) * volume
                            for (tap, target) in taps { y[plane + target] += value * weights[kernel + tap] }
                        }
                    }
                }
            }
            arguments.store(y, 0, outputs[0])
        }
    }

    private static func taps(_ geometry: Geometry, _ position: Int) -> [(tap: Int, target: Int)] {
        var result = [(tap: 0, target: 0)]
        var places: [Int] = []
        var rest = position
        for axis in geometry.input.indices.reversed() {
            places.append(rest % geometry.input[axis])
            rest /= geometry.input[axis]
        }
        for (axis, place) in places.reversed().enumerated() {
            var next: [(tap: Int, target: Int)] = []
            for (tap, target) in result {
                for step in 0..<geometry.kernel[axis] {
                    let output =
                        place * geometry.strides[axis] + step * geometry.dilations[axis] - geometry.pads[axis]
                    guard output >= 0, output < geometry.output[axis] else { continue }
                    next.append((tap * geometry.kernel[axis] + step, target * geometry.output[axis] + output))
                }
            }
            result = next
        }
        return result
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
