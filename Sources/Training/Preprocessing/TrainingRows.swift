import TensorEngine

/// The rows that a pipeline is fitted on, seen through the steps fitted so far: the very nodes that serving runs.
struct TrainingRows {
    let dataset: any Dataset
    let rows: [Int]
    private let context = ExecutionContext()

    /// Elements of one batch's inputs.
    private static let batchElementCount = 1 << 20

    init(_ dataset: any Dataset, _ rows: [Int]) {
        self.dataset = dataset
        self.rows = rows
    }

    /// Calls `body` with a track's numbers, batch by batch in the order of the rows.
    /// - Throws: ``DataError`` when a node refuses.
    func forEachBatch(
        _ track: Track, _ builder: PipelineBuilder, _ body: (UnsafeBufferPointer<Float>) throws(DataError) -> Void
    ) throws(DataError) {
        let value = ValueInfo(
            name: track.value, elementType: .float32, dimensions: [.batch] + track.dimensions.map { .fixed($0) })
        let graph = builder.graph(of: [value])
        let inputs = builder.inputs(of: graph)
        let width = inputs.reduce(track.width) { $0 + $1.dimensions.reduce(1, *) }
        let size = max(1, min(1024, Self.batchElementCount / max(width, 1)))
        let compiled = try compile(graph)
        for start in stride(from: 0, to: rows.count, by: size) {
            let batch = rows[start..<min(start + size, rows.count)]
            let result = try run(compiled, inputs, batch)
            guard let values = result.first, values.elementType == .float32 else {
                throw DataError(.unsupported, "the steps so far make no numbers")
            }
            try values.withElements(Float.self) { (values) -> Result<Void, DataError> in
                Result { () throws(DataError) in try body(values) }
            }.get()
        }
    }

    /// Calls `body` with the strings that a value holds for each row by itself.
    /// - Throws: ``DataError`` when a node refuses.
    func forEachText(
        _ value: String, _ builder: PipelineBuilder, _ body: ([String]) throws(DataError) -> Void
    ) throws(DataError) {
        let value = ValueInfo(name: value, elementType: .string, dimensions: [.symbolic("words")])
        let graph = builder.graph(of: [value])
        let inputs = builder.inputs(of: graph)
        let compiled = try compile(graph)
        for row in rows { try body(try run(compiled, inputs, [row])[0].strings) }
    }

    private func compile(_ graph: Graph) throws(DataError) -> CompiledGraph {
        do throws(GraphError) { return try CompiledGraph(graph) } catch {
            throw DataError(.unsupported, error.description)
        }
    }

    private func run(
        _ compiled: CompiledGraph, _ inputs: [RawInput], _ rows: some Collection<Int>
    ) throws(DataError) -> [Tensor] {
        do {
            return try compiled.run(try inputs.map { try $0.tensor(dataset, rows) }, on: context)
        } catch {
            throw DataError(.mismatch, "\(error)")
        }
    }
}
