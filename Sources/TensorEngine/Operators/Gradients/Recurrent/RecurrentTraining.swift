import CTensorKernels

/// What the training forms of RNN, LSTM and GRU and their gradients share: the cell, its shape, and what the forward
/// run keeps for the gradient.
struct RecurrentTraining: Sendable {
    enum Cell: Sendable, Hashable {
        case rnn, lstm
        /// Whether the reset gate is applied to the recurrent product (linear_before_reset), rather than to the state.
        case gru(resetsAfter: Bool)
    }

    let cell: Cell
    let attributes: RecurrentAttributes

    init(_ cell: Cell, _ attributes: RecurrentAttributes) {
        (self.cell, self.attributes) = (cell, attributes)
    }

    /// Reads the attributes of the forward operator.
    /// - Throws: ``GraphError`` naming what has no gradient.
    init(_ node: inout NodeReader) throws(GraphError) {
        let name = node.node.node.operatorType
        try Self.checkActivations(node)
        if name.contains("LSTM") {
            cell = .lstm
            attributes = try RecurrentAttributes(&node, defaults: [.sigmoid, .tanh, .tanh])
            guard try !node.bool("input_forget", default: false) else {
                throw node.error(.unsupported, "input_forget is 1, supported in training: 0")
            }
        } else if name.contains("GRU") {
            cell = .gru(resetsAfter: try node.bool("linear_before_reset", default: false))
            attributes = try RecurrentAttributes(&node, defaults: [.sigmoid, .tanh])
        } else {
            cell = .rnn
            attributes = try RecurrentAttributes(&node, defaults: [.tanh])
        }
        guard attributes.clip == .infinity else {
            throw node.error(.unsupported, "clip is \(attributes.clip), supported in training: none")
        }
    }

    private static func checkActivations(_ node: NodeReader) throws(GraphError) {
        let known: [RecurrentActivation] = [.sigmoid, .tanh, .relu]
        guard case .strings(let names)? = node.node.node.attributes["activations"] else { return }
        for name in names {
            guard let activation = RecurrentActivation(named: name), !known.contains(activation) else { continue }
            let list = known.map(\.rawValue).joined(separator: ", ")
            throw node.error(.unsupported, "activation '\(name)', supported in training: \(list)")
        }
    }

    var gates: Int {
        switch cell {
        case .rnn: 1
        case .lstm: 4
        case .gru: 3
        }
    }

    var hasState: Bool { cell == .lstm }

    func shape(_ operands: Operands) throws(GraphError) -> RecurrentShape {
        let shape = try RecurrentShape(
            attributes, operands, gates: gates, hasState: hasState, types: Operands.gradientTypes)
        let last = attributes.isMasked ? operands.count - 1 : operands.count
        if hasState, operands.has(RecurrentShape.Input.peepholes), RecurrentShape.Input.peepholes < last {
            throw operands.error(.unsupported, "has peepholes (input 7), supported in training: none")
        }
        return shape
    }

    /// The activation functions of each direction, in ONNX's order.
    var functions: [[mk_gate_function]] { attributes.activations.map { $0.map(\.function) } }
}

/// Where the forward run of one direction keeps what its gradient needs, in elements.
struct RecurrentReserve: Sendable {
    /// Gates' values [steps, batch, gates × units].
    let gates: Int
    /// Hidden states before each step and after the last [steps + 1, batch, units]; LSTM's cell states likewise.
    let hidden: Int
    let state: Int
    /// [steps, batch, units]: what LSTM's output gate scales, or for GRU what the reset gate scales
    /// (linear_before_reset) or gives.
    let extra: Int
    /// Elements in one direction.
    let count: Int

    init(_ training: RecurrentTraining, _ shape: RecurrentShape) {
        let units = shape.batch * shape.hidden
        gates = 0
        hidden = shape.steps * shape.batch * shape.gateRows
        state = hidden + (shape.steps + 1) * units
        extra = state + (training.hasState ? (shape.steps + 1) * units : 0)
        count = extra + (training.cell == .rnn ? 0 : shape.steps * units)
    }
}

/// Where each step of each row reads and writes: rows that are reversed by their own lengths, or skip steps, are where
/// others are not. Filled at every run, as it depends on the lengths and the mask.
struct RecurrentSchedule: Sendable {
    /// Offsets into X for [step, row]; into Y likewise.
    let inputs: Int
    let outputs: Int
    /// Whether a row takes a step, and whether its output is the hidden state rather than zero, one byte each.
    let active: Int
    let emits: Int
    /// Whether all rows take all steps.
    let isRegular: Bool
    private let shape: RecurrentShape
    private let attributes: RecurrentAttributes
    private let maskIndex: Int?
    private let hasLengths: Bool

    init(
        _ attributes: RecurrentAttributes, _ shape: RecurrentShape, _ operands: Operands, _ layout: inout ScratchLayout
    ) {
        (self.attributes, self.shape) = (attributes, shape)
        let count = shape.steps * shape.batch
        inputs = layout.take(count, of: Int.self)
        outputs = layout.take(count, of: Int.self)
        active = layout.take(count, of: UInt8.self)
        emits = layout.take(count, of: UInt8.self)
        maskIndex = attributes.isMasked ? operands.count - 1 : nil
        hasLengths = operands.has(RecurrentShape.Input.lengths) && RecurrentShape.Input.lengths != maskIndex
        isRegular = maskIndex == nil && !hasLengths
    }

    func fill(_ direction: Int, _ arguments: borrowing KernelArguments) {
        let inputs = arguments.scratch(at: inputs, as: Int.self)
        let outputs = arguments.scratch(at: outputs, as: Int.self)
        let active = arguments.scratch(at: active, as: UInt8.self)
        let emits = arguments.scratch(at: emits, as: UInt8.self)
        let lengths = hasLengths ? arguments.input(RecurrentShape.Input.lengths, as: Int32.self) : nil
        let mask = maskIndex.map { arguments.input($0, as: Float.self) }
        let isReverse = attributes.isReverse(direction)
        for row in 0..<shape.batch {
            let length = min(max(lengths.map { Int($0[row]) } ?? shape.steps, 0), shape.steps)
            // What a skipped step repeats is an output, which there is none of before the first.
            var hasStarted = false
            for index in 0..<shape.steps {
                let time = index >= length ? index : isReverse ? length - 1 - index : index
                let isSkipped = mask.map { $0[shape.maskOffset(time: time, row: row)] == 0 } ?? false
                let isActive = index < length && !isSkipped
                hasStarted = hasStarted || isActive
                let repeats = index < length && isSkipped && hasStarted && !attributes.zeroesMaskedSteps
                let slot = index * shape.batch + row
                inputs[slot] =
                    (shape.isBatchFirst ? row * shape.steps + time : time * shape.batch + row) * shape.inputSize
                outputs[slot] = shape.sequenceOffset(time: time, direction: direction, row: row)
                active[slot] = isActive ? 1 : 0
                emits[slot] = isActive || repeats ? 1 : 0
            }
        }
    }
}
