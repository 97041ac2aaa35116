import CTensorKernels

/// The attributes that RNN, GRU and LSTM share (ONNX, opset 7 to 22).
///
/// Named `Masked…`, they are this engine's own: a last input, float32 [batch, steps] (or [steps, batch]), is 0 where a
/// step is to be skipped: the state stays, and the output repeats, or is zero (attribute `zero_output`). Keras's masks
/// are this.
struct RecurrentAttributes: Sendable {
    enum Direction: String, Sendable { case forward, reverse, bidirectional }

    let direction: Direction
    /// nil: the recurrent weights' extent.
    let hiddenSize: Int?
    /// For each direction, as many as the cell has.
    let activations: [[mk_gate]]
    /// Infinity without one.
    let clip: Float
    /// Whether the batch comes before the steps: the attribute `layout`.
    let isBatchFirst: Bool
    let isMasked: Bool
    let zeroesMaskedSteps: Bool

    var directionCount: Int { direction == .bidirectional ? 2 : 1 }

    func isReverse(_ index: Int) -> Bool { direction == .reverse || index == 1 }

    /// - Parameter defaults: one direction's functions, when the attribute `activations` is absent.
    init(_ node: inout NodeReader, defaults: [RecurrentActivation]) throws(GraphError) {
        let name = try node.string("direction", default: "forward")
        guard let direction = Direction(rawValue: name) else {
            throw node.error(.invalidGraph, "direction is '\(name)', expected forward, reverse or bidirectional")
        }
        self.direction = direction
        let size = try node.int("hidden_size", default: -1)
        let isGiven = node.node.node.attributes["hidden_size"] != nil
        guard !isGiven || size >= 1 else {
            throw node.error(.invalidGraph, "hidden_size is \(size), expected at least 1")
        }
        hiddenSize = isGiven ? size : nil
        let clip = try node.float("clip", default: .infinity)
        // 0 is what some exporters write for none.
        guard clip >= 0 else { throw node.error(.invalidGraph, "clip is \(clip), expected a positive bound") }
        self.clip = clip == 0 ? .infinity : clip
        let layout = try node.int("layout", default: 0)
        guard layout == 0 || layout == 1 else {
            throw node.error(.invalidGraph, "layout is \(layout), expected 0 or 1")
        }
        isBatchFirst = layout == 1
        isMasked = node.node.node.operatorType.hasPrefix("Masked")
        zeroesMaskedSteps = isMasked ? try node.bool("zero_output", default: false) : false
        // What they were for went with opset 7; files still carry it.
        _ = try node.int("output_sequence", default: 0)

        let directions = direction == .bidirectional ? 2 : 1
        let names = try node.strings("activations") ?? []
        var functions = [[RecurrentActivation]](repeating: defaults, count: directions).flatMap { $0 }
        if !names.isEmpty {
            guard names.count == functions.count else {
                throw node.error(
                    .invalidGraph, "activations has \(names.count) names, expected \(functions.count)")
            }
            functions = []
            for name in names {
                guard let function = RecurrentActivation(named: name) else {
                    let known = RecurrentActivation.allCases.map(\.rawValue).joined(separator: ", ")
                    throw node.error(.unsupported, "activation '\(name)', supported: \(known)")
                }
                functions.append(function)
            }
        }
        var alphas = (try node.floats("activation_alpha") ?? [])[...]
        var betas = (try node.floats("activation_beta") ?? [])[...]
        let gates = functions.map { $0.gate(&alphas, &betas) }
        activations = (0..<directions).map { Array(gates[$0 * defaults.count..<($0 + 1) * defaults.count]) }
    }
}
