import CTensorKernels

/// The attributes of Conv and its gradients, and the extents that they make of the operands' shapes.
struct ConvolutionAttributes: Sendable {
    private let window: WindowAttributes
    private let groups: Int

    init(_ node: inout NodeReader) throws(GraphError) {
        window = try WindowAttributes(&node, hasCeilMode: false)
        groups = try node.int("group", default: 1)
        guard groups >= 1 else { throw node.error(.invalidGraph, "group is \(groups), expected at least 1") }
    }

    /// - Parameters:
    ///   - input: of the forward operator: [images, channels, …].
    ///   - weights: [filters, channels in a group, …].
    func extents(input: Shape, weights: Shape, _ operands: Operands) throws(GraphError) -> ConvolutionExtents {
        guard input.rank >= 3, weights.rank == input.rank else {
            throw operands.error(
                .shapeMismatch, "input \(input), weights \(weights): expected at least 3 dimensions, as many in both")
        }
        guard input[1] % groups == 0, weights[0] % groups == 0, weights[1] == input[1] / groups else {
            throw operands.error(
                .shapeMismatch, "weights \(weights) do not fit \(input[1]) input channels in \(groups) groups")
        }
        let kernel = Array(weights.dimensions[2...])
        if let declared = window.kernelShape, declared != kernel {
            throw operands.error(.shapeMismatch, "kernel_shape is \(declared), the weights have \(kernel)")
        }
        let box = try WindowBox(window, spatial: Array(input.dimensions[2...]), kernel: kernel, operands)
        return ConvolutionExtents(
            images: input[0], groups: groups, channels: weights[1], filters: weights[0] / groups, input: box.input,
            output: box.output, kernel: kernel, strides: box.strides, dilations: box.dilations, pads: box.padsBegin)
    }
}

extension ConvolutionExtents {
    /// Checks the shape of the output's gradient.
    func check(flow: Shape, _ operands: Operands) throws(GraphError) {
        let expected = [images, groups * filters] + output
        guard flow.dimensions == expected else {
            throw operands.error(.shapeMismatch, "the output's gradient is \(flow), expected \(expected)")
        }
    }

    /// The window over one plane, where there are one or two spatial dimensions.
    var window: mk_window? {
        guard input.count <= 2 else { return nil }
        func plane(_ values: [Int], _ missing: Int) -> (Int, Int) {
            values.count == 2 ? (values[0], values[1]) : (missing, values[0])
        }
        var window = mk_window()
        (window.input_height, window.input_width) = plane(input, 1)
        (window.output_height, window.output_width) = plane(output, 1)
        (window.kernel_height, window.kernel_width) = plane(kernel, 1)
        (window.stride_height, window.stride_width) = plane(strides, 1)
        (window.dilation_height, window.dilation_width) = plane(dilations, 1)
        (window.pad_top, window.pad_left) = plane(pads, 0)
        return window
    }
}
