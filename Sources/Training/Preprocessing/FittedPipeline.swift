import JSONDocuments
public import TensorEngine

/// Fitted preprocessing: a graph from raw features to a model's inputs. Training runs it on batches, and serving as the
/// first nodes of the model: the same nodes, the same bits.
public struct FittedPipeline: Sendable {
    /// Of the operators here, the engine has one version for every set from 13 on.
    static let operatorSetVersion = 20
    static let minimumOperatorSetVersion = 13

    /// One input of the model.
    public struct Output: Sendable, Hashable {
        /// The model's input; empty for the only one of any model.
        public var name: String
        public var elementType: ElementType
        /// Without the batch.
        public var dimensions: [Int]
        /// What each of its columns holds, once flattened, as `city=Bonn`.
        public var columnNames: [String]
        fileprivate var value: String
    }

    public private(set) var outputs: [Output]
    let inputs: [RawInput]
    private var builder: PipelineBuilder
    private let compiled: CompiledGraph

    init(_ builder: PipelineBuilder, _ outputs: [(name: String, track: Track)]) throws(DataError) {
        try self.init(
            builder,
            outputs: outputs.map { name, track in
                Output(
                    name: name, elementType: track.elementType, dimensions: track.dimensions,
                    columnNames: track.columnNames, value: track.value)
            })
    }

    private init(_ builder: PipelineBuilder, outputs: [Output]) throws(DataError) {
        self.builder = builder
        self.outputs = outputs
        let graph = Self.graph(builder, outputs)
        inputs = builder.inputs(of: graph)
        do throws(GraphError) { compiled = try CompiledGraph(graph) } catch {
            throw DataError(.unsupported, at: "preprocessing", error.description)
        }
    }

    private static func graph(_ builder: PipelineBuilder, _ outputs: [Output]) -> Graph {
        builder.graph(
            of: outputs.map { output in
                ValueInfo(
                    name: output.value, elementType: output.elementType,
                    dimensions: [.batch] + output.dimensions.map { .fixed($0) })
            })
    }

    /// The pipeline by itself: from ``rawInputs`` to one output for each of ``outputs``, in their order.
    public var graph: Graph { Self.graph(builder, outputs) }

    /// What the graph is given: all numeric columns as `features`, and each other feature by its name, where any of it
    /// is needed.
    public var rawInputs: [ValueInfo] { inputs.map(\.info) }

    /// These rows of a dataset as ``rawInputs``.
    /// - Precondition: a dataset of the schema that was fitted on.
    public func rawTensors(_ dataset: any Dataset, rows: some Collection<Int>) throws(DataError) -> [Tensor] {
        var tensors: [Tensor] = []
        for input in inputs {
            do throws(TensorError) { tensors.append(try input.tensor(dataset, rows)) } catch {
                throw DataError(.tooLarge, at: input.name, error.description)
            }
        }
        return tensors
    }

    /// What the model is given for raw tensors.
    /// - Throws: ``DataError`` when a value is refused, as an unknown category where that is an error.
    public func transform(_ raw: [Tensor], on context: ExecutionContext) throws(DataError) -> [Tensor] {
        do throws(GraphError) { return try compiled.run(raw, on: context) } catch {
            throw DataError(.mismatch, at: "preprocessing", error.description)
        }
    }

    /// What the model is given for these rows.
    /// - Throws: ``DataError`` when a value is refused.
    public func transform(
        _ dataset: any Dataset, rows: some Collection<Int>, on context: ExecutionContext
    ) throws(DataError) -> [Tensor] {
        try transform(try rawTensors(dataset, rows: rows), on: context)
    }

    /// All rows of a dataset as the model is given them, computed once instead of every epoch: numbers of words become
    /// numbers, labels, weights and provenances stay.
    /// - Parameter spillPath: the file to go to when memory does not hold them.
    /// - Throws: ``DataError`` for a pipeline of several outputs, or when a value is refused.
    public func transformed(
        _ dataset: any Dataset, spillPath: String? = nil, limits: DataLimits = .default
    ) throws(DataError) -> any Dataset {
        guard outputs.count == 1 else {
            throw DataError(.unsupported, at: "preprocessing", "found \(outputs.count) outputs, expected one to keep")
        }
        var schema = DatasetSchema.tensor(outputs[0].dimensions, label: dataset.schema.label)
        schema.weight = dataset.schema.weight
        let collector = DatasetCollector(schema, spillPath: spillPath, limits: limits)
        let context = ExecutionContext()
        let width = outputs[0].dimensions.reduce(1, *)
        let size = max(1, min(1024, (1 << 20) / max(width, 1)))
        for start in stride(from: 0, to: dataset.rowCount, by: size) {
            let rows = start..<min(start + size, dataset.rowCount)
            let values = try transform(dataset, rows: rows, on: context)[0].converted(to: .float32)
            guard let numbers = values?.withElements(Float.self, { Array($0) }) else {
                throw DataError(.unsupported, at: "preprocessing", "found no numbers to keep")
            }
            for row in rows {
                let place = (row - start) * width
                try collector.append(
                    Example(
                        numbers: Array(numbers[place..<place + width]), label: dataset.exampleLabel(row),
                        weight: dataset.weight(row), provenance: dataset.provenance(row)))
            }
        }
        return try collector.finish()
    }

    /// The pipeline with outputs of the names, order, element types and shapes of a model's inputs.
    /// - Throws: ``DataError`` naming the input that the pipeline does not fit.
    public func adapted(to modelInputs: [ValueInfo]) throws(DataError) -> FittedPipeline {
        guard outputs.count == modelInputs.count else {
            throw DataError(
                .mismatch, at: "preprocessing",
                "found \(outputs.count) inputs, the model has \(modelInputs.count): "
                    + modelInputs.map { DataError.quoted($0.name) }.joined(separator: ", "))
        }
        var builder = builder
        var adapted: [Output] = []
        for input in modelInputs {
            guard let output = outputs.first(where: { $0.name == input.name || $0.name.isEmpty }) else {
                let hint =
                    NearestName.nearest(to: input.name, among: outputs.map(\.name))
                    .map { "; did you mean it by \(DataError.quoted($0))?" } ?? ""
                throw DataError(
                    .missing, at: "preprocessing.inputs",
                    "nothing goes to the model's input \(DataError.quoted(input.name))\(hint)")
            }
            do throws(DataError) { adapted.append(try Self.adapt(output, to: input, &builder)) } catch {
                throw error.inside("input \(DataError.quoted(input.name))")
            }
        }
        return try FittedPipeline(builder, outputs: adapted)
    }

    private static func adapt(
        _ output: Output, to input: ValueInfo, _ builder: inout PipelineBuilder
    ) throws(DataError) -> Output {
        var output = output
        output.name = input.name
        let wanted = input.dimensions.dropFirst()
        let fits =
            wanted.count == output.dimensions.count
            && zip(wanted, output.dimensions).allSatisfy { !$0.isFixed || $0 == .fixed($1) }
        if !fits {
            let fixed = wanted.compactMap { if case .fixed(let extent) = $0 { extent } else { nil } }
            guard fixed.count == wanted.count, fixed.reduce(1, *) == output.dimensions.reduce(1, *) else {
                throw DataError(
                    .mismatch,
                    "the preprocessing makes [batch, \(output.dimensions.map(String.init).joined(separator: ", "))], "
                        + "the model expects [\(input.dimensions.map(\.description).joined(separator: ", "))]")
            }
            output.value = try builder.reshape(output.value, to: fixed)
            output.dimensions = fixed
        }
        guard output.elementType != input.elementType else { return output }
        guard [.float32, .float64, .int32, .int64].contains(input.elementType) else {
            throw DataError(.unsupported, "the model expects \(input.elementType.rawValue), expected numbers")
        }
        output.value = builder.cast(output.value, to: input.elementType)
        output.elementType = input.elementType
        return output
    }
}
