/// What is known of the values of a graph before its inputs' exact shapes are.
struct ValueTypes: Sendable {
    private var types: [String: ValueInfo] = [:]

    /// - Throws: ``GraphError`` when a node does not fit its operands whatever the batch.
    init(_ graph: Graph) throws(GraphError) {
        for (name, tensor) in graph.initializers {
            types[name] = ValueInfo(
                name: name, elementType: tensor.elementType, dimensions: tensor.shape.dimensions.map { .fixed($0) })
        }
        for input in graph.inputs { types[input.name] = input }
        let options = CompilationOptions()
        let (_, kernels) = try options.resolveInstructionSet()
        let nodes = try GraphValidator.sortedNodes(graph)
        let made = nodes.flatMap(\.node.outputs).filter { !$0.isEmpty }
        let work = WorkGraph(
            operatorSetVersion: graph.operatorSetVersion, inputs: graph.inputs,
            outputs: made.map { ValueInfo(name: $0, elementType: .float32, dimensions: []) }, nodes: nodes,
            constants: graph.initializers)
        let program = try Program(
            work, kernels: kernels, packedWeights: PackedWeights(panelWidth: kernels.panelWidth), options: options)
        let inference = try SymbolicInference(work, program)
        guard let sample = inference.sample else { return }
        for info in inference.outputs where sample[info.name] != nil {
            var info = info
            // One set of extents does not tell which of them follow the inputs'.
            if !inference.isExact {
                info.dimensions = info.dimensions.indices.map { .symbolic("\(info.name)_\($0)") }
            }
            types[info.name] = info
        }
    }

    /// nil for values that depend on others' values, and for those of a graph that only real extents fit.
    subscript(name: String) -> ValueInfo? { types[name] }

    /// Says that `name` has the type of `model`.
    mutating func set(_ name: String, like model: String) {
        guard var info = types[model] else { return }
        info.name = name
        types[name] = info
    }
}

extension ValueInfo {
    /// The exact shape, when every dimension is fixed.
    var fixedShape: [Int]? {
        var result: [Int] = []
        for dimension in dimensions {
            guard case .fixed(let extent) = dimension else { return nil }
            result.append(extent)
        }
        return result
    }
}
