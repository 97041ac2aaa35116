import CTensorKernels

/// MaxPool and AveragePool (opset 1 to 22); of float32 over one or two spatial dimensions by vector kernels. NaN under
/// a window makes its result NaN.
struct PoolOperator: Operator {
    private let attributes: WindowAttributes
    private let isMax: Bool
    private let countsPadding: Bool
    /// For other types than float32, more dimensions, and indices.
    private let general: GeneralPoolOperator

    init(_ node: inout NodeReader) throws(GraphError) {
        general = try GeneralPoolOperator(&node)
        isMax = node.node.node.operatorType == "MaxPool"
        attributes = try WindowAttributes(&node, hasCeilMode: true)
        countsPadding = isMax ? false : try node.bool("count_include_pad", default: false)
        // Only the order of indices depends on it.
        if isMax { _ = try node.int("storage_order", default: 0) }
        guard attributes.kernelShape != nil else {
            throw node.error(.invalidGraph, "attribute 'kernel_shape' is missing")
        }
    }

    private func geometry(_ operands: Operands) throws(GraphError) -> WindowGeometry {
        let input = try operands.shape(0)
        guard input.rank >= 3 else {
            throw operands.error(.shapeMismatch, "input has \(input.rank) dimensions, expected 3 or 4: \(input)")
        }
        let geometry = try WindowGeometry(
            attributes, spatial: Array(input.dimensions[2...]), kernel: attributes.kernelShape ?? [], operands)
        let window = geometry.window
        let reach = (
            (window.kernel_height - 1) * window.dilation_height, (window.kernel_width - 1) * window.dilation_width
        )
        guard window.pad_top <= reach.0, window.pad_left <= reach.1,
            geometry.padsEnd.0 <= reach.0, geometry.padsEnd.1 <= reach.1
        else {
            throw operands.error(.shapeMismatch, "pads \(attributes.pads ?? []) are not smaller than the window")
        }
        return geometry
    }

    private func isPlain(_ operands: Operands) throws(GraphError) -> Bool {
        let type = try operands.type(0)
        return type.elementType == .float32 && type.shape.rank <= 4 && !operands.hasOutput(1)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        guard try isPlain(operands) else { return try general.outputTypes(operands) }
        let type = try operands.type(0)
        let extents = try geometry(operands).outputExtents
        let shape = try operands.makeShape(type.shape.dimensions[..<2] + extents)
        return [TensorType(elementType: .float32, shape: shape)]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        guard try isPlain(operands) else { return try general.kernel(operands, outputs: outputs) }
        let geometry = try geometry(operands)
        let planes = outputs[0].shape[0] * outputs[0].shape[1]
        let kernels = operands.kernels
        if isMax {
            return Kernel { arguments in
                var window = geometry.window
                for plane in 0..<planes {
                    kernels.functions.max_pool(
                        &window, arguments.input(0) + plane * geometry.inputPlane,
                        arguments.output(0) + plane * geometry.outputPlane)
                }
            }
        }
        let rowCounts = geometry.tapCounts(height: true, includingPadding: countsPadding)
        let columnCounts = geometry.tapCounts(height: false, includingPadding: countsPadding)
        return Kernel { arguments in
            var window = geometry.window
            for plane in 0..<planes {
                kernels.functions.average_pool(
                    &window, arguments.input(0) + plane * geometry.inputPlane, rowCounts, columnCounts,
                    arguments.output(0) + plane * geometry.outputPlane)
            }
        }
    }
}

/// GlobalAveragePool and GlobalMaxPool (opset 1, 22): over all dimensions after the second.
struct GlobalPoolOperator: Operator {
    private let isMax: Bool

    init(_ node: inout NodeReader) throws(GraphError) {
        isMax = node.node.node.operatorType == "GlobalMaxPool"
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, among: .float32, .float64)
        guard type.shape.rank >= 3 else {
            throw operands.error(
                .shapeMismatch, "input has \(type.shape.rank) dimensions, expected at least 3: \(type.shape)")
        }
        let ones = [Int](repeating: 1, count: type.shape.rank - 2)
        return [
            TensorType(
                elementType: type.elementType, shape: try operands.makeShape(type.shape.dimensions[..<2] + ones))
        ]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let rows = outputs[0].shape.elementCount
        let length = try operands.shape(0).dimensions[2...].reduce(1, *)
        let kernels = operands.kernels
        guard outputs[0].elementType == .float32 else { return doubleKernel(rows, length) }
        let reduce = isMax ? kernels.functions.row_max : kernels.functions.row_mean
        return Kernel { arguments in
            reduce?(arguments.input(0), arguments.output(0), rows, length)
        }
    }

    private func doubleKernel(_ rows: Int, _ length: Int) -> Kernel {
        let isMax = isMax
        return Kernel { arguments in
            for row in 0..<rows {
                let values = UnsafeBufferPointer(
                    start: arguments.input(0, as: Double.self) + row * length, count: length)
                let hasNaN = isMax && values.contains { $0.isNaN }
                arguments.output(0, as: Double.self)[row] =
                    isMax
                    ? (hasNaN ? .nan : values.reduce(-.infinity) { $1 > $0 ? $1 : $0 })
                    : values.reduce(0, +) / Double(length)
            }
        }
    }
}
