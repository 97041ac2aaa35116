import CTensorKernels

/// BatchNormalization (opset 7 to 15) at inference: `(x - mean) * scale / sqrt(variance + epsilon) + bias` for the
/// channels of dimension 1.
struct BatchNormalizationOperator: Operator {
    let epsilon: Float

    init(_ node: inout NodeReader) throws(GraphError) {
        epsilon = try node.float("epsilon", default: 1e-5)
        _ = try node.float("momentum", default: 0.9)
        guard try !node.bool("training_mode", default: false) else {
            throw node.error(.unsupported, "training_mode is 1, supported: 0")
        }
        guard try node.bool("spatial", default: true) else {
            throw node.error(.unsupported, "spatial is 0, supported: 1")
        }
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, in: Operands.gradientTypes)
        guard type.shape.rank >= 2 else {
            throw operands.error(
                .shapeMismatch, "input has \(type.shape.rank) dimensions, expected at least 2: \(type.shape)")
        }
        for (index, name) in ["scale", "bias", "mean", "variance"].enumerated() {
            let shape = try operands.type(index + 1, among: type.elementType).shape
            guard shape.dimensions == [type.shape[1]] else {
                throw operands.error(.shapeMismatch, "\(name) has shape \(shape), expected [\(type.shape[1])]")
            }
        }
        return [type]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let shape = outputs[0].shape
        let (outer, channels) = (shape[0], shape[1])
        let inner = shape.dimensions[2...].reduce(1, *)
        let (kernels, epsilon) = (operands.kernels, epsilon)
        guard outputs[0].elementType == .float32 else { return doubleKernel(outer, channels, inner) }
        return Kernel(scratchByteCount: channels * 8, placement: .inPlace([0])) { arguments in
            let scales = arguments.scratch(as: Float.self)
            let shifts = scales + channels
            Self.fold(
                scale: arguments.input(1), bias: arguments.input(2), mean: arguments.input(3),
                variance: arguments.input(4), epsilon: epsilon, channels: channels, scales: scales, shifts: shifts)
            kernels.functions.scale_shift(
                arguments.input(0), arguments.output(0), outer, channels, inner, scales, shifts)
        }
    }

    private func doubleKernel(_ outer: Int, _ channels: Int, _ inner: Int) -> Kernel {
        let epsilon = Double(epsilon)
        return Kernel { arguments in
            let (x, y) = (arguments.input(0, as: Double.self), arguments.output(0, as: Double.self))
            for row in 0..<outer * channels {
                let channel = row % channels
                let factor =
                    arguments.input(1, as: Double.self)[channel]
                    / (arguments.input(4, as: Double.self)[channel] + epsilon).squareRoot()
                let (mean, shift) = (
                    arguments.input(3, as: Double.self)[channel], arguments.input(2, as: Double.self)[channel]
                )
                for index in row * inner..<(row + 1) * inner { y[index] = (x[index] - mean) * factor + shift }
            }
        }
    }

    /// The normalization of each channel as one scale and one shift.
    static func fold(
        scale: UnsafePointer<Float>, bias: UnsafePointer<Float>, mean: UnsafePointer<Float>,
        variance: UnsafePointer<Float>, epsilon: Float, channels: Int, scales: UnsafeMutablePointer<Float>,
        shifts: UnsafeMutablePointer<Float>
    ) {
        for channel in 0..<channels {
            let factor = scale[channel] / (variance[channel] + epsilon).squareRoot()
            scales[channel] = factor
            shifts[channel] = bias[channel] - mean[channel] * factor
        }
    }
}
