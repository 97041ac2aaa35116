import CTensorKernels

/// The attributes that convolutions and pools share, for one or two spatial dimensions.
struct WindowAttributes: Sendable {
    enum AutoPad: String { case notSet = "NOTSET", valid = "VALID", sameUpper = "SAME_UPPER", sameLower = "SAME_LOWER" }

    let kernelShape: [Int]?
    let strides: [Int]?
    let dilations: [Int]?
    let pads: [Int]?
    let autoPad: AutoPad
    let ceils: Bool

    init(_ node: inout NodeReader, hasCeilMode: Bool) throws(GraphError) {
        kernelShape = try node.ints("kernel_shape")
        strides = try node.ints("strides")
        dilations = try node.ints("dilations")
        pads = try node.ints("pads")
        let name = try node.string("auto_pad", default: "NOTSET")
        guard let autoPad = AutoPad(rawValue: name.isEmpty ? "NOTSET" : name) else {
            throw node.error(
                .invalidGraph, "auto_pad is '\(name)', expected NOTSET, VALID, SAME_UPPER or SAME_LOWER")
        }
        if autoPad != .notSet, let pads, pads.contains(where: { $0 != 0 }) {
            throw node.error(.invalidGraph, "auto_pad \(name) and pads \(pads) exclude each other")
        }
        self.autoPad = autoPad
        ceils = hasCeilMode ? try node.bool("ceil_mode", default: false) : false
    }
}

/// A window over exact spatial extents; one spatial dimension is a plane of height 1.
struct WindowGeometry: Sendable {
    let window: mk_window
    let outputExtents: [Int]
    /// Padding after the input, per axis of the plane (height, width).
    let padsEnd: (Int, Int)

    /// - Parameter spatial: the input's extents after batch and channel.
    init(
        _ attributes: WindowAttributes, spatial: [Int], kernel: [Int], _ operands: Operands
    ) throws(GraphError) {
        let rank = spatial.count
        guard rank == 1 || rank == 2 else {
            throw operands.error(
                .unsupported, "input has \(rank + 2) dimensions, supported: 3 or 4 (one or two spatial ones)")
        }
        let box = try WindowBox(attributes, spatial: spatial, kernel: kernel, operands)
        func plane(_ values: [Int], _ missing: Int) -> (Int, Int) {
            rank == 2 ? (values[0], values[1]) : (missing, values[0])
        }
        var window = mk_window()
        (window.input_height, window.input_width) = plane(spatial, 1)
        (window.output_height, window.output_width) = plane(box.output, 1)
        (window.kernel_height, window.kernel_width) = plane(box.kernel, 1)
        (window.stride_height, window.stride_width) = plane(box.strides, 1)
        (window.dilation_height, window.dilation_width) = plane(box.dilations, 1)
        (window.pad_top, window.pad_left) = plane(box.padsBegin, 0)
        self.window = window
        outputExtents = box.output
        padsEnd = plane(box.padsEnd, 0)
    }

    var inputPlane: Int { window.input_height * window.input_width }
    var outputPlane: Int { window.output_height * window.output_width }
    var kernelArea: Int { window.kernel_height * window.kernel_width }

    /// For each output position along an axis, how many taps fall on the input, or on the padded input.
    func tapCounts(height: Bool, includingPadding: Bool) -> [Float] {
        let extent = height ? window.input_height : window.input_width
        let outputs = height ? window.output_height : window.output_width
        let kernel = height ? window.kernel_height : window.kernel_width
        let stride = height ? window.stride_height : window.stride_width
        let dilation = height ? window.dilation_height : window.dilation_width
        let begin = height ? window.pad_top : window.pad_left
        let end = height ? padsEnd.0 : padsEnd.1
        // Counted, not walked: a window may be far larger than its input.
        func taps(from start: Int, before position: Int) -> Int {
            start >= position ? 0 : min(kernel, (position - start + dilation - 1) / dilation)
        }
        return (0..<outputs).map { output in
            let start = output * stride
            return Float(
                includingPadding
                    ? taps(from: start, before: begin + extent + end)
                    : taps(from: start, before: begin + extent) - taps(from: start, before: begin))
        }
    }
}
