import CTensorKernels

/// RNNTraining, LSTMTraining, GRUTraining and their masked forms, this engine's own: the forward operators with one
/// more output, the last, that keeps gates and states for the gradient: [directions, elements].
struct RecurrentTrainingOperator: Operator {
    private let training: RecurrentTraining

    init(_ node: inout NodeReader) throws(GraphError) { training = try RecurrentTraining(&node) }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let shape = try training.shape(operands)
        var types = try shape.outputTypes(operands)
        let reserve = try operands.makeShape([shape.directions, RecurrentReserve(training, shape).count])
        types[types.count - 1] = TensorType(elementType: shape.elementType, shape: reserve)
        return types
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let shape = try training.shape(operands)
        return try operands.visitGradientKernels(
            shape.elementType, Visitor(training: training, shape: shape, operands: operands))
    }

    private struct Visitor: GradientKernelVisitor {
        let training: RecurrentTraining
        let shape: RecurrentShape
        let operands: Operands

        func visit<Element: GradientKernelElement>(_ kernels: GradientKernels<Element>) throws(GraphError) -> Kernel {
            RecurrentForward(training, shape, operands, kernels, keeps: true).kernel
        }
    }
}

extension RecurrentTraining {
    /// The forward operator of float64, for which there are no vector kernels.
    func doubleKernel(_ shape: RecurrentShape, _ operands: Operands) throws(GraphError) -> Kernel {
        let known = [MK_GATE_SIGMOID, MK_GATE_TANH, MK_GATE_RELU]
        let isKnown = attributes.activations.joined().allSatisfy { known.contains($0.function) }
        guard isKnown, attributes.clip == .infinity else {
            throw operands.error(
                .unsupported, "activations or clip, supported of float64: Sigmoid, Tanh, Relu, no clip")
        }
        return RecurrentForward(self, shape, operands, Double.gradientKernels(operands.kernels), keeps: false).kernel
    }
}

/// Runs a recurrent layer forward and keeps everything: the input's product with its weights for all steps at once,
/// then step by step.
private struct RecurrentForward<Element: GradientKernelElement>: Sendable {
    private let training: RecurrentTraining
    private let functions: [[mk_gate_function]]
    private let shape: RecurrentShape
    private let kernels: GradientKernels<Element>
    private let reserve: RecurrentReserve
    private let schedule: RecurrentSchedule
    private let inputWeights: Int
    private let stateWeights: Int
    private let freshWeights: Int
    private let bias: Int
    private let scratchByteCount: Int
    /// Where there is no output to keep gates and states in.
    private let keptInScratch: Int?
    private let has: [Bool]
    private let outputs: [Bool]
    /// 0, 1, 2, …; and the starts of rows of units.
    private let identity: [Int]
    private let unitRows: [Int]

    init(
        _ training: RecurrentTraining, _ shape: RecurrentShape, _ operands: Operands,
        _ kernels: GradientKernels<Element>, keeps: Bool
    ) {
        (self.training, self.shape, self.kernels) = (training, shape, kernels)
        functions = training.functions
        reserve = RecurrentReserve(training, shape)
        var layout = ScratchLayout()
        schedule = RecurrentSchedule(training.attributes, shape, operands, &layout)
        let units = shape.hidden
        inputWeights = layout.take(kernels.packedCount(k: shape.inputSize, n: shape.gateRows), of: Element.self)
        stateWeights = layout.take(kernels.packedCount(k: units, n: shape.gateRows), of: Element.self)
        freshWeights = layout.take(kernels.packedCount(k: units, n: units), of: Element.self)
        bias = layout.take(2 * shape.gateRows, of: Element.self)
        keptInScratch = keeps ? nil : layout.take(reserve.count, of: Element.self)
        scratchByteCount = layout.byteCount
        let last = training.attributes.isMasked ? operands.count - 1 : operands.count
        has = (0..<8).map { $0 < last && operands.has($0) }
        outputs = operands.node.node.outputs.dropLast(keeps ? 1 : 0).map { !$0.isEmpty }
        identity = Array(0..<max(shape.inputSize, units))
        unitRows = (0..<shape.batch).map { $0 * units }
    }

    var kernel: Kernel {
        let last = outputs.count
        return Kernel(scratchByteCount: scratchByteCount) { arguments in
            for direction in 0..<shape.directions {
                if let keptInScratch {
                    run(direction, arguments, arguments.scratch(at: keptInScratch))
                } else {
                    run(direction, arguments, arguments.output(last) + direction * reserve.count)
                }
            }
        }
    }

    private func run(
        _ direction: Int, _ arguments: borrowing KernelArguments, _ kept: UnsafeMutablePointer<Element>
    ) {
        let (units, width, batch) = (shape.hidden, shape.gateRows, shape.batch)
        schedule.fill(direction, arguments)
        let inputRows = arguments.scratch(at: schedule.inputs, as: Int.self)
        let active = schedule.isRegular ? nil : arguments.scratch(at: schedule.active, as: UInt8.self)
        let w = arguments.scratch(at: inputWeights, as: Element.self)
        let r = arguments.scratch(at: stateWeights, as: Element.self)
        let fresh = arguments.scratch(at: freshWeights, as: Element.self)
        let (addend, freshAddend) = prepareBias(direction, arguments)
        kernels.pack(
            shape.inputSize, 0, shape.inputSize, width,
            arguments.input(1, as: Element.self) + direction * width * shape.inputSize, 1, shape.inputSize, w)
        // GRU's third gate has a product of its own.
        let stateGates = if case .gru = training.cell { 2 * units } else { width }
        let recurrent = arguments.input(2, as: Element.self) + direction * width * units
        kernels.pack(units, 0, units, stateGates, recurrent, 1, units, r)
        if stateGates < width { kernels.pack(units, 0, units, units, recurrent + stateGates * units, 1, units, fresh) }
        load(RecurrentShape.Input.initialHidden, direction, into: kept + reserve.hidden, arguments)
        if training.hasState {
            load(RecurrentShape.Input.initialState, direction, into: kept + reserve.state, arguments)
        }
        kernels.product(
            shape.steps * batch, width, shape.inputSize, arguments.input(0, as: Element.self), inputRows, identity, w,
            addend, 0, kept + reserve.gates, width)
        let functions = functions[direction]
        for index in 0..<shape.steps {
            let gates = kept + reserve.gates + index * batch * width
            let hidden = kept + reserve.hidden + index * batch * units
            let next = hidden + batch * units
            let extra = kept + reserve.extra + index * batch * units
            let rows = active.map { UnsafePointer($0 + index * batch) }
            kernels.product(batch, stateGates, units, hidden, unitRows, identity, r, gates, width, gates, width)
            switch training.cell {
            case .rnn:
                kernels.rnnForward(functions[0], batch, units, rows, gates, hidden, next)
            case .lstm:
                let state = kept + reserve.state + index * batch * units
                kernels.lstmForward(
                    functions, batch, units, rows, gates, hidden, state, next, state + batch * units, extra)
            case .gru(true):
                kernels.product(batch, units, units, hidden, unitRows, identity, fresh, freshAddend, 0, extra, units)
                kernels.gruGates(functions[0], 1, batch, units, gates, hidden, extra)
                kernels.gruForward(functions[1], 1, batch, units, rows, gates, hidden, extra, next)
            case .gru(false):
                kernels.gruGates(functions[0], 0, batch, units, gates, hidden, extra)
                kernels.product(
                    batch, units, units, extra, unitRows, identity, fresh, gates + 2 * units, width,
                    gates + 2 * units, width)
                kernels.gruForward(functions[1], 0, batch, units, rows, gates, hidden, extra, next)
            }
            if outputs[0] { emit(index, from: next, arguments) }
        }
        let final = shape.steps * batch * units
        store(1, direction, from: kept + reserve.hidden + final, arguments)
        if training.hasState { store(2, direction, from: kept + reserve.state + final, arguments) }
    }

    private func emit(
        _ index: Int, from hidden: UnsafePointer<Element>, _ arguments: borrowing KernelArguments
    ) {
        let outputRows = arguments.scratch(at: schedule.outputs, as: Int.self) + index * shape.batch
        let emits = arguments.scratch(at: schedule.emits, as: UInt8.self) + index * shape.batch
        let sequence = arguments.output(0, as: Element.self)
        for row in 0..<shape.batch {
            let target = sequence + outputRows[row]
            if emits[row] != 0 {
                target.update(from: hidden + row * shape.hidden, count: shape.hidden)
            } else {
                target.update(repeating: 0, count: shape.hidden)
            }
        }
    }

    /// The biases to start the gates from, and the one that the reset gate scales; nil without any.
    private func prepareBias(
        _ direction: Int, _ arguments: borrowing KernelArguments
    ) -> (UnsafeMutablePointer<Element>?, UnsafeMutablePointer<Element>?) {
        guard has[RecurrentShape.Input.bias] else { return (nil, nil) }
        let width = shape.gateRows
        let source = arguments.input(RecurrentShape.Input.bias, as: Element.self) + direction * 2 * width
        let target = arguments.scratch(at: bias, as: Element.self)
        let separate = training.cell == .gru(resetsAfter: true) ? 2 * shape.hidden : width
        for index in 0..<width {
            target[index] = index < separate ? source[index] + source[width + index] : source[index]
            target[width + index] = source[width + index]
        }
        return (target, target + 2 * width - shape.hidden)
    }

    private func load(
        _ index: Int, _ direction: Int, into target: UnsafeMutablePointer<Element>,
        _ arguments: borrowing KernelArguments
    ) {
        guard has[index] else { return target.update(repeating: 0, count: shape.batch * shape.hidden) }
        let source = arguments.input(index, as: Element.self)
        for row in 0..<shape.batch {
            (target + row * shape.hidden)
                .update(from: source + shape.stateOffset(direction: direction, row: row), count: shape.hidden)
        }
    }

    private func store(
        _ index: Int, _ direction: Int, from source: UnsafePointer<Element>, _ arguments: borrowing KernelArguments
    ) {
        guard outputs.indices.contains(index), outputs[index] else { return }
        let target = arguments.output(index, as: Element.self)
        for row in 0..<shape.batch {
            (target + shape.stateOffset(direction: direction, row: row))
                .update(from: source + row * shape.hidden, count: shape.hidden)
        }
    }
}
