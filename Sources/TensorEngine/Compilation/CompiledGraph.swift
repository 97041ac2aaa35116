import Synchronization

/// A graph ready to run: validated, constants folded, operators fused, weights packed once. Immutable and shared between
/// threads; plans for exact shapes are made on demand and kept in a bounded cache.
///
///     let compiled = try CompiledGraph(graph)
///     let plan = try compiled.plan(inputShapes: [[8, 784]])
///     let outputs = try ExecutionContext().run(plan, inputs: [rows])
///
/// A row's result has the same bits for every batch size, position, neighbour and thread, on one ``engineIdentity``.
public final class CompiledGraph: Sendable {
    /// The graph's inputs as declared.
    public let inputs: [ValueInfo]
    /// The graph's outputs with inferred element types and dimensions.
    public let outputs: [ValueInfo]
    /// Engine version and instruction set: what, besides the weights, the bits of a result depend on.
    public let engineIdentity: String
    public let instructionSet: InstructionSet
    /// Whether shapes depend on values or values are strings, so that there are no plans: ``run(_:on:)`` then interprets
    /// node by node, which allocates every value and is slower.
    public let isDynamic: Bool

    /// Whether an operator looks at all rows at once (DynamicQuantizeLinear takes its scale from the whole tensor,
    /// StringSplit its width): ``run(_:on:)`` then runs row by row, so that a row's result does not depend on its batch.
    public let mixesRows: Bool

    private let program: Program
    private let constantByteCount: Int
    private let plans: Mutex<PlanCache>

    /// - Throws: ``GraphError`` naming the node that is malformed, unsupported, or does not fit its operands.
    public init(_ graph: Graph, options: CompilationOptions = .init()) throws(GraphError) {
        let (instructionSet, kernels) = try options.resolveInstructionSet()
        let packedWeights = PackedWeights(panelWidth: kernels.panelWidth)
        var work = WorkGraph(
            operatorSetVersion: graph.operatorSetVersion, inputs: graph.inputs, outputs: graph.outputs,
            nodes: try GraphValidator.sortedNodes(graph), constants: graph.initializers)
        let checked = try Program(work, kernels: kernels, packedWeights: packedWeights, options: options)
        let declared = try SymbolicInference(work, checked)
        if options.fuses {
            try PassPipeline.run(&work, types: declared.sample, program: checked)
        }
        // The trials packed weights under names that rewriting may have given other values.
        let finalWeights = PackedWeights(panelWidth: kernels.panelWidth)
        program = try Program(work, kernels: kernels, packedWeights: finalWeights, options: options)
        self.instructionSet = instructionSet
        engineIdentity = "millrace-engine/1 \(instructionSet.rawValue)"
        isDynamic = declared.isDynamic
        inputs = graph.inputs
        outputs = declared.outputs
        mixesRows = work.nodes.contains { ["DynamicQuantizeLinear", "StringSplit"].contains($0.node.operatorType) }
        constantByteCount = work.constants.values.reduce(0) { $0 + $1.byteCount }
        plans = Mutex(PlanCache(capacity: options.maximumCachedPlanCount))
        if declared.sample != nil, !declared.isDynamic {
            // Packs the weights now rather than at the first request.
            _ = try PlanBuilder.plan(program, inputs: declared.sampleInputs)
        }
    }

    /// Bytes of the constants and of their packed forms.
    public var weightsByteCount: Int { constantByteCount + program.packedWeights.byteCount }

    /// The plan for these exact shapes, from the cache or made now. Thread-safe.
    /// - Throws: ``GraphError`` when a shape does not fit its input, or a limit is exceeded.
    public func plan(inputShapes: [Shape]) throws(GraphError) -> ExecutionPlan {
        if let found = plans.withLock({ $0.find(inputShapes) }) { return found }
        // Made outside the lock: two threads may both make it, and one of the two equal plans is kept.
        let plan = try PlanBuilder.plan(program, inputs: try check(inputShapes))
        return plans.withLock { $0.insert(plan, for: inputShapes) }
    }

    /// The outputs for these inputs, by a plan or, where the graph is dynamic, node by node. Thread-safe with a context a
    /// thread.
    /// - Throws: ``GraphError`` when an input does not fit, a value is one that an operator cannot take, or a limit is
    ///   exceeded.
    public func run(_ inputs: [Tensor], on context: ExecutionContext) throws(GraphError) -> [Tensor] {
        if mixesRows, self.inputs.allSatisfy(\.hasBatchDimension), let rows = inputs.first?.shape.dimensions.first,
            rows > 1
        {
            // A wrong shape is named before rows are cut out of it.
            _ = try check(inputs.map(\.shape))
            return try RowByRow.run(inputs, rows: rows) { (one) throws(GraphError) in try runTogether(one, on: context)
            }
        }
        return try runTogether(inputs, on: context)
    }

    private func runTogether(_ inputs: [Tensor], on context: ExecutionContext) throws(GraphError) -> [Tensor] {
        if !isDynamic {
            do throws(GraphError) {
                return try context.run(try plan(inputShapes: inputs.map(\.shape)), inputs: inputs)
            } catch {
                // Only these extents told that there is no plan.
                guard error.kind == .valueUnknown else { throw error }
            }
        }
        var values: [String: Tensor] = [:]
        for (input, (name, type)) in zip(inputs, try check(inputs.map(\.shape))) {
            guard input.elementType == type.elementType else {
                throw GraphError(
                    .shapeMismatch,
                    "input '\(name)' is \(input.elementType.rawValue), expected \(type.elementType.rawValue)")
            }
            values[name] = input
        }
        return try Interpreter.run(program, inputs: values)
    }

    private func check(_ shapes: [Shape]) throws(GraphError) -> [(name: String, type: TensorType)] {
        guard shapes.count == inputs.count else {
            throw GraphError(.shapeMismatch, "found \(shapes.count) inputs, expected \(inputs.count)")
        }
        var extents: [String: (extent: Int, input: String)] = [:]
        var result: [(name: String, type: TensorType)] = []
        for (input, shape) in zip(inputs, shapes) {
            let expected = "[\(input.dimensions.map(\.description).joined(separator: ", "))]"
            let mismatch = "input '\(input.name)' has shape \(shape), expected \(expected)"
            guard shape.rank == input.dimensions.count else { throw GraphError(.shapeMismatch, mismatch) }
            guard shape.elementCount > 0 || input.dimensions.contains(.fixed(0)) else {
                throw GraphError(.shapeMismatch, "input '\(input.name)' has shape \(shape): no elements")
            }
            guard shape.elementCount <= program.options.maximumTensorElementCount else {
                throw GraphError(
                    .limitExceeded,
                    "input '\(input.name)' has \(shape.elementCount) elements, at most \(program.options.maximumTensorElementCount) allowed"
                )
            }
            for (dimension, extent) in zip(input.dimensions, shape.dimensions) {
                switch dimension {
                case .fixed(let fixed):
                    guard fixed == extent else { throw GraphError(.shapeMismatch, mismatch) }
                case .symbolic(let name):
                    if let earlier = extents[name], earlier.extent != extent {
                        throw GraphError(
                            .shapeMismatch,
                            "\(mismatch), where \(name) is \(earlier.extent) in input '\(earlier.input)'")
                    }
                    extents[name] = (extent, input.name)
                }
            }
            result.append((input.name, TensorType(elementType: input.elementType, shape: shape)))
        }
        return result
    }

    /// The operator types that remain after rewriting, in order.
    package var operatorTypes: [String] { program.operations.map(\.node.node.operatorType) }
}
