import Glibc

/// HannWindow, HammingWindow and BlackmanWindow (opset 17) of a number of samples.
struct WindowFunctionOperator: WholeTensorOperator {
    private let weights: [Double]
    private let isPeriodic: Bool
    private let elementType: ElementType

    init(_ node: inout NodeReader) throws(GraphError) {
        switch node.node.node.operatorType {
        case "HannWindow": weights = [0.5, -0.5]
        case "HammingWindow": weights = [25.0 / 46, -21.0 / 46]
        default: weights = [0.42, -0.5, 0.08]
        }
        isPeriodic = try node.bool("periodic", default: true)
        elementType =
            node.node.node.attributes["output_datatype"] == nil ? .float32 : try node.elementType("output_datatype")
    }

    func evaluate(_ operands: Operands) throws(GraphError) -> [Tensor] {
        let sizes = try operands.constantIntegers(0, meaning: "size")
        guard sizes.count == 1, sizes[0] >= 0, sizes[0] <= operands.options.maximumTensorElementCount else {
            throw operands.error(
                .limitExceeded,
                "size is \(sizes), expected one number up to \(operands.options.maximumTensorElementCount)")
        }
        let count = sizes[0]
        let period = Double(isPeriodic ? count : count - 1)
        let values = (0..<count).map { index in
            weights.enumerated().reduce(0.0) { sum, term in
                sum + term.element * cos(2 * Double.pi * Double(term.offset * index) / max(period, 1))
            }
        }
        let shape = try operands.makeShape([count])
        return [
            Tensor(elementType, shape: shape) { target in
                values.withUnsafeBytes { source in
                    guard let from = source.baseAddress, let to = target.baseAddress, count > 0 else { return }
                    ElementConversion(from: .float64, to: elementType).convert(from, to: to, count)
                }
            }
        ]
    }
}

/// DFT (opset 17, 20): the discrete Fourier transform along an axis, by its definition; the last axis holds real and
/// imaginary parts.
struct DFTOperator: Operator {
    private let isInverse: Bool
    private let isOneSided: Bool
    private let axisAttribute: Int?

    /// Multiply-adds of one call.
    private static let maximumCost = 1 << 34

    init(_ node: inout NodeReader) throws(GraphError) {
        isInverse = try node.bool("inverse", default: false)
        isOneSided = try node.bool("onesided", default: false)
        axisAttribute = node.operatorSetVersion < 20 ? try node.int("axis", default: 1) : nil
    }

    /// The axis, the number of samples, and the extent of the output.
    private func plan(_ operands: Operands) throws(GraphError) -> (axis: Int, samples: Int, extent: Int) {
        let shape = try operands.shape(0)
        guard shape.rank >= 2, (1...2).contains(shape[shape.rank - 1]) else {
            throw operands.error(.shapeMismatch, "input is \(shape), expected a last extent of 1 or 2")
        }
        var axis = axisAttribute ?? -2
        if operands.has(2) { axis = try operands.constantIntegers(2, meaning: "axis").first ?? -2 }
        axis = try operands.normalizedAxis(axis, rank: shape.rank)
        guard axis < shape.rank - 1 else {
            throw operands.error(.shapeMismatch, "axis \(axis) is that of the real and imaginary parts")
        }
        var samples = isInverse && isOneSided ? 2 * (shape[axis] - 1) : shape[axis]
        if operands.has(1) { samples = try operands.constantIntegers(1, meaning: "dft_length").first ?? samples }
        let (cost, overflow) = shape.elementCount.multipliedReportingOverflow(by: max(samples, 1))
        guard samples >= 1, !overflow, cost <= Self.maximumCost else {
            throw operands.error(.limitExceeded, "\(samples) samples of \(shape) are too many or none")
        }
        return (axis, samples, isOneSided && !isInverse ? samples / 2 + 1 : samples)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, in: ElementType.floatingPoint)
        let (axis, _, extent) = try plan(operands)
        var dimensions = type.shape.dimensions
        dimensions[axis] = extent
        dimensions[dimensions.count - 1] = isInverse && isOneSided ? 1 : 2
        return [TensorType(elementType: type.elementType, shape: try operands.makeShape(dimensions))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let type = try operands.type(0)
        let (axis, samples, extent) = try plan(operands)
        let parts = type.shape[type.shape.rank - 1]
        let (given, inner) = (type.shape[axis], type.shape.dimensions[(axis + 1)...].dropLast().reduce(1, *))
        let outer = type.shape.dimensions[..<axis].reduce(1, *)
        let outputParts = outputs[0].shape[outputs[0].shape.rank - 1]
        let (isInverse, mirrors) = (isInverse, isInverse && isOneSided)
        return Kernel { arguments in
            let x = arguments.doubles(0, type)
            let angles = (0..<samples).map { (isInverse ? 2 : -2) * Double.pi * Double($0) / Double(samples) }
            let (cosines, sines) = (angles.map { cos($0) }, angles.map { sin($0) })
            var y = [Double](repeating: 0, count: outputs[0].shape.elementCount)
            for row in 0..<outer * inner {
                let (block, place) = (row / inner, row % inner)
                func sample(_ index: Int) -> (Double, Double) {
                    // The other half of a real signal's spectrum is the conjugate.
                    let isMirrored = mirrors && index >= given
                    let source = isMirrored ? samples - index : index
                    guard source < given else { return (0, 0) }
                    let base = ((block * given + source) * inner + place) * parts
                    let imaginary = parts == 2 ? x[base + 1] : 0
                    return (x[base], isMirrored ? -imaginary : imaginary)
                }
                let signal = (0..<samples).map(sample)
                for k in 0..<extent {
                    var (real, imaginary) = (0.0, 0.0)
                    for (n, value) in signal.enumerated() {
                        let turn = k * n % samples
                        real += value.0 * cosines[turn] - value.1 * sines[turn]
                        imaginary += value.0 * sines[turn] + value.1 * cosines[turn]
                    }
                    let scale = isInverse ? 1 / Double(samples) : 1
                    let target = ((block * extent + k) * inner + place) * outputParts
                    y[target] = real * scale
                    if outputParts == 2 { y[target + 1] = imaginary * scale }
                }
            }
            arguments.store(y, 0, outputs[0])
        }
    }
}
