import CTensorKernels

/// TokenPooling, the engine's own: one vector for each row of `[B, S, H]`, by `mode` mean, max or first, over the tokens whose
/// int64 `mask [B, S]` is not 0; with `normalize` 1 divided by its length (sentence-transformers, `Pooling` and
/// `Normalize`). Padding behind the last token changes no bit.
struct TokenPoolingOperator: Operator {
    private enum Mode: String, Sendable { case mean, max, first }

    private let mode: Mode
    private let normalizes: Bool

    init(_ node: inout NodeReader) throws(GraphError) {
        let name = try node.string("mode", default: "mean")
        guard let mode = Mode(rawValue: name) else {
            throw node.error(.unsupported, "mode '\(name)', supported: mean, max, first")
        }
        self.mode = mode
        normalizes = try node.bool("normalize", default: false)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let tokens = try operands.type(0, among: .float32).shape
        guard tokens.rank == 3, tokens[1] > 0 else {
            throw operands.error(.shapeMismatch, "tokens have shape \(tokens), expected [B, S, H]")
        }
        if operands.has(1) {
            let mask = try operands.type(1, among: .int64).shape
            guard mask.dimensions == Array(tokens.dimensions.prefix(2)) else {
                throw operands.error(.shapeMismatch, "mask has shape \(mask), expected [\(tokens[0]), \(tokens[1])]")
            }
        }
        return [TensorType(elementType: .float32, shape: try operands.makeShape([tokens[0], tokens[2]]))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let shape = try operands.shape(0)
        let (batch, sequence, width) = (shape[0], shape[1], shape[2])
        let (mode, normalizes, hasMask, kernels) = (mode, normalizes, operands.has(1), operands.kernels)
        return Kernel { arguments in
            let tokens = arguments.input(0, as: Float.self)
            for row in 0..<batch {
                let source = tokens + row * sequence * width
                let target = arguments.output(0, as: Float.self) + row * width
                if mode == .first {
                    target.update(from: source, count: width)
                } else {
                    let mask = hasMask ? arguments.input(1, as: Int64.self) + row * sequence : nil
                    var count: Float = 0
                    target.update(repeating: mode == .max ? -.infinity : 0, count: width)
                    for token in 0..<sequence where mask.map({ $0[token] != 0 }) ?? true {
                        let vector = source + token * width
                        count += 1
                        if mode == .max {
                            for column in 0..<width { target[column] = max(target[column], vector[column]) }
                        } else {
                            kernels.functions.binary_f32(MK_ADD, target, 1, vector, 1, target, width)
                        }
                    }
                    if mode == .mean {
                        var divisor = max(count, 1e-9)
                        kernels.functions.binary_f32(MK_DIVIDE, target, 1, &divisor, 0, target, width)
                    }
                }
                guard normalizes else { continue }
                var squares = 0.0
                for column in 0..<width { squares += Double(target[column]) * Double(target[column]) }
                var length = max(Float(squares.squareRoot()), 1e-12)
                kernels.functions.binary_f32(MK_DIVIDE, target, 1, &length, 0, target, width)
            }
        }
    }
}
