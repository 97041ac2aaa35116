import CTensorKernels

/// MaxPoolGradient and AveragePoolGradient, this engine's own: the gradients of MaxPool and AveragePool with respect to
/// their input. Operands: the output's gradient, the input; the pool's attributes. Of several greatest elements under a
/// window the first gets all, as MaxPool's indices have it.
struct PoolGradientOperator: Operator {
    private let attributes: WindowAttributes
    private let isMax: Bool
    private let countsPadding: Bool

    init(_ node: inout NodeReader) throws(GraphError) {
        isMax = node.node.node.operatorType == "MaxPoolGradient"
        attributes = try WindowAttributes(&node, hasCeilMode: true)
        countsPadding = isMax ? false : try node.bool("count_include_pad", default: false)
        if isMax { _ = try node.int("storage_order", default: 0) }
        guard attributes.kernelShape != nil else {
            throw node.error(.invalidGraph, "attribute 'kernel_shape' is missing")
        }
    }

    private func box(_ operands: Operands) throws(GraphError) -> WindowBox {
        let input = try operands.shape(1)
        guard input.rank >= 3 else {
            throw operands.error(.shapeMismatch, "input has \(input.rank) dimensions, expected at least 3: \(input)")
        }
        let box = try WindowBox(
            attributes, spatial: Array(input.dimensions[2...]), kernel: attributes.kernelShape ?? [], operands)
        let (flow, expected) = (try operands.shape(0), Array(input.dimensions[..<2]) + box.output)
        guard flow.dimensions == expected else {
            throw operands.error(.shapeMismatch, "the output's gradient is \(flow), expected \(expected)")
        }
        return box
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, in: Operands.gradientTypes)
        _ = try operands.type(1, among: type.elementType)
        _ = try box(operands)
        return [TensorType(elementType: type.elementType, shape: try operands.shape(1))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let box = try box(operands)
        let shape = outputs[0].shape
        var geometry: WindowGeometry?
        if shape.rank <= 4 {
            geometry = try WindowGeometry(
                attributes, spatial: Array(shape.dimensions[2...]), kernel: attributes.kernelShape ?? [], operands)
        }
        return try operands.visitGradientKernels(
            outputs[0].elementType,
            Visitor(
                box: box, geometry: geometry, planes: shape[0] * shape[1], isMax: isMax, countsPadding: countsPadding))
    }

    private struct Visitor: GradientKernelVisitor {
        let box: WindowBox
        /// nil for more than two spatial dimensions.
        let geometry: WindowGeometry?
        let planes: Int
        let isMax: Bool
        let countsPadding: Bool

        func visit<Element: GradientKernelElement>(_ kernels: GradientKernels<Element>) throws(GraphError) -> Kernel {
            guard let geometry else { return isMax ? generalMax(kernels) : generalAverage(kernels) }
            let (planes, inputPlane, outputPlane) = (planes, geometry.inputPlane, geometry.outputPlane)
            if isMax {
                return Kernel { arguments in
                    var window = geometry.window
                    let dy = arguments.input(0, as: Element.self)
                    let x = arguments.input(1, as: Element.self)
                    let dx = arguments.output(0, as: Element.self)
                    for plane in 0..<planes {
                        kernels.maxPool(
                            &window, x + plane * inputPlane, dy + plane * outputPlane, dx + plane * inputPlane)
                    }
                }
            }
            let rowCounts = geometry.tapCounts(height: true, includingPadding: countsPadding)
            let columnCounts = geometry.tapCounts(height: false, includingPadding: countsPadding)
            return Kernel { arguments in
                var window = geometry.window
                let dy = arguments.input(0, as: Element.self)
                let dx = arguments.output(0, as: Element.self)
                for plane in 0..<planes {
                    kernels.averagePool(
                        &window, dy + plane * outputPlane, rowCounts, columnCounts, dx + plane * inputPlane)
                }
            }
        }

        private func generalMax<Element>(_ kernels: GradientKernels<Element>) -> Kernel {
            let (box, planes) = (box, planes)
            let (inputPlane, outputPlane) = (box.inputPlane, box.outputPlane)
            return Kernel { arguments in
                let dy = arguments.input(0, as: Element.self)
                let x = arguments.input(1, as: Element.self)
                let dx = arguments.output(0, as: Element.self)
                dx.update(repeating: 0, count: planes * inputPlane)
                for position in 0..<outputPlane {
                    for plane in 0..<planes {
                        let source = x + plane * inputPlane
                        var place = -1
                        box.forEachTap(position) { _, candidate in
                            if place < 0 || source[candidate] > source[place]
                                || (source[candidate].isNaN && !source[place].isNaN)
                            {
                                place = candidate
                            }
                        }
                        if place >= 0 { dx[plane * inputPlane + place] += dy[plane * outputPlane + position] }
                    }
                }
            }
        }

        private func generalAverage<Element>(_ kernels: GradientKernels<Element>) -> Kernel {
            let (box, planes, countsPadding) = (box, planes, countsPadding)
            let (inputPlane, outputPlane) = (box.inputPlane, box.outputPlane)
            return Kernel { arguments in
                let dy = arguments.input(0, as: Element.self)
                let dx = arguments.output(0, as: Element.self)
                dx.update(repeating: 0, count: planes * inputPlane)
                for position in 0..<outputPlane {
                    var taps = 0
                    box.forEachTap(position) { _, _ in taps += 1 }
                    let count = Element(countsPadding ? box.paddedTapCount(position) : taps)
                    box.forEachTap(position) { _, source in
                        for plane in 0..<planes {
                            dx[plane * inputPlane + source] += dy[plane * outputPlane + position] / count
                        }
                    }
                }
            }
        }
    }
}

/// GlobalMaxPoolGradient and GlobalAveragePoolGradient, this engine's own: the gradients of the pools over all
/// dimensions after the second. Operands: the output's gradient, the input. Of several greatest elements the first gets
/// all.
struct GlobalPoolGradientOperator: Operator {
    private let isMax: Bool

    init(_ node: inout NodeReader) throws(GraphError) {
        isMax = node.node.node.operatorType == "GlobalMaxPoolGradient"
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, in: Operands.gradientTypes)
        let input = try operands.type(1, among: type.elementType).shape
        guard input.rank >= 3, type.shape.elementCount == input[0] * input[1] else {
            throw operands.error(.shapeMismatch, "input is \(input), the output's gradient \(type.shape)")
        }
        return [TensorType(elementType: type.elementType, shape: input)]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let rows = try operands.shape(0).elementCount
        let length = outputs[0].shape.dimensions[2...].reduce(1, *)
        return try operands.visitGradientKernels(
            outputs[0].elementType, Visitor(rows: rows, length: length, isMax: isMax))
    }

    private struct Visitor: GradientKernelVisitor {
        let rows: Int
        let length: Int
        let isMax: Bool

        func visit<Element: GradientKernelElement>(_ kernels: GradientKernels<Element>) throws(GraphError) -> Kernel {
            let (rows, length, isMax) = (rows, length, isMax)
            return Kernel { arguments in
                let dy = arguments.input(0, as: Element.self)
                let x = arguments.input(1, as: Element.self)
                let dx = arguments.output(0, as: Element.self)
                for row in 0..<rows {
                    let target = dx + row * length
                    guard isMax else {
                        target.update(repeating: dy[row] / Element(length), count: length)
                        continue
                    }
                    target.update(repeating: 0, count: length)
                    let source = x + row * length
                    var place = 0
                    for index in 1..<max(length, 1)
                    where source[index] > source[place] || (source[index].isNaN && !source[place].isNaN) {
                        place = index
                    }
                    target[place] = dy[row]
                }
            }
        }
    }
}
