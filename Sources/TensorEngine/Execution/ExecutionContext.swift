/// Runs plans on one thread. Owns the arena, which grows to the largest plan it has run; once warm, the zero-copy `run`
/// allocates nothing.
public final class ExecutionContext {
    private var arena: UnsafeMutableRawPointer?
    /// Bytes of the arena.
    public private(set) var arenaByteCount = 0
    private var pointers: UnsafeMutablePointer<UnsafeMutableRawPointer?>
    private var pointerCapacity = 64
    /// How often the arena or the pointer table grew: constant while warm.
    package private(set) var growthCount = 0
    private let fault = KernelFault()

    public init() {
        pointers = .allocate(capacity: pointerCapacity)
    }

    deinit {
        arena?.deallocate()
        pointers.deallocate()
    }

    /// Runs the plan on tensors of its input types and shapes.
    /// - Throws: ``GraphError`` when an input does not fit the plan.
    public func run(_ plan: ExecutionPlan, inputs: [Tensor]) throws(GraphError) -> [Tensor] {
        try checkCount(inputs.count, plan.inputShapes.count, "inputs")
        for (index, tensor) in inputs.enumerated() {
            guard tensor.shape == plan.inputShapes[index], tensor.elementType == plan.inputTypes[index] else {
                throw GraphError(
                    .shapeMismatch,
                    "input '\(plan.inputNames[index])' is \(tensor.elementType.rawValue) \(tensor.shape), "
                        + "expected \(plan.inputTypes[index].rawValue) \(plan.inputShapes[index])")
            }
        }
        var outputs = plan.outputShapes.indices.map { index in
            Tensor(plan.outputTypes[index], shape: plan.outputShapes[index]) { _ in }
        }
        let sources = inputs.map { $0.withBytes { $0 } }
        let targets = outputs.indices.map { outputs[$0].withMutableBytes { $0 } }
        // The tensors keep the memory behind the pointers alive, and nobody else holds the outputs yet.
        defer { withExtendedLifetime((inputs, outputs)) {} }
        try run(plan, inputs: sources, outputs: targets)
        return outputs
    }

    /// Runs the plan from and into the caller's memory: row-major, aligned to its elements, exactly of the plan's byte
    /// counts, outputs overlapping nothing.
    /// - Throws: ``GraphError`` when a buffer does not fit the plan, or a value an operator.
    public func run(
        _ plan: ExecutionPlan, inputs: [UnsafeRawBufferPointer], outputs: [UnsafeMutableRawBufferPointer]
    ) throws(GraphError) {
        try checkCount(inputs.count, plan.inputShapes.count, "inputs")
        try checkCount(outputs.count, plan.outputShapes.count, "outputs")
        for index in inputs.indices {
            try check(
                inputs[index], plan.inputByteCount(index), plan.inputTypes[index], "input", plan.inputNames[index])
        }
        for index in outputs.indices {
            try check(
                UnsafeRawBufferPointer(outputs[index]), plan.outputByteCount(index), plan.outputTypes[index],
                "output", plan.outputNames[index])
        }
        grow(plan)
        for (slot, location) in plan.slots.enumerated() {
            switch location {
            case .input(let index): pointers[slot] = UnsafeMutableRawPointer(mutating: inputs[index].baseAddress)
            case .output(let index): pointers[slot] = outputs[index].baseAddress
            // The plan keeps the tensor, and with it the address, alive.
            case .constant(let tensor):
                pointers[slot] = tensor.withBytes { UnsafeMutableRawPointer(mutating: $0.baseAddress) }
            case .arena(let offset): pointers[slot] = arena.map { $0 + offset }
            case .none: pointers[slot] = nil
            }
        }
        for step in plan.steps {
            step.kernel.body(
                KernelArguments(
                    pointers: pointers, inputSlots: step.inputSlots, outputSlots: step.outputSlots,
                    scratch: step.scratchSlot.flatMap { pointers[$0] }, fault: fault))
            if let message = fault.message {
                fault.clear()
                throw GraphError(.invalidValue, node: step.name, operatorType: step.operatorType, message)
            }
        }
        for copy in plan.copies {
            guard let source = pointers[copy.slot], let target = outputs[copy.output].baseAddress else { continue }
            target.copyMemory(from: source, byteCount: plan.outputByteCount(copy.output))
        }
    }

    private func grow(_ plan: ExecutionPlan) {
        if plan.arenaByteCount > arenaByteCount {
            arena?.deallocate()
            arena = .allocate(byteCount: plan.arenaByteCount, alignment: MemoryPlanner.alignment)
            arenaByteCount = plan.arenaByteCount
            growthCount += 1
        }
        if plan.slots.count > pointerCapacity {
            pointers.deallocate()
            pointerCapacity = plan.slots.count
            pointers = .allocate(capacity: pointerCapacity)
            growthCount += 1
        }
    }

    private func checkCount(_ found: Int, _ expected: Int, _ what: String) throws(GraphError) {
        guard found == expected else {
            throw GraphError(.shapeMismatch, "found \(found) \(what), expected \(expected)")
        }
    }

    private func check(
        _ buffer: UnsafeRawBufferPointer, _ expected: Int, _ type: ElementType, _ role: String, _ name: String
    ) throws(GraphError) {
        guard buffer.count == expected else {
            throw GraphError(.shapeMismatch, "\(role) '\(name)' has \(buffer.count) bytes, expected \(expected)")
        }
        guard UInt(bitPattern: buffer.baseAddress) % UInt(type.byteCount) == 0 else {
            throw GraphError(
                .shapeMismatch, "\(role) '\(name)' is not aligned to its \(type.byteCount)-byte elements")
        }
    }
}
