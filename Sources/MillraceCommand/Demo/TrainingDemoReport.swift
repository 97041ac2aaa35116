import JSONDocuments
import Serving
import Training

/// What the demonstration of training found.
struct TrainingDemoReport: Sendable {
    let plan: DigitsTraining
    let rows: Int
    let job: TrainingJobState
    let completion: TrainingEvent.Completion
    /// Of the requests that were kept from the training; nil when the version was not promoted.
    var answers: PromotedAnswers?
    /// From the request to the job's end.
    var trainingSeconds = 0.0
    /// From then until the service had loaded the version.
    var loadingSeconds = 0.0
    /// Of the whole demonstration.
    var seconds = 0.0

    /// Over the folds; NaN without any.
    var accuracy: FoldSummary { completion.folds[.accuracy] ?? FoldSummary([]) }

    /// What is wrong, a sentence each.
    var problems: [String] {
        var problems: [String] = []
        let accuracy = self.accuracy
        if accuracy.values.count != plan.folds {
            problems.append("the job tells the accuracy of \(accuracy.values.count) folds, expected \(plan.folds)")
        }
        // NaN is not enough either.
        if !(accuracy.mean >= plan.leastAccuracy) {
            problems.append(
                "the mean accuracy of the folds is \(MetricText.short(accuracy.mean)), expected at least "
                    + MetricText.short(plan.leastAccuracy))
        }
        if !completion.promoted { problems.append("version \(completion.version) was not promoted") }
        return problems + (answers?.problems ?? ["no request was sent"])
    }

    var isGood: Bool { problems.isEmpty }

    var text: String {
        var folds = TextTable([("FOLD", .left), ("ACCURACY", .right)])
        for (fold, value) in accuracy.values.enumerated() { folds.append("\(fold)", MetricText.short(value)) }
        folds.append("mean", MetricText.short(accuracy.mean))
        folds.append("deviation", "± \(MetricText.short(accuracy.standardDeviation))")

        var table = TextTable([("", .left), ("", .left)])
        let promotion = completion.promoted ? ", promoted to \(plan.alias)" : ", not promoted"
        table.append("version", "\(plan.model)@\(completion.version)\(promotion)")
        table.append("weights", completion.weights)
        table.append("dataset", completion.dataset)
        table.append("trained on", "\(rows) rows of \(plan.topic) in \(Self.seconds(trainingSeconds))")
        if let answers {
            table.append("served after", Self.seconds(loadingSeconds))
            table.append("held out", "\(answers.labels.count) requests in \(Self.seconds(answers.seconds))")
            table.append("answered", "\(answers.answered)")
            table.append("missing", "\(answers.missing)")
            table.append("duplicated", "\(answers.duplicated)")
            table.append("errors", "\(answers.errors)")
            table.append("other versions", "\(answers.otherVersions)")
            table.append("accuracy", NumberText.fixed(answers.accuracy, digits: 4))
        }
        table.append("in all", Self.seconds(seconds))
        return folds.render() + "\n" + table.render()
    }

    private static func seconds(_ value: Double) -> String { "\(NumberText.fixed(value, digits: 1)) s" }

    var document: JSONValue {
        var members: [String: JSONValue] = [
            "model": .string(plan.model), "version": .integer(Int64(completion.version)),
            "promoted": .bool(completion.promoted), "weights": .string(completion.weights),
            "dataset": .string(completion.dataset), "rows": .integer(Int64(rows)), "seed": .integer(Int64(plan.seed)),
            "accuracy_by_fold": accuracy.json, "training_seconds": .real(trainingSeconds), "seconds": .real(seconds),
            "passed": .bool(isGood), "problems": .array(problems.map { .string($0) }),
        ]
        if let answers {
            members["loading_seconds"] = .real(loadingSeconds)
            members["held_out"] = [
                "requests": .integer(Int64(answers.labels.count)), "answered": .integer(Int64(answers.answered)),
                "missing": .integer(Int64(answers.missing)), "duplicated": .integer(Int64(answers.duplicated)),
                "errors": .integer(Int64(answers.errors)), "other_versions": .integer(Int64(answers.otherVersions)),
                "accuracy": .real(answers.accuracy), "seconds": .real(answers.seconds),
            ]
        }
        return .object(members)
    }
}
