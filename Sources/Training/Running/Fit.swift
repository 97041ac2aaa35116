import JSONDocuments
public import TensorEngine

/// One fit of a training request: from rows to a model that serves. Blocks its thread; not for several at once.
///
///     let plan = try SplitPlan(request.evaluation, dataset, seed: request.seed)
///     let outcome = try Fit(request, dataset: dataset, split: plan.split(0)).run()
///
/// The same request, rows and split give the same weights, bit for bit, on one engine identity: whether it ran through or went on
/// from a checkpoint.
public final class Fit {
    private let request: TrainingRequest
    private let dataset: any Dataset
    private let split: Split
    private let base: Graph?
    private let checkpointPath: String?
    private let limits: TrainingLimits

    /// - Parameters:
    ///   - split: an empty validation gives no report.
    ///   - base: the graph of the request's base version.
    ///   - checkpointPath: the file of this fit's checkpoint, whose folder exists; nil for none.
    /// - Throws: ``FitError`` or ``DataError`` when the rows cannot be trained on.
    public init(
        _ request: TrainingRequest, dataset: any Dataset, split: Split, base: Graph? = nil,
        checkpointPath: String? = nil, limits: TrainingLimits = .default
    ) throws {
        (self.request, self.dataset, self.split, self.base) = (request, dataset, split, base)
        (self.checkpointPath, self.limits) = (checkpointPath, limits)
        guard !split.training.isEmpty else { throw DataError(.tooFewRows, "found no rows to train on") }
        if case .base = request.subject, base == nil {
            throw FitError.mismatch("base: the version to go on from is not here")
        }
        if dataset.schema.isClassification {
            let counts = dataset.classCounts(split.training)
            guard counts.count(where: { $0 > 0 }) >= 2 else {
                let name = counts.firstIndex { $0 > 0 }.flatMap { dataset.schema.classNames?[$0] } ?? ""
                throw DataError(
                    .tooFewRows, at: "label",
                    "all training rows are of the class \(DataError.quoted(name)), expected two or more")
            }
        }
    }

    /// Fits the model and judges it by the rows held out.
    /// - Parameters:
    ///   - progress: called after every step.
    ///   - shouldContinue: called often; what it throws ends the fit, whose checkpoint stays.
    ///   - didSave: called after every checkpoint.
    /// - Throws: ``FitError``, ``DataError``, ``EarlyModelError``, ``JSONError``, or what `shouldContinue` throws.
    public func run(
        progress: (FitProgress) -> Void = { _ in }, shouldContinue: () throws -> Void = {}, didSave: () -> Void = {}
    ) throws -> FitOutcome {
        let pipeline = try request.preprocessing.fit(dataset, rows: split.training)
        let fitted: FitResult
        switch request.subject {
        case .earlyModel(let kind, let hyperparameters):
            let model = try kind.makeModel(JSONCursor(hyperparameters, path: "early_model.hyperparameters"))
            fitted = try fit(model, pipeline, shouldContinue)
        case .architecture, .base:
            guard let fitting = request.fitting else { throw FitError.mismatch("the request has no loss") }
            fitted = try GradientFit(
                request, fitting, model: try trainableModel(), dataset: dataset, split: split, pipeline: pipeline,
                checkpointPath: checkpointPath, limits: limits
            ).run(progress: progress, shouldContinue: shouldContinue, didSave: didSave)
        }
        let graph = try pipeline.prepend(to: fitted.graph)
        var report =
            split.validation.isEmpty
            ? nil
            : try Evaluator.evaluate(
                graph, output: fitted.output, kind: fitted.kind, on: dataset, rows: split.validation,
                shouldContinue: shouldContinue)
        report?.epochs = fitted.epochs
        return FitOutcome(
            graph: graph, report: report, history: fitted.history, classNames: dataset.schema.classNames,
            warnings: fitted.warnings, details: fitted.details)
    }

    private func trainableModel() throws -> TrainableModel {
        switch request.subject {
        case .architecture(let architecture): return try architecture.build(seed: request.seed)
        case .base(let version):
            guard let base else { throw FitError.mismatch("base: the version to go on from is not here") }
            return try TrainableModel(importing: base, frozen: version.frozen, path: "base.frozen")
        case .earlyModel: throw FitError.mismatch("an early model has no layers")
        }
    }

    private func fit(
        _ model: any EarlyModel, _ pipeline: FittedPipeline, _ shouldContinue: () throws -> Void
    ) throws -> FitResult {
        guard pipeline.outputs.count == 1, let output = pipeline.outputs.first else {
            throw DataError(
                .mismatch, at: "preprocessing", "found \(pipeline.outputs.count) inputs, an early model has one")
        }
        let width = output.dimensions.reduce(1, *)
        let ready = try pipeline.transformed(
            dataset, spillPath: checkpointPath.map { $0 + ".rows" }, limits: limits.data)
        var values: [Float] = []
        values.reserveCapacity(split.training.count * width)
        for row in split.training { values += ready.features(row) }
        let columnNames = output.columnNames.count == width ? output.columnNames : nil
        let matrix = try FeatureMatrix(
            rows: split.training.count, columns: width, values: values, columnNames: columnNames)
        let targets: EarlyModelTargets
        if dataset.schema.isClassification {
            targets = .classes(split.training.map(dataset.classIndex), names: Self.names(dataset.schema))
        } else {
            guard dataset.schema.labelCount == 1 else {
                throw DataError(
                    .unsupported, at: "label", "found \(dataset.schema.labelCount) numbers, an early model learns one")
            }
            targets = .values(split.training.map { Double(dataset.label($0)[0]) })
        }
        let weights = dataset.schema.weight == nil ? nil : split.training.map { Double(dataset.weight($0)) }
        let fitted: FittedModel
        do {
            fitted = try model.fit(
                features: matrix, targets: targets, weights: weights, seed: request.seed,
                shouldContinue: shouldContinue)
        } catch let error as EarlyModelError {
            throw Self.placed(error, in: model)
        }
        let names = fitted.graph.outputs.map(\.name)
        let (judged, kind): (String, PredictionKind) =
            switch fitted.task {
            case .regression: (EarlyModelValue.prediction, .numbers)
            case .classification where names.contains(EarlyModelValue.scores): (EarlyModelValue.scores, .scores)
            case .classification: (EarlyModelValue.probabilities, .probabilities)
            }
        return FitResult(
            graph: fitted.graph, output: judged, kind: kind, history: [], warnings: fitted.warnings,
            details: fitted.details)
    }

    /// The same error, its hyperparameter with its path in the request. Weights are the rows', not the hyperparameter of
    /// nearest neighbours that is also called so.
    private static func placed(_ error: EarlyModelError, in model: any EarlyModel) -> EarlyModelError {
        guard case .object(let hyperparameters) = model.hyperparameters, hyperparameters[error.subject] != nil,
            error.subject != "weights"
        else { return error }
        return EarlyModelError(error.kind, "early_model.hyperparameters.\(error.subject)", error.message)
    }

    private static func names(_ schema: DatasetSchema) -> ClassNames {
        if case .classes(let names?) = schema.label?.kind { return .strings(names) }
        return .indices(count: schema.classNames?.count ?? 0)
    }
}

/// What a fit leaves before the preprocessing is put in front of it.
struct FitResult {
    var graph: Graph
    /// The output that is judged.
    var output: String
    var kind: PredictionKind
    var history: [EpochRecord]
    var warnings: [String] = []
    var details: JSONValue?
    /// Of which the parameters are.
    var epochs: Int?
}
