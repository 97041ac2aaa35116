import TensorEngine

/// Judges a network between epochs, by rows held out: the loss and the metrics, in inference semantics. The parameters are inputs
/// of its graph, so that it is compiled once.
struct EpochJudge {
    private let compiled: CompiledGraph
    private let segments: [ParameterLayout.Segment]
    private let dataset: any Dataset
    private let rows: [Int]
    private let batchSize: Int
    private let kind: PredictionKind
    private let context = ExecutionContext()

    init(
        _ loss: LossGraph, kind: PredictionKind, step: TrainingStep, dataset: any Dataset, rows: [Int], batchSize: Int
    ) throws(FitError) {
        var graph = loss.graph
        for name in step.layout.segments.map(\.name) + step.stateNames {
            guard let tensor = graph.initializers.removeValue(forKey: name) else { continue }
            graph.inputs.append(
                ValueInfo(
                    name: name, elementType: .float32, dimensions: tensor.shape.dimensions.map { .fixed($0) }))
        }
        do throws(GraphError) { compiled = try CompiledGraph(graph) } catch { throw .graph(error) }
        (segments, self.dataset, self.rows, self.batchSize, self.kind) =
            (step.layout.segments, dataset, rows, batchSize, kind)
    }

    func values(
        _ filler: BatchFiller, _ step: TrainingStep, _ shouldContinue: () throws -> Void
    ) throws -> [Metric: Double] {
        var judgement = Judgement(dataset, kind)
        var lossSum = 0.0
        let parameters = step.layout.tensors(of: step.parameterValues)
        let states = step.stateTensors
        for start in stride(from: 0, to: rows.count, by: batchSize) {
            try shouldContinue()
            let batch = rows[start..<min(start + batchSize, rows.count)]
            let buffers = try filler.batch(batch, epoch: nil)
            var inputs: [Tensor] = []
            for (info, bytes) in zip(step.inputs, buffers) {
                let extents = info.dimensions.map { dimension in
                    if case .fixed(let extent) = dimension { extent } else { batch.count }
                }
                do throws(TensorError) {
                    inputs.append(try Tensor(info.elementType, shape: try Shape(extents), bytes: bytes))
                } catch {
                    throw FitError.mismatch("input '\(info.name)': \(error.description)")
                }
            }
            let results: [Tensor]
            do throws(GraphError) { results = try compiled.run(inputs + parameters + states, on: context) } catch {
                throw FitError.graph(error)
            }
            lossSum += Double(results[0].withElements(Float.self) { $0[0] }) * Double(batch.count)
            let failure: DataError? = results[1].withElements(Float.self) { numbers in
                do throws(DataError) { try judgement.add(batch, numbers) } catch { return error }
                return nil
            }
            if let failure { throw failure }
        }
        var values = judgement.report().values
        values[.loss] = lossSum / Double(max(rows.count, 1))
        return values
    }
}
