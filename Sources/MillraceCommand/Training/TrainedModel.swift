import FoundationEssentials
import JSONDocuments
import ModelFormats
import TensorEngine
import Training

/// What a training in this process made: the bundle, and where it came from.
struct TrainedModel {
    let bundle: ModelBundle
    let engine: String

    init(_ result: LocalTraining.Result, of request: TrainingRequest, dataset: any Dataset) {
        let graph = result.outcome.graph
        // Which arithmetic made the weights; a graph that does not compile says so when it is served.
        engine = (try? CompiledGraph(graph).engineIdentity) ?? ""
        let lineage = TrainingLineage(
            request: request.json, digest: dataset.digest, rowCount: dataset.rowCount, ranges: nil, seed: request.seed,
            engine: engine, fit: result.fit.id,
            fittedRequest: result.fit.request == request.json ? nil : result.fit.request)
        var metrics: [String: Double] = [:]
        for (metric, value) in result.metrics { metrics[metric.rawValue] = value }
        bundle = ModelBundle(
            manifest: Manifest(
                name: request.model, graph: graph, training: lineage.json, metrics: metrics,
                createdAt: Date.now.formatted(.iso8601)),
            graph: graph)
    }
}
