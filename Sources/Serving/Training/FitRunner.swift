import ModelFormats
import ModelRegistry
import TensorEngine
import Training

/// Makes fits, each on one of the threads that training has for itself.
struct FitRunner: Sendable {
    let pool: ComputePool
    let checkpoints: CheckpointFolder
    let store: any ArtifactStore
    let limits: TrainingLimits
    let metrics: TrainingMetrics

    /// The graph that a request goes on from; nil of a request that begins anew.
    /// - Parameter digest: of the version's bundle, once resolved.
    func base(_ digest: String?) async throws -> Graph? {
        guard let digest else { return nil }
        return try await bundle(digest).graph
    }

    func bundle(_ digest: String) async throws -> ModelBundle {
        try await store.prepare(digest: digest)
        let store = store
        return try await pool.run { _ in try store.load(digest: digest) }
    }

    /// - Throws: what the fit throws, and ``JobStop``.
    func run(
        _ fit: TrainingJob.Fit, of job: String, rows: TrainingRows, base: Graph?, control: JobControl,
        progress: @escaping @Sendable (FitProgress) -> Void
    ) async throws -> FitOutcome {
        let (limits, metrics) = (limits, metrics)
        let checkpoint = checkpoints.checkpoint(of: job, fit.id)
        return try await pool.run { _ in
            try control.check()
            return try metrics.fit {
                let request = try TrainingRequest(fit.request, limits: limits)
                let run = try Fit(
                    request, dataset: rows.dataset, split: try Self.split(request, rows.dataset, fit.id.fold),
                    base: base, checkpointPath: checkpoint, limits: limits)
                return try run.run(
                    progress: { step in
                        metrics.trained(rows: step.rowCount, endsEpoch: step.finishedEpoch != nil)
                        progress(step)
                    }, shouldContinue: { try control.check() }, didSave: { metrics.wroteCheckpoint() })
            }
        }
    }

    /// What a served model scores on the rows held out: of each fold.
    func evaluate(
        _ graph: Graph, _ request: TrainingRequest, rows: TrainingRows, folds: Int, control: JobControl
    ) async throws -> [EvaluationReport] {
        try await pool.run { _ in
            let plan = try SplitPlan(request.evaluation, rows.dataset, seed: request.seed)
            return try (0..<min(folds, plan.foldCount)).map { fold in
                try Evaluator.evaluate(
                    graph, on: rows.dataset, rows: plan.split(fold).validation,
                    shouldContinue: { try control.check() })
            }
        }
    }

    func foldCount(_ request: TrainingRequest, _ rows: TrainingRows) async throws -> Int {
        try await pool.run { _ in
            try SplitPlan(request.evaluation, rows.dataset, seed: request.seed).foldCount
        }
    }

    private static func split(_ request: TrainingRequest, _ dataset: any Dataset, _ fold: Int?) throws -> Split {
        guard let fold else { return Split(training: Array(0..<dataset.rowCount), validation: []) }
        let plan = try SplitPlan(request.evaluation, dataset, seed: request.seed)
        guard fold < plan.foldCount else {
            throw TrainingFailure(.internal, "found fold \(fold), expected at most \(plan.foldCount - 1)")
        }
        return plan.split(fold)
    }
}
