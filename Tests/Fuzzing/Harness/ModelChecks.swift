import ModelFormats
import TensorEngine

/// What holds for whatever a model file holds.
enum ModelChecks {
    /// In UTF-8 bytes, the scratch folder's path included.
    private static let maximumMessage = 4_096

    /// An error must be one that can be shown to a user; what was read is compiled, as importing does.
    /// - Parameter isThorough: whether to read twice and compare.
    static func check(isThorough: Bool, _ read: () throws(ModelFormatError) -> ImportedModel) {
        let first = outcome(read)
        let second = isThorough ? outcome(read) : first
        switch (first, second) {
        case (.failure(let one), .failure(let other)):
            require(one == other, "two readings ended differently: \(one) and \(other)")
            checkMessage(one.description)
        case (.success(let one), .success(let other)):
            if isThorough { require(bundle(one).digest == bundle(other).digest, "two readings gave different graphs") }
            compile(one.graph, runs: isThorough)
        default: failed("a file was read once and refused once")
        }
    }

    static func checkMessage(_ text: String) {
        require(!text.isEmpty && text.utf8.count <= maximumMessage, "a message of \(text.utf8.count) bytes")
        let isShown = text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
        require(isShown, "a message with control characters: \(text.debugDescription)")
    }

    static func bundle(_ model: ImportedModel) -> ModelBundle {
        ModelBundle(
            manifest: Manifest(name: "m", graph: model.graph, source: model.source, createdAt: ""), graph: model.graph)
    }

    /// What such a graph may need to be run here, in elements: enough for every kernel's edges.
    private static let largestRun = 1 << 12

    private static func compile(_ graph: Graph, runs: Bool) {
        do throws(GraphError) {
            let compiled = try CompiledGraph(graph)
            let weights = graph.initializers.values.reduce(0) { $0 + $1.shape.elementCount }
            if runs, weights <= largestRun {
                try run(graph)
            } else {
                require(compiled.outputs.count == graph.outputs.count, "outputs went missing")
            }
        } catch {
            require(!error.description.isEmpty, "an error without a message")
        }
    }

    /// A row of ones through the graph; extents that are open become 3.
    private static func run(_ graph: Graph) throws(GraphError) {
        let compiled = try CompiledGraph(
            graph, options: CompilationOptions(maximumArenaByteCount: 1 << 24, maximumTensorElementCount: largestRun))
        var inputs: [Tensor] = []
        for input in graph.inputs {
            let extents = input.dimensions.map { dimension in
                switch dimension {
                case .symbolic(let name): name == "batch" ? 2 : 3
                case .fixed(let extent): extent
                }
            }
            guard let shape = try? Shape(extents), shape.elementCount <= largestRun else { return }
            inputs.append(
                Tensor(input.elementType, shape: shape) { buffer in
                    for index in buffer.indices { buffer[index] = UInt8(index & 1) }
                })
        }
        let outputs = try compiled.run(inputs, on: ExecutionContext())
        require(outputs.count == graph.outputs.count, "outputs went missing")
    }

    private static func outcome(
        _ read: () throws(ModelFormatError) -> ImportedModel
    ) -> Result<ImportedModel, ModelFormatError> {
        Result(catching: read)
    }
}
