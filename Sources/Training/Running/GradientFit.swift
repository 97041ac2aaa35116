import JSONDocuments
import TensorEngine

/// Fits a network's parameters epoch by epoch, from its checkpoint if there is one.
struct GradientFit {
    private let request: TrainingRequest
    private let fitting: GradientFitting
    private let model: TrainableModel
    private let split: Split
    private let lossGraph: LossGraph
    private let step: TrainingStep
    private let filler: BatchFiller
    private let judge: EpochJudge?
    private let schedule: BatchSchedule
    private let checkpoints: CheckpointFile?
    private let limits: TrainingLimits
    private let kind: PredictionKind

    init(
        _ request: TrainingRequest, _ fitting: GradientFitting, model: TrainableModel, dataset: any Dataset,
        split: Split,
        pipeline: FittedPipeline, checkpointPath: String?, limits: TrainingLimits
    ) throws {
        (self.request, self.fitting, self.model, self.split, self.limits) = (request, fitting, model, split, limits)
        var output: String?
        if case .base(let version) = request.subject { output = version.output }
        var loss = fitting.loss
        if loss.balancesClasses { loss.classWeights = try dataset.balancedClassWeights(split.training) }
        lossGraph = try loss.attached(
            to: model.graph, output: output, hasSampleWeights: dataset.schema.weight != nil)
        kind = fitting.loss.kind(
            of: lossGraph.predictions, in: model.graph, isClassification: dataset.schema.isClassification)
        step = try TrainingStep(lossGraph, model: model)
        filler = try BatchFiller(
            dataset, pipeline: try pipeline.adapted(to: model.inputs), loss: lossGraph, modelInputs: model.inputs,
            augmentation: request.augmentation, seed: request.seed, spillPath: checkpointPath.map { $0 + ".rows" },
            limits: limits.data)
        let size =
            fitting.optimizer.usesWholeDataSet ? split.training.count : min(fitting.batchSize, split.training.count)
        schedule = BatchSchedule(split.training, batchSize: size, seed: request.seed, shuffles: fitting.shuffles)
        judge =
            split.validation.isEmpty
            ? nil
            : try EpochJudge(
                lossGraph, kind: kind, step: step, dataset: dataset, rows: split.validation,
                batchSize: max(fitting.batchSize, 64))
        let identity =
            "\(String(decoding: request.json.serialized(), as: UTF8.self)) \(dataset.digest) \(Self.fingerprint(split))"
        checkpoints = checkpointPath.map { CheckpointFile($0, identity: identity) }
    }

    func run(
        progress: (FitProgress) -> Void, shouldContinue: () throws -> Void, didSave: () -> Void
    ) throws -> FitResult {
        let planned = fitting.epochs * schedule.batchCount
        var optimizer = Optimizer(
            fitting.optimizer, layout: step.layout, stepsPerEpoch: schedule.batchCount, plannedStepCount: planned)
        var state = FitState(stopping: fitting.earlyStopping)
        if let checkpoint = try checkpoints?.read() { try resume(checkpoint, &state, &optimizer) }
        epochs: while state.epoch < min(fitting.epochs, fitting.stopAfter ?? .max), !state.isStopped {
            let order = schedule.batches(epoch: state.epoch)
            var rowCount = 0
            while state.batch < order.count {
                try shouldContinue()
                let rows = order[state.batch]
                let loss = try stepOnce(rows, &state, &optimizer)
                rowCount = rows.count
                if state.step % fitting.checkpointSteps == 0, state.batch < order.count {
                    try save(state, optimizer, didSave)
                }
                if state.batch < order.count {
                    progress(
                        FitProgress(
                            step: state.step, plannedSteps: planned, epoch: state.epoch, loss: loss, rowCount: rowCount)
                    )
                }
            }
            let record = try finishEpoch(&state, &optimizer, shouldContinue)
            progress(
                FitProgress(
                    step: state.step, plannedSteps: planned, epoch: record.epoch, loss: record.loss,
                    rowCount: rowCount, finishedEpoch: record))
            try save(state, optimizer, didSave)
        }
        return result(state)
    }

    /// - Returns: the batch's loss.
    private func stepOnce(
        _ rows: ArraySlice<Int>, _ state: inout FitState, _ optimizer: inout Optimizer
    ) throws -> Double {
        let batch = try filler.batch(rows, epoch: state.epoch)
        var random = RandomSource(seed: request.seed, stream: "dropout", state.step)
        let seed = Int64(bitPattern: random.next())
        let penalty =
            optimizer.configuration.l1 > 0 || optimizer.configuration.l2 > 0
            ? optimizer.penalty(step.parameterValues) : 0
        let loss = Double(try step.run(batch: batch, rows: rows.count, seed: seed)) + penalty
        guard loss.isFinite else { throw FitError.diverged(epoch: state.epoch, step: state.step, loss: loss) }
        state.learningRate = step.apply(&optimizer).learningRate
        state.lossSum += loss * Double(rows.count)
        state.rowCount += rows.count
        state.step += 1
        state.batch += 1
        return loss
    }

    private func finishEpoch(
        _ state: inout FitState, _ optimizer: inout Optimizer, _ shouldContinue: () throws -> Void
    ) throws -> EpochRecord {
        var validation: [Metric: Double] = [:]
        if let judge { validation = try judge.values(filler, step, shouldContinue) }
        let record = EpochRecord(
            epoch: state.epoch, loss: state.lossSum / Double(max(state.rowCount, 1)), learningRate: state.learningRate,
            validation: validation)
        state.append(record, maximum: limits.maximumHistory)
        if var stopping = state.stopping {
            let monitored =
                stopping.monitor == "loss"
                ? record.loss : Metric(rawValue: String(stopping.monitor.dropFirst(11))).flatMap { validation[$0] }
            switch stopping.observe(monitored ?? .nan, epoch: state.epoch) {
            case .improved:
                if stopping.restoresBest { state.best = (step.parameterValues, step.stateValues) }
            case .waiting: break
            case .stop: state.isStopped = true
            }
            state.stopping = stopping
        }
        (state.epoch, state.batch, state.lossSum, state.rowCount) = (state.epoch + 1, 0, 0, 0)
        return record
    }

    private func result(_ state: FitState) -> FitResult {
        var graph = model.graph
        let (parameters, states) = state.best ?? (step.parameterValues, step.stateValues)
        step.store(in: &graph, parameters: parameters, states: states)
        let judged = lossGraph.predictions
        var warnings: [String] = []
        if let best = state.stopping?.bestEpoch, state.best != nil, best + 1 < state.epoch {
            warnings.append("the parameters are those of epoch \(best), the best of \(state.epoch)")
        }
        return FitResult(
            graph: graph, output: judged, kind: kind, history: state.history,
            warnings: warnings, epochs: state.best == nil ? state.epoch : state.stopping?.bestEpoch.map { $0 + 1 })
    }

    private func save(_ state: FitState, _ optimizer: Optimizer, _ didSave: () -> Void) throws {
        guard let checkpoints else { return }
        try checkpoints.write(
            Checkpoint(state: state, parameters: step.parameterValues, states: step.stateValues, optimizer: optimizer))
        didSave()
    }

    private func resume(_ checkpoint: Checkpoint, _ state: inout FitState, _ optimizer: inout Optimizer) throws {
        guard checkpoint.parameters.count == step.layout.count,
            checkpoint.states.map(\.count) == step.stateValues.map(\.count)
        else { return }
        do { try optimizer.importState(checkpoint.optimizerState) } catch { return }
        step.parameterValues = checkpoint.parameters
        step.stateValues = checkpoint.states
        let stopping = state.stopping
        state = checkpoint.state
        if var stopping {
            stopping.resume(
                best: checkpoint.bestValue, bestEpoch: checkpoint.bestEpoch, waited: checkpoint.waited)
            state.stopping = stopping
        }
    }

    private static func fingerprint(_ split: Split) -> String {
        // FNV-1a over the rows: a fit of another fold does not take this one's checkpoint.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for rows in [split.training, split.validation] {
            for row in rows + [-1] { hash = (hash ^ UInt64(bitPattern: Int64(row))) &* 0x0000_0100_0000_01b3 }
        }
        return String(hash, radix: 16)
    }
}

/// Where a fit is.
struct FitState {
    var epoch = 0
    /// Of the epoch: the next one.
    var batch = 0
    var step = 0
    /// Of the epoch so far.
    var lossSum = 0.0
    var rowCount = 0
    var learningRate = 0.0
    var history: [EpochRecord] = []
    var stopping: EarlyStopping?
    var isStopped = false
    /// Parameters and states of the best epoch, when they are to be restored.
    var best: (parameters: [Float], states: [[Float]])?

    init(stopping: EarlyStopping?) { self.stopping = stopping }

    /// Keeps every second record when there are too many.
    mutating func append(_ record: EpochRecord, maximum: Int) {
        history.append(record)
        guard history.count > max(maximum, 2) else { return }
        let last = history.count - 1
        history = history.enumerated().filter { $0.offset % 2 == 0 || $0.offset == last }.map(\.element)
    }
}
