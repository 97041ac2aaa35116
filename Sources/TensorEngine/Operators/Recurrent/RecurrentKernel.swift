import CTensorKernels

/// Runs a recurrent layer: the input's product for many steps at once, then step by step. Every row is computed from its
/// own sequence alone; how many steps or rows share a product does not show in the bits (``CTensorKernels``).
struct RecurrentKernel<Cell: RecurrentCell>: Sendable {
    private let cell: Cell
    private let attributes: RecurrentAttributes
    private let shape: RecurrentShape
    private let kernels: KernelTable
    private let couplesGates: Bool
    private let inputMatrix: RecurrentMatrix
    private let matrices: [RecurrentMatrix]
    private let stepsAtOnce: Int
    private let memory: Memory
    /// Whether the optional operands are there.
    private let has: [Bool]
    private let maskIndex: Int?
    private let outputs: [Bool]

    /// Floats of projected steps at a time: they stay in the second-level cache.
    private static var projectedCount: Int { 128 << 10 }

    /// Where the scratch memory's parts begin, in floats.
    private struct Memory: Sendable {
        var projected = 0, product = 0, hidden = 0, state = 0, candidate = 0, reset = 0
        var gathered = 0, savedHidden = 0, savedState = 0, started = 0
        var bias = 0, recurrentBias = 0
        var packed: [Int] = []
        var count = 0

        mutating func take(_ floats: Int) -> Int {
            defer { count += (floats + 15) / 16 * 16 }
            return count
        }
    }

    init(
        _ cell: Cell, _ attributes: RecurrentAttributes, _ shape: RecurrentShape, _ operands: Operands,
        couplesGates: Bool = false
    ) throws(GraphError) {
        self.cell = cell
        self.attributes = attributes
        self.shape = shape
        self.couplesGates = couplesGates
        kernels = operands.kernels
        inputMatrix = try RecurrentMatrix(
            operands, input: 1, rows: 0..<shape.gateRows, of: shape.gateRows, k: shape.inputSize,
            directions: shape.directions)
        var matrices: [RecurrentMatrix] = []
        for rows in cell.products(hidden: shape.hidden) {
            matrices.append(
                try RecurrentMatrix(
                    operands, input: 2, rows: rows, of: shape.gateRows, k: shape.hidden, directions: shape.directions))
        }
        self.matrices = matrices
        has = (0..<8).map { operands.has($0) && !(attributes.isMasked && $0 == operands.count - 1) }
        maskIndex = attributes.isMasked ? operands.count - 1 : nil
        outputs = operands.node.node.outputs.map { !$0.isEmpty }
        let isRegular = maskIndex == nil && !has[RecurrentShape.Input.lengths]
        let width = shape.batch * shape.gateRows
        // At least as many rows as a tile of the product has.
        let least = (12 + shape.batch - 1) / shape.batch
        stepsAtOnce =
            isRegular ? min(shape.steps, max(least, Self.projectedCount / width)) : shape.steps
        let units = shape.batch * shape.hidden
        var memory = Memory()
        memory.projected = memory.take(stepsAtOnce * width)
        memory.product = memory.take(width)
        memory.hidden = memory.take(units)
        memory.state = memory.take(units)
        memory.candidate = memory.take(units)
        memory.reset = memory.take(units)
        if !isRegular {
            memory.gathered = memory.take(width)
            memory.savedHidden = memory.take(units)
            memory.savedState = memory.take(units)
            memory.started = memory.take(shape.batch)
        }
        memory.bias = memory.take(shape.gateRows)
        memory.recurrentBias = memory.take(shape.gateRows)
        memory.packed = ([inputMatrix] + matrices).map { memory.take($0.scratchCount) }
        self.memory = memory
    }

    var kernel: Kernel {
        Kernel(scratchByteCount: memory.count * 4) { arguments in
            for direction in 0..<shape.directions { run(direction, arguments) }
        }
    }

    private func run(_ direction: Int, _ arguments: borrowing KernelArguments) {
        let scratch = arguments.scratch(as: Float.self)
        let input = inputMatrix.pointer(direction, arguments, scratch: scratch + memory.packed[0])
        let first = matrices[0].pointer(direction, arguments, scratch: scratch + memory.packed[1])
        let second =
            matrices.count > 1
            ? matrices[1].pointer(direction, arguments, scratch: scratch + memory.packed[2]) : first
        let separate = prepareBias(direction, arguments)
        load(RecurrentShape.Input.initialHidden, direction, into: scratch + memory.hidden, arguments)
        if cell.hasState {
            load(RecurrentShape.Input.initialState, direction, into: scratch + memory.state, arguments)
        }
        var parameters = mk_recurrent_cell()
        let gates = attributes.activations[direction]
        parameters.f = gates[0]
        if gates.count > 1 { parameters.g = gates[1] }
        if gates.count > 2 { parameters.h = gates[2] }
        parameters.clip = attributes.clip
        parameters.couples_gates = couplesGates ? 1 : 0
        if cell.hasState, has[RecurrentShape.Input.peepholes] {
            let peepholes = arguments.input(RecurrentShape.Input.peepholes, as: Float.self)
            parameters.peepholes = peepholes + direction * 3 * shape.hidden
        }
        withUnsafePointer(to: parameters) { parameters in
            func step(_ projected: UnsafePointer<Float>) {
                cell.advance(
                    RecurrentStep(
                        kernels: kernels, cell: parameters, rows: shape.batch, units: shape.hidden,
                        projected: projected, projectedStride: shape.gateRows, hidden: scratch + memory.hidden,
                        state: scratch + memory.state, product: scratch + memory.product,
                        candidate: scratch + memory.candidate, reset: scratch + memory.reset,
                        weights: (first, second),
                        bias: separate ? UnsafePointer(scratch + memory.recurrentBias) : nil))
            }
            if maskIndex != nil || has[RecurrentShape.Input.lengths] {
                project(0, shape.steps, input, arguments)
                runIrregular(direction, arguments, step)
            } else {
                runRegular(direction, input, arguments, step)
            }
        }
        store(1, direction, from: scratch + memory.hidden, arguments)
        store(2, direction, from: scratch + memory.state, arguments)
    }

    /// Every row takes every step.
    private func runRegular(
        _ direction: Int, _ input: UnsafePointer<Float>, _ arguments: borrowing KernelArguments,
        _ step: (UnsafePointer<Float>) -> Void
    ) {
        let scratch = arguments.scratch(as: Float.self)
        let isReverse = attributes.isReverse(direction)
        var done = 0
        while done < shape.steps {
            let count = min(stepsAtOnce, shape.steps - done)
            let start = isReverse ? shape.steps - done - count : done
            project(start, count, input, arguments)
            for index in 0..<count {
                let slot = isReverse ? count - 1 - index : index
                step(scratch + memory.projected + slot * shape.batch * shape.gateRows)
                guard outputs[0] else { continue }
                let sequence = arguments.output(0, as: Float.self)
                for row in 0..<shape.batch {
                    (sequence + shape.sequenceOffset(time: start + slot, direction: direction, row: row))
                        .update(from: scratch + memory.hidden + row * shape.hidden, count: shape.hidden)
                }
            }
            done += count
        }
    }

    /// Rows end at their lengths or skip steps: all are advanced, and those that rest get their states back.
    private func runIrregular(
        _ direction: Int, _ arguments: borrowing KernelArguments, _ step: (UnsafePointer<Float>) -> Void
    ) {
        let scratch = arguments.scratch(as: Float.self)
        let (units, width) = (shape.hidden, shape.gateRows)
        let isReverse = attributes.isReverse(direction)
        let hasLengths = has[RecurrentShape.Input.lengths]
        let lengths = hasLengths ? arguments.input(RecurrentShape.Input.lengths, as: Int32.self) : nil
        let mask = maskIndex.map { arguments.input($0, as: Float.self) }
        let started = scratch + memory.started
        started.update(repeating: 0, count: shape.batch)
        let hidden = scratch + memory.hidden
        let state = scratch + memory.state
        for index in 0..<shape.steps {
            (scratch + memory.savedHidden).update(from: hidden, count: shape.batch * units)
            (scratch + memory.savedState).update(from: state, count: cell.hasState ? shape.batch * units : 0)
            for row in 0..<shape.batch {
                let length = min(max(lengths.map { Int($0[row]) } ?? shape.steps, 0), shape.steps)
                let time = index >= length ? index : isReverse ? length - 1 - index : index
                let source = scratch + memory.projected + (time * shape.batch + row) * width
                (scratch + memory.gathered + row * width).update(from: source, count: width)
            }
            step(scratch + memory.gathered)
            for row in 0..<shape.batch {
                let length = min(max(lengths.map { Int($0[row]) } ?? shape.steps, 0), shape.steps)
                let time = index >= length ? index : isReverse ? length - 1 - index : index
                let isSkipped = mask.map { $0[shape.maskOffset(time: time, row: row)] == 0 } ?? false
                if index >= length || isSkipped {
                    (hidden + row * units).update(from: scratch + memory.savedHidden + row * units, count: units)
                    if cell.hasState {
                        (state + row * units).update(from: scratch + memory.savedState + row * units, count: units)
                    }
                } else {
                    started[row] = 1
                }
                guard outputs[0] else { continue }
                let target =
                    arguments.output(0, as: Float.self)
                    + shape.sequenceOffset(time: time, direction: direction, row: row)
                // What a skipped step repeats is an output, which there is none of before the first.
                if index >= length || isSkipped && (attributes.zeroesMaskedSteps || started[row] == 0) {
                    target.update(repeating: 0, count: units)
                } else {
                    target.update(from: hidden + row * units, count: units)
                }
            }
        }
    }

    /// The input's product for `count` steps from `start` on: [step, row, gates × units].
    private func project(
        _ start: Int, _ count: Int, _ weights: UnsafePointer<Float>, _ arguments: borrowing KernelArguments
    ) {
        let scratch = arguments.scratch(as: Float.self)
        let target = scratch + memory.projected
        let (batch, width, k) = (shape.batch, shape.gateRows, shape.inputSize)
        var epilogue = FusedActivation.none.epilogue
        if has[RecurrentShape.Input.bias] { epilogue.column_bias = UnsafePointer(scratch + memory.bias) }
        let x = arguments.input(0, as: Float.self)
        if !shape.isBatchFirst || batch == 1 {
            kernels.functions.gemm(
                count * batch, width, k, x + start * batch * k, k, weights, target, width, &epilogue)
        } else if batch < count {
            for row in 0..<batch {
                kernels.functions.gemm(
                    count, width, k, x + (row * shape.steps + start) * k, k, weights, target + row * width,
                    batch * width, &epilogue)
            }
        } else {
            for step in 0..<count {
                kernels.functions.gemm(
                    batch, width, k, x + (start + step) * k, shape.steps * k, weights, target + step * batch * width,
                    width, &epilogue)
            }
        }
    }

    /// Adds up the biases of one direction; whether the recurrent product has one of its own.
    private func prepareBias(_ direction: Int, _ arguments: borrowing KernelArguments) -> Bool {
        guard has[RecurrentShape.Input.bias] else { return false }
        let scratch = arguments.scratch(as: Float.self)
        let width = shape.gateRows
        let source = arguments.input(RecurrentShape.Input.bias, as: Float.self) + direction * 2 * width
        let (bias, recurrent) = (scratch + memory.bias, scratch + memory.recurrentBias)
        let separate = cell.separateBias(hidden: shape.hidden)
        for index in 0..<width {
            let isSeparate = separate?.contains(index) ?? false
            bias[index] = isSeparate ? source[index] : source[index] + source[width + index]
            recurrent[index] = isSeparate ? source[width + index] : 0
        }
        return separate != nil
    }

    private func load(
        _ index: Int, _ direction: Int, into target: UnsafeMutablePointer<Float>, _ arguments: borrowing KernelArguments
    ) {
        guard has[index] else {
            target.update(repeating: 0, count: shape.batch * shape.hidden)
            return
        }
        let source = arguments.input(index, as: Float.self)
        for row in 0..<shape.batch {
            (target + row * shape.hidden)
                .update(from: source + shape.stateOffset(direction: direction, row: row), count: shape.hidden)
        }
    }

    private func store(
        _ index: Int, _ direction: Int, from source: UnsafePointer<Float>, _ arguments: borrowing KernelArguments
    ) {
        guard outputs.indices.contains(index), outputs[index] else { return }
        let target = arguments.output(index, as: Float.self)
        for row in 0..<shape.batch {
            (target + shape.stateOffset(direction: direction, row: row))
                .update(from: source + row * shape.hidden, count: shape.hidden)
        }
    }
}
