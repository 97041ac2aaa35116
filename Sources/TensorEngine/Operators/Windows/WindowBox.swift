/// A window over exact spatial extents of any number of dimensions.
struct WindowBox: Sendable {
    let input: [Int]
    let output: [Int]
    let kernel: [Int]
    let strides: [Int]
    let dilations: [Int]
    let padsBegin: [Int]
    let padsEnd: [Int]

    /// - Parameter spatial: the input's extents after batch and channel.
    init(
        _ attributes: WindowAttributes, spatial: [Int], kernel: [Int], _ operands: Operands
    ) throws(GraphError) {
        let rank = spatial.count
        let kernel = try Self.list(kernel, "kernel_shape", rank, count: rank, default: 1, least: 1, operands)
        let strides = try Self.list(attributes.strides, "strides", rank, count: rank, default: 1, least: 1, operands)
        let dilations = try Self.list(
            attributes.dilations, "dilations", rank, count: rank, default: 1, least: 1, operands)
        let pads = try Self.list(attributes.pads, "pads", rank, count: 2 * rank, default: 0, least: 0, operands)
        var outputs: [Int] = []
        var begin: [Int] = []
        var end: [Int] = []
        for axis in 0..<rank {
            let reach = (kernel[axis] - 1) * dilations[axis] + 1
            let extent = spatial[axis]
            switch attributes.autoPad {
            case .sameUpper, .sameLower:
                let output = (extent + strides[axis] - 1) / strides[axis]
                let total = max((output - 1) * strides[axis] + reach - extent, 0)
                let smaller = total / 2
                outputs.append(output)
                begin.append(attributes.autoPad == .sameUpper ? smaller : total - smaller)
                end.append(attributes.autoPad == .sameUpper ? total - smaller : smaller)
            case .notSet, .valid:
                let padded = extent + pads[axis] + pads[axis + rank]
                guard reach <= padded else {
                    throw operands.error(
                        .shapeMismatch,
                        "window of extent \(reach) is larger than the padded input extent \(padded) on spatial axis \(axis)"
                    )
                }
                let room = padded - reach
                var output = room / strides[axis] + 1
                // The last, partial window counts only if it starts on the input or its leading padding.
                if attributes.ceils, room % strides[axis] != 0, output * strides[axis] < extent + pads[axis] {
                    output += 1
                }
                outputs.append(output)
                begin.append(pads[axis])
                end.append(pads[axis + rank])
            }
        }
        (input, output, self.kernel) = (spatial, outputs, kernel)
        (self.strides, self.dilations) = (strides, dilations)
        (padsBegin, padsEnd) = (begin, end)
    }

    /// An attribute's values, checked.
    static func list(
        _ values: [Int]?, _ name: String, _ rank: Int, count: Int, default value: Int, least: Int, _ operands: Operands
    ) throws(GraphError) -> [Int] {
        guard let values else { return [Int](repeating: value, count: count) }
        guard values.count == count else {
            throw operands.error(
                .shapeMismatch,
                "\(name) has \(values.count) values, expected \(count) for \(rank) spatial dimensions")
        }
        guard values.allSatisfy({ $0 >= least && $0 <= Int(Int32.max) }) else {
            throw operands.error(.shapeMismatch, "\(name) is \(values), expected values from \(least) to 2^31 - 1")
        }
        return values
    }

    var inputPlane: Int { input.reduce(1, *) }
    var outputPlane: Int { output.reduce(1, *) }
    var kernelVolume: Int { kernel.reduce(1, *) }

    /// Calls `body` for each tap of the window at an output position that falls on the input, in the kernel's order.
    func forEachTap(_ position: Int, _ body: (_ tap: Int, _ source: Int) -> Void) {
        var starts = [Int](repeating: 0, count: input.count)
        var rest = position
        for axis in output.indices.reversed() {
            starts[axis] = rest % output[axis] * strides[axis] - padsBegin[axis]
            rest /= output[axis]
        }
        visit(0, 0, 0, starts, body)
    }

    private func visit(
        _ axis: Int, _ tap: Int, _ source: Int, _ starts: [Int], _ body: (_ tap: Int, _ source: Int) -> Void
    ) {
        guard axis < input.count else { return body(tap, source) }
        for step in 0..<kernel[axis] {
            let place = starts[axis] + step * dilations[axis]
            guard place < input[axis] else { break }
            if place >= 0 { visit(axis + 1, tap * kernel[axis] + step, source * input[axis] + place, starts, body) }
        }
    }

    /// How many taps at an output position fall on the padded input.
    func paddedTapCount(_ position: Int) -> Int {
        var rest = position
        var count = 1
        for axis in output.indices.reversed() {
            let start = rest % output[axis] * strides[axis]
            rest /= output[axis]
            let end = padsBegin[axis] + input[axis] + padsEnd[axis]
            count *= start >= end ? 0 : min(kernel[axis], (end - start + dilations[axis] - 1) / dilations[axis])
        }
        return count
    }
}
