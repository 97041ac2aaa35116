public import TensorEngine

/// Judges models that serve: their graphs take raw features.
public enum Evaluator {
    private static let batchSize = 256

    /// - Parameters:
    ///   - graph: of any version whose inputs the dataset's schema can fill: by a feature's name, `features` for all numbers,
    ///     or a single input of any name.
    ///   - output: what is judged; nil for the only output, or the one that early models are judged by.
    ///   - kind: what that output's numbers are; nil to tell by the graph.
    ///   - rows: none twice.
    /// - Throws: ``FitError``, ``DataError``, or what `shouldContinue` throws, which is called between batches.
    public static func evaluate(
        _ graph: Graph, output: String? = nil, kind: PredictionKind? = nil, on dataset: any Dataset, rows: [Int],
        shouldContinue: () throws -> Void = {}
    ) throws -> EvaluationReport {
        let names = graph.outputs.map(\.name)
        let usual = [EarlyModelValue.prediction, EarlyModelValue.probabilities, EarlyModelValue.scores]
        guard let output = output ?? (names.count == 1 ? names[0] : usual.first(where: names.contains)),
            let index = names.firstIndex(of: output)
        else {
            throw FitError.mismatch(
                "the model has the outputs \(names.joined(separator: ", ")): none is known to be judged")
        }
        let kind =
            kind ?? PredictionKind.of(output, in: graph, isClassification: dataset.schema.isClassification)
        let inputs = try ServedInputs(graph, dataset.schema)
        let compiled: CompiledGraph
        do throws(GraphError) { compiled = try CompiledGraph(graph) } catch { throw FitError.graph(error) }
        let context = ExecutionContext()
        var judgement = Judgement(dataset, kind)
        for start in stride(from: 0, to: rows.count, by: batchSize) {
            try shouldContinue()
            let batch = rows[start..<min(start + batchSize, rows.count)]
            let tensors = try inputs.tensors(dataset, batch)
            let results: [Tensor]
            do throws(GraphError) { results = try compiled.run(tensors, on: context) } catch {
                throw FitError.graph(error)
            }
            guard let predictions = results[index].converted(to: .float32) else {
                throw FitError.mismatch("the output '\(output)' is no numbers")
            }
            let failure: DataError? = predictions.withElements(Float.self) { numbers in
                do throws(DataError) { try judgement.add(batch, numbers) } catch { return error }
                return nil
            }
            if let failure { throw failure }
        }
        return judgement.report()
    }
}

/// How the inputs of a served model are filled from a dataset.
private struct ServedInputs {
    private let inputs: [RawInput]

    init(_ graph: Graph, _ schema: DatasetSchema) throws(FitError) {
        var result: [RawInput] = []
        let numbers = schema.features.indices.compactMap { schema.numberRange(of: $0) }
        for input in graph.inputs {
            let dimensions = input.dimensions.dropFirst().map { if case .fixed(let extent) = $0 { extent } else { -1 } }
            var places: [Int] = []
            if let feature = schema.features.firstIndex(where: { $0.name == input.name }) {
                if let text = schema.textIndex(of: feature) {
                    result.append(RawInput(name: input.name, source: .text(text), dimensions: dimensions))
                    continue
                }
                places = schema.numberRange(of: feature).map(Array.init) ?? []
            } else if input.elementType == .string,
                let text = schema.features.indices.compactMap(schema.textIndex).first,
                schema.textCount == 1
            {
                result.append(RawInput(name: input.name, source: .text(text), dimensions: dimensions))
                continue
            } else {
                // Beside named inputs, what is left are the numeric columns.
                let isColumns = graph.inputs.count > 1
                for (index, feature) in schema.features.enumerated() {
                    guard let range = schema.numberRange(of: index) else { continue }
                    if isColumns, case .tensor = feature.kind { continue }
                    places += range
                }
                if places.isEmpty { places = numbers.flatMap(Array.init) }
            }
            guard input.elementType == .float32, dimensions.reduce(1, *) == places.count, !places.isEmpty else {
                throw .mismatch(
                    "the model's input '\(input.name)' is \(input.elementType.rawValue) of "
                        + "\(dimensions.map(String.init).joined(separator: " x ")) a row, the data has \(places.count) numbers for it"
                )
            }
            result.append(RawInput(name: input.name, source: .numbers(places), dimensions: dimensions))
        }
        inputs = result
    }

    func tensors(_ dataset: any Dataset, _ rows: ArraySlice<Int>) throws(DataError) -> [Tensor] {
        var tensors: [Tensor] = []
        for input in inputs {
            do throws(TensorError) { tensors.append(try input.tensor(dataset, rows)) } catch {
                throw DataError(.tooLarge, at: input.name, error.description)
            }
        }
        return tensors
    }
}
