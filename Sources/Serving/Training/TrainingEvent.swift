package import JSONDocuments
package import KafkaClient
package import ModelRegistry
package import Training

/// What happened to a job: a record of the event topic, under the job's id.
package struct TrainingEvent: Sendable, Hashable {
    package enum Change: Sendable, Hashable {
        case accepted(Acceptance)
        /// A fit that judges begins: written before anything of it is done.
        case started(Start)
        case progress(Progress)
        /// Whoever was at the fit that judges, or of nil at the job, has let go of it alive: another goes on.
        case released(FitID?)
        /// A fit that judges is over.
        case evaluated(FitID, Judgement)
        case completed(Completion)
        case failed(TrainingFailure)
        case cancelled
    }

    /// What a job is from now on, whoever goes on with it.
    package struct Acceptance: Sendable, Hashable {
        /// Nil of a dataset that is no topic.
        package var ranges: ResolvedRanges?
        package var folds: Int
        /// The version to go on from, its number known.
        package var base: Base?
        /// How often the job has been begun; from 1.
        package var attempt: Int

        package init(ranges: ResolvedRanges?, folds: Int, base: Base? = nil, attempt: Int = 1) {
            self.ranges = ranges
            self.folds = folds
            self.base = base
            self.attempt = attempt
        }
    }

    package struct Base: Sendable, Hashable {
        package var identity: ModelVersion.Identity
        package var digest: String

        package init(identity: ModelVersion.Identity, digest: String) {
            self.identity = identity
            self.digest = digest
        }
    }

    package struct Start: Sendable, Hashable {
        package var fit: FitID
        /// From 1; how often the fit was begun and neither released nor judged.
        package var attempt: Int
        package var instance: String

        package init(fit: FitID, attempt: Int, instance: String) {
            self.fit = fit
            self.attempt = attempt
            self.instance = instance
        }
    }

    package struct Progress: Sendable, Hashable {
        package var fit: FitID
        package var epoch: Int
        /// Made, and planned at most.
        package var step: Int
        package var steps: Int
        package var loss: Double
        /// The epoch that has just ended.
        package var history: EpochRecord?

        package init(fit: FitID, epoch: Int, step: Int, steps: Int, loss: Double, history: EpochRecord? = nil) {
            self.fit = fit
            self.epoch = epoch
            self.step = step
            self.steps = steps
            self.loss = loss
            self.history = history
        }

        package init(_ fit: FitID, _ progress: FitProgress) {
            self.init(
                fit: fit, epoch: progress.epoch, step: progress.step, steps: progress.plannedSteps,
                loss: progress.loss, history: progress.finishedEpoch)
        }
    }

    package enum Judgement: Sendable, Hashable {
        case report(EvaluationReport)
        case error(String)

        package var report: EvaluationReport? {
            if case .report(let report) = self { report } else { nil }
        }
    }

    package struct Completion: Sendable, Hashable {
        package var version: Int
        /// On the rows held out, or means over folds.
        package var metrics: [Metric: Double]
        package var folds: [Metric: FoldSummary]
        package var promoted: Bool
        /// What the promotion was decided by.
        package var promotion: JSONValue?
        /// SHA-256 of the weights file.
        package var weights: String
        /// Of the version's bundle.
        package var bundle: String
        /// Of the dataset's rows.
        package var dataset: String
        package var confusion: JSONValue?

        package init(
            version: Int, metrics: [Metric: Double] = [:], folds: [Metric: FoldSummary] = [:], promoted: Bool,
            promotion: JSONValue? = nil, weights: String, bundle: String, dataset: String, confusion: JSONValue? = nil
        ) {
            self.version = version
            self.metrics = metrics
            self.folds = folds
            self.promoted = promoted
            self.promotion = promotion
            self.weights = weights
            self.bundle = bundle
            self.dataset = dataset
            self.confusion = confusion
        }
    }

    static let sourceHeader = "millrace-source"

    package let job: String
    package let model: String
    /// Milliseconds since 1970-01-01 UTC.
    package let time: Int64
    package let change: Change

    package init(job: String, model: String, time: Int64, _ change: Change) {
        self.job = job
        self.model = model
        self.time = time
        self.change = change
    }

    /// Whether the job has come to its end.
    package var isLast: Bool {
        switch change {
        case .completed, .failed, .cancelled: true
        case .accepted, .started, .progress, .released, .evaluated: false
        }
    }

    /// - Parameters:
    ///   - source: `topic/partition/offset` of the request.
    ///   - maximumBytes: of the value; what only explains is left out of a larger one, and member `shortened` says so.
    package func record(topic: String, source: String, maximumBytes: Int = .max) -> ProducerRecord {
        var bytes = json.serialized(.compact)
        if bytes.count > maximumBytes { bytes = shortened.serialized(.compact) }
        return ProducerRecord(
            topic: topic, key: ArraySlice(job.utf8), value: bytes[...],
            headers: [
                KafkaHeader(name: "content-type", text: "application/json"),
                KafkaHeader(name: Self.sourceHeader, text: source),
            ])
    }
}
