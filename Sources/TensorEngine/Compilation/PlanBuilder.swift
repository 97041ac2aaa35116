/// Lowers a program for exact input shapes: kernels, slots, aliases, in-place steps, and one arena by lifetime.
struct PlanBuilder {
    /// One block of memory; several slots share it when they alias.
    private struct Storage {
        enum Kind {
            case input(Int)
            case constant(Tensor)
            case intermediate(byteCount: Int)
            case omitted
        }
        var kind: Kind
        var firstStep = 0
        var lastStep = 0
        /// Uses that are still to come while planning.
        var remainingUses = 0
        var graphOutput: Int?
    }

    private let program: Program
    private var storages: [Storage] = []
    /// The storage of each slot.
    private var slots: [Int] = []
    private var slotOfValue: [String: Int] = [:]
    private var steps: [ExecutionPlan.Step] = []

    static func plan(
        _ program: Program, inputs: [(name: String, type: TensorType)]
    ) throws(GraphError) -> ExecutionPlan {
        var builder = PlanBuilder(program: program)
        return try builder.build(inputs)
    }

    private init(program: Program) { self.program = program }

    private mutating func build(_ inputs: [(name: String, type: TensorType)]) throws(GraphError) -> ExecutionPlan {
        var propagation = program.propagation(inputs)
        for input in inputs where input.type.elementType == .string { throw Self.strings(input.name) }
        for (index, input) in inputs.enumerated() { addSlot(input.name, Storage(kind: .input(index))) }
        var uses: [String: Int] = [:]
        for operation in program.operations {
            for name in operation.node.node.inputs { uses[name, default: 0] += 1 }
        }
        for name in program.outputNames { uses[name, default: 0] += 1 }
        for input in inputs { storages[slots[slotOfValue[input.name] ?? 0]].remainingUses = uses[input.name] ?? 0 }

        for operation in program.operations {
            let (operands, outputs, isConstant) = try propagation.visit(operation.node, operation.operation)
            if !isConstant {
                guard !StringEvaluation.isNeeded(operands, outputs) else {
                    throw operation.node.error(.valueUnknown, "reads or makes strings, for which there are no plans")
                }
                let kernel = try operation.operation.kernel(operands, outputs: outputs)
                addStep(operation.node, kernel, outputs, propagation.constants, uses)
            }
        }
        return try finish(inputs, propagation)
    }

    /// A graph with such a value is interpreted.
    private static func strings(_ name: String) -> GraphError {
        GraphError(.valueUnknown, "value '\(name)' is of strings, for which there are no plans")
    }

    private mutating func addSlot(_ name: String?, _ storage: Storage) {
        storages.append(storage)
        slots.append(storages.count - 1)
        if let name { slotOfValue[name] = slots.count - 1 }
    }

    /// The slot of a value that exists: made by a step before, an input, or a constant.
    private mutating func slot(_ name: String, _ constants: [String: Tensor]) -> Int {
        if let slot = slotOfValue[name] { return slot }
        let kind = constants[name].map(Storage.Kind.constant) ?? .omitted
        addSlot(name, Storage(kind: kind))
        return slots.count - 1
    }

    private mutating func addStep(
        _ node: WorkNode, _ kernel: Kernel, _ outputs: [TensorType], _ constants: [String: Tensor],
        _ uses: [String: Int]
    ) {
        let names = node.node.inputs
        let inputSlots = names.map { slot($0, constants) }
        let step = steps.count
        for slot in inputSlots { storages[slots[slot]].lastStep = step }

        let shared = sharedStorage(kernel, inputSlots, outputs)
        for slot in inputSlots { storages[slots[slot]].remainingUses -= 1 }
        var outputSlots: [Int] = []
        for (index, name) in node.node.outputs.enumerated() {
            let byteCount = outputs[index].shape.elementCount * outputs[index].elementType.byteCount
            if index == 0, let shared {
                slots.append(shared)
                storages[shared].remainingUses += uses[name] ?? 0
                storages[shared].lastStep = step
            } else {
                addSlot(nil, Storage(kind: .intermediate(byteCount: byteCount), firstStep: step, lastStep: step))
                storages[storages.count - 1].remainingUses = uses[name] ?? 0
            }
            if !name.isEmpty { slotOfValue[name] = slots.count - 1 }
            outputSlots.append(slots.count - 1)
        }
        if case .alias = kernel.placement { return }
        var scratchSlot: Int?
        if kernel.scratchByteCount > 0 {
            let kind = Storage.Kind.intermediate(byteCount: kernel.scratchByteCount)
            addSlot(nil, Storage(kind: kind, firstStep: step, lastStep: step))
            scratchSlot = slots.count - 1
        }
        steps.append(
            ExecutionPlan.Step(
                name: node.node.name, operatorType: node.node.operatorType, kernel: kernel, inputSlots: inputSlots,
                outputSlots: outputSlots, scratchSlot: scratchSlot))
    }

    /// The input storage that the first output may use as its own.
    private func sharedStorage(_ kernel: Kernel, _ inputSlots: [Int], _ outputs: [TensorType]) -> Int? {
        switch kernel.placement {
        case .separate: return nil
        case .alias(let index): return slots[inputSlots[index]]
        case .inPlace(let candidates):
            let wanted = outputs[0].shape.elementCount * outputs[0].elementType.byteCount
            for index in candidates {
                let storage = slots[inputSlots[index]]
                let readsHere = inputSlots.count { slots[$0] == storage }
                if case .intermediate(let byteCount) = storages[storage].kind, byteCount == wanted,
                    storages[storage].remainingUses == readsHere, readsHere == 1
                {
                    return storage
                }
            }
            return nil
        }
    }

    private mutating func finish(
        _ inputs: [(name: String, type: TensorType)], _ propagation: TypePropagation
    ) throws(GraphError) -> ExecutionPlan {
        var outputs: [(name: String, type: TensorType)] = []
        var copies: [ExecutionPlan.Copy] = []
        for (index, name) in program.outputNames.enumerated() {
            guard let type = propagation.types[name] else {
                throw GraphError(.invalidGraph, "graph output '\(name)' is made by no node")
            }
            guard type.elementType != .string else { throw Self.strings(name) }
            outputs.append((name, type))
            let slot = slot(name, propagation.constants)
            let storage = slots[slot]
            storages[storage].lastStep = steps.count
            if case .intermediate = storages[storage].kind, storages[storage].graphOutput == nil {
                storages[storage].graphOutput = index
            } else {
                copies.append(ExecutionPlan.Copy(slot: slot, output: index))
            }
        }
        let (locations, arena) = try place()
        return ExecutionPlan(
            inputs: inputs, outputs: outputs, steps: steps, slots: slots.map { locations[$0] }, copies: copies,
            arenaByteCount: arena)
    }

    private func place() throws(GraphError) -> (locations: [ExecutionPlan.Location], arena: Int) {
        var blocks: [MemoryPlanner.Block] = []
        var blockOfStorage: [Int: Int] = [:]
        for (index, storage) in storages.enumerated() {
            guard case .intermediate(let byteCount) = storage.kind, storage.graphOutput == nil else { continue }
            blockOfStorage[index] = blocks.count
            blocks.append(
                MemoryPlanner.Block(
                    byteCount: byteCount, firstStep: storage.firstStep, lastStep: storage.lastStep))
        }
        let limit = program.options.maximumArenaByteCount
        guard let placed = MemoryPlanner.place(blocks), placed.byteCount <= limit else {
            throw GraphError(
                .limitExceeded, "intermediate values take more than the \(limit) bytes that are allowed")
        }
        let locations = storages.enumerated().map { index, storage -> ExecutionPlan.Location in
            if let output = storage.graphOutput { return .output(output) }
            switch storage.kind {
            case .input(let input): return .input(input)
            case .constant(let tensor): return .constant(tensor)
            case .omitted: return .none
            case .intermediate: return .arena(offset: placed.offsets[blockOfStorage[index] ?? 0])
            }
        }
        return (locations, placed.byteCount)
    }
}
