import CTensorKernels

/// RNNGradient, LSTMGradient, GRUGradient and their masked forms, this engine's own: gradients through time (Werbos,
/// "Backpropagation through time", 1990).
///
/// Operands, those that there are not omitted: X, W, R, nothing, sequence_lens, three times nothing, what the training
/// form kept, the gradients of Y, Y_h and Y_c, the mask; the forward operator's attributes. Outputs: the gradients of
/// X, W, R, B, initial_h and initial_c, those that are needed.
struct RecurrentGradientOperator: Operator {
    enum Input { static let reserve = 8, sequence = 9, hidden = 10, state = 11 }
    enum Output { static let x = 0, w = 1, r = 2, bias = 3, hidden = 4, state = 5 }

    private let training: RecurrentTraining

    init(_ node: inout NodeReader) throws(GraphError) { training = try RecurrentTraining(&node) }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let shape = try training.shape(operands)
        let (directions, batch, units) = (shape.directions, shape.batch, shape.hidden)
        let state = shape.isBatchFirst ? [batch, directions, units] : [directions, batch, units]
        let sequence =
            shape.isBatchFirst
            ? [batch, shape.steps, directions, units] : [shape.steps, directions, batch, units]
        let expected = [
            Input.reserve: [directions, RecurrentReserve(training, shape).count], Input.sequence: sequence,
            Input.hidden: state, Input.state: state,
        ]
        for (index, dimensions) in expected.sorted(by: { $0.key < $1.key }) where operands.has(index) {
            let found = try operands.type(index, among: shape.elementType).shape
            guard found.dimensions == dimensions else {
                throw operands.error(.shapeMismatch, "input \(index) is \(found), expected \(dimensions)")
            }
        }
        _ = try operands.operand(Input.reserve)
        let shapes = [
            try operands.shape(0).dimensions, try operands.shape(1).dimensions, try operands.shape(2).dimensions,
            [directions, 2 * shape.gateRows], state, state,
        ]
        var types: [TensorType] = []
        for dimensions in shapes {
            types.append(TensorType(elementType: shape.elementType, shape: try operands.makeShape(dimensions)))
        }
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
            RecurrentBackward(training, shape, operands, kernels).kernel
        }
    }
}

/// Runs a recurrent layer backward: step by step from the last, then the weights' gradients as one product each over
/// the rows of all steps.
private struct RecurrentBackward<Element: GradientKernelElement>: Sendable {
    private typealias Input = RecurrentGradientOperator.Input
    private typealias Output = RecurrentGradientOperator.Output
    private typealias Pointer = UnsafeMutablePointer<Element>

    private let training: RecurrentTraining
    private let functions: [[mk_gate_function]]
    private let shape: RecurrentShape
    private let kernels: GradientKernels<Element>
    private let reserve: RecurrentReserve
    private let schedule: RecurrentSchedule
    private let has: [Bool]
    private let wants: [Bool]
    private let memory: Memory
    private let scratchByteCount: Int
    private let identity: [Int]
    /// The starts of rows of all steps.
    private let gateRows: [Int]
    private let unitRows: [Int]

    /// Offsets of the scratch memory's parts.
    private struct Memory: Sendable {
        var gates = 0, extra = 0, hidden = 0, state = 0
        /// Right operands: recurrent weights, GRU's third gate's, and one that changes.
        var stateWeights = 0, freshWeights = 0, operand = 0
        var inputs = 0, sums = 0
    }

    init(
        _ training: RecurrentTraining, _ shape: RecurrentShape, _ operands: Operands,
        _ kernels: GradientKernels<Element>
    ) {
        (self.training, self.shape, self.kernels) = (training, shape, kernels)
        functions = training.functions
        reserve = RecurrentReserve(training, shape)
        has = (0..<12).map { operands.has($0) }
        wants = (0..<6).map { operands.hasOutput($0) }
        let (units, width, rows) = (shape.hidden, shape.gateRows, shape.steps * shape.batch)
        var layout = ScratchLayout()
        schedule = RecurrentSchedule(training.attributes, shape, operands, &layout)
        var memory = Memory()
        memory.gates = layout.take(rows * width, of: Element.self)
        memory.extra = layout.take(rows * units, of: Element.self)
        memory.hidden = layout.take(shape.batch * units, of: Element.self)
        memory.state = layout.take(shape.batch * units, of: Element.self)
        memory.stateWeights = layout.take(kernels.packedCount(k: width, n: units), of: Element.self)
        memory.freshWeights = layout.take(kernels.packedCount(k: units, n: units), of: Element.self)
        memory.operand = layout.take(
            max(
                kernels.packedCount(k: rows, n: max(units, shape.inputSize)),
                kernels.packedCount(k: width, n: shape.inputSize)), of: Element.self)
        memory.inputs = layout.take(wants[Output.x] ? rows * shape.inputSize : 0, of: Element.self)
        memory.sums = layout.take(width, of: Double.self)
        self.memory = memory
        scratchByteCount = layout.byteCount
        identity = Array(0..<max(width, shape.inputSize))
        gateRows = (0..<rows).map { $0 * width }
        unitRows = (0..<rows).map { $0 * units }
    }

    var kernel: Kernel {
        Kernel(scratchByteCount: scratchByteCount) { arguments in
            for direction in 0..<shape.directions {
                let kept = arguments.input(Input.reserve, as: Element.self) + direction * reserve.count
                schedule.fill(direction, arguments)
                runSteps(direction, arguments, kept)
                addUpWeights(direction, arguments, kept)
                if wants[Output.x] { flowToInput(direction, arguments) }
            }
        }
    }

    private var isGRU: Bool { if case .gru = training.cell { true } else { false } }

    private func runSteps(
        _ direction: Int, _ arguments: borrowing KernelArguments, _ kept: UnsafePointer<Element>
    ) {
        let (units, width, batch) = (shape.hidden, shape.gateRows, shape.batch)
        let active = schedule.isRegular ? nil : arguments.scratch(at: schedule.active, as: UInt8.self)
        let dhidden = arguments.scratch(at: memory.hidden, as: Element.self)
        let dstate = arguments.scratch(at: memory.state, as: Element.self)
        let r = arguments.scratch(at: memory.stateWeights, as: Element.self)
        let fresh = arguments.scratch(at: memory.freshWeights, as: Element.self)
        let recurrent = arguments.input(2, as: Element.self) + direction * width * units
        let stateGates = isGRU ? 2 * units : width
        kernels.pack(stateGates, 0, stateGates, units, recurrent, units, 1, r)
        if isGRU { kernels.pack(units, 0, units, units, recurrent + stateGates * units, units, 1, fresh) }
        load(Input.hidden, direction, into: dhidden, arguments)
        load(Input.state, direction, into: dstate, arguments)
        let functions = functions[direction]
        for index in (0..<shape.steps).reversed() {
            if has[Input.sequence] { addFlow(index, to: dhidden, arguments) }
            let gates = kept + reserve.gates + index * batch * width
            let hidden = kept + reserve.hidden + index * batch * units
            let extra = kept + reserve.extra + index * batch * units
            let dgates = arguments.scratch(at: memory.gates, as: Element.self) + index * batch * width
            let dextra = arguments.scratch(at: memory.extra, as: Element.self) + index * batch * units
            let rows = active.map { UnsafePointer($0 + index * batch) }
            switch training.cell {
            case .rnn:
                kernels.rnnBackward(functions[0], batch, units, rows, gates, dhidden, dgates)
            case .lstm:
                let state = kept + reserve.state + index * batch * units
                kernels.lstmBackward(functions, batch, units, rows, gates, state, extra, dhidden, dstate, dgates)
            case .gru(let resetsAfter):
                kernels.gruBackward(
                    functions[0], functions[1], resetsAfter ? 1 : 0, batch, units, rows, gates, hidden, extra, dhidden,
                    dgates, dextra)
                if resetsAfter {
                    multiply(dextra, unitRows, units, fresh, addingTo: dhidden)
                } else {
                    kernels.product(
                        batch, units, units, dgates + 2 * units, gateRows, identity, fresh, nil, 0, dextra, units)
                    kernels.gruBackwardReset(functions[0], batch, units, gates, hidden, dextra, dhidden, dgates)
                }
            }
            multiply(dgates, gateRows, stateGates, r, addingTo: dhidden)
        }
        store(Output.hidden, direction, from: dhidden, arguments)
        store(Output.state, direction, from: dstate, arguments)
    }

    /// `target[batch, units] += flow[batch, k] · packed`.
    private func multiply(
        _ flow: UnsafePointer<Element>, _ rows: [Int], _ k: Int, _ packed: UnsafePointer<Element>,
        addingTo target: Pointer
    ) {
        let units = shape.hidden
        kernels.product(shape.batch, units, k, flow, rows, identity, packed, target, units, target, units)
    }

    private func addFlow(_ index: Int, to dhidden: Pointer, _ arguments: borrowing KernelArguments) {
        let flow = arguments.input(Input.sequence, as: Element.self)
        let outputs = arguments.scratch(at: schedule.outputs, as: Int.self) + index * shape.batch
        let emits = arguments.scratch(at: schedule.emits, as: UInt8.self) + index * shape.batch
        for row in 0..<shape.batch where emits[row] != 0 {
            let (source, target) = (flow + outputs[row], dhidden + row * shape.hidden)
            for unit in 0..<shape.hidden { target[unit] += source[unit] }
        }
    }

    private func addUpWeights(
        _ direction: Int, _ arguments: borrowing KernelArguments, _ kept: UnsafePointer<Element>
    ) {
        let (units, width, rows) = (shape.hidden, shape.gateRows, shape.steps * shape.batch)
        let dgates = arguments.scratch(at: memory.gates, as: Element.self)
        let dextra = arguments.scratch(at: memory.extra, as: Element.self)
        let operand = arguments.scratch(at: memory.operand, as: Element.self)
        let hasSeparate = training.cell == .gru(resetsAfter: true)
        if wants[Output.w] {
            let inputs = arguments.scratch(at: schedule.inputs, as: Int.self)
            let k = shape.inputSize
            kernels.packGathered(rows, k, arguments.input(0, as: Element.self), inputs, 1, operand)
            kernels.product(
                width, k, rows, dgates, identity, gateRows, operand, nil, 0,
                arguments.output(Output.w, as: Element.self) + direction * width * k, k)
        }
        if wants[Output.r] {
            let target = arguments.output(Output.r, as: Element.self) + direction * width * units
            kernels.pack(rows, 0, rows, units, kept + reserve.hidden, units, 1, operand)
            let stateGates = isGRU ? 2 * units : width
            kernels.product(stateGates, units, rows, dgates, identity, gateRows, operand, nil, 0, target, units)
            let last = target + stateGates * units
            if hasSeparate {
                kernels.product(units, units, rows, dextra, identity, unitRows, operand, nil, 0, last, units)
            } else if isGRU {
                kernels.pack(rows, 0, rows, units, kept + reserve.extra, units, 1, operand)
                kernels.product(
                    units, units, rows, dgates + stateGates, identity, gateRows, operand, nil, 0, last, units)
            }
        }
        if wants[Output.bias] {
            let sums = arguments.scratch(at: memory.sums, as: Double.self)
            let target = arguments.output(Output.bias, as: Element.self) + direction * 2 * width
            kernels.channelSum(dgates, rows, width, 1, sums, target)
            (target + width).update(from: target, count: width)
            if hasSeparate { kernels.channelSum(dextra, rows, units, 1, sums, target + width + 2 * units) }
        }
    }

    private func flowToInput(_ direction: Int, _ arguments: borrowing KernelArguments) {
        let (width, k, rows) = (shape.gateRows, shape.inputSize, shape.steps * shape.batch)
        let operand = arguments.scratch(at: memory.operand, as: Element.self)
        let flows = arguments.scratch(at: memory.inputs, as: Element.self)
        let places = arguments.scratch(at: schedule.inputs, as: Int.self)
        let dx = arguments.output(Output.x, as: Element.self)
        kernels.pack(width, 0, width, k, arguments.input(1, as: Element.self) + direction * width * k, k, 1, operand)
        kernels.product(
            rows, k, width, arguments.scratch(at: memory.gates, as: Element.self), gateRows, identity, operand, nil, 0,
            flows, k)
        for row in 0..<rows {
            let (source, target) = (flows + row * k, dx + places[row])
            if direction == 0 {
                target.update(from: source, count: k)
            } else {
                for index in 0..<k { target[index] += source[index] }
            }
        }
    }

    private func load(
        _ index: Int, _ direction: Int, into target: Pointer, _ arguments: borrowing KernelArguments
    ) {
        guard has[index] else { return target.update(repeating: 0, count: shape.batch * shape.hidden) }
        let source = arguments.input(index, as: Element.self)
        for row in 0..<shape.batch {
            (target + row * shape.hidden)
                .update(from: source + shape.stateOffset(direction: direction, row: row), count: shape.hidden)
        }
    }

    private func store(
        _ index: Int, _ direction: Int, from source: Pointer, _ arguments: borrowing KernelArguments
    ) {
        guard wants[index] else { return }
        let target = arguments.output(index, as: Element.self)
        for row in 0..<shape.batch {
            (target + shape.stateOffset(direction: direction, row: row))
                .update(from: source + row * shape.hidden, count: shape.hidden)
        }
    }
}
