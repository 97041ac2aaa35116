import JSONDocuments
import Testing
import Training

@Suite struct TrainingJobTests {
    private func request(_ changes: [String: JSONValue]) throws -> TrainingRequest {
        var members: [String: JSONValue] = [
            "model": "points",
            "architecture": [
                "input": ["shape": [2]], "layers": [["type": "dense", "units": 2, "activation": "softmax"]],
            ],
            "loss": "softmax_cross_entropy", "optimizer": ["type": "sgd", "learning_rate": 0.1],
            "dataset": [
                "rows": [["features": [1, 2], "label": 0]],
                "schema": ["features": ["shape": [2]], "label": ["name": "label", "kind": "class_index", "count": 2]],
            ],
        ]
        for (name, value) in changes { members[name] = value }
        return try TrainingRequest(.object(members))
    }

    private func report(_ accuracy: Double) -> EvaluationReport {
        EvaluationReport(rowCount: 10, values: [.accuracy: accuracy])
    }

    @Test func aHoldOutNeedsOneFit() throws {
        let job = try TrainingJob(request([:]), foldCount: 1)
        #expect(try job.next([:]) == .fit(TrainingJob.Fit(id: FitID(trial: 0, fold: 0), request: job.request.json)))
    }

    @Test func foldsComeBeforeTheFitToAllRows() throws {
        let job = try TrainingJob(request(["evaluation": ["method": "k_fold", "folds": 3]]), foldCount: 3)
        var results: [FitID: EvaluationReport?] = [FitID(trial: 0, fold: 1): report(0.5)]
        guard case .judge(let fits) = try job.next(results) else {
            Issue.record("expected fits that judge")
            return
        }
        #expect(fits.map(\.id.description) == ["t0-f0", "t0-f2"])
        results[FitID(trial: 0, fold: 0)] = report(0.7)
        results[FitID(trial: 0, fold: 2)] = report(0.9)
        guard case .fit(let last) = try job.next(results) else {
            Issue.record("expected the last fit")
            return
        }
        #expect(last.id.description == "t0")
        #expect(abs(try #require(job.summary(0, results)[.accuracy]).mean - 0.7) < 1e-12)
    }

    /// The fit to all rows has nothing to measure by.
    @Test func theLastFitTrainsAsLongAsItsFolds() throws {
        let stopping: JSONValue = ["monitor": "validation_loss", "patience": 2]
        let changes: [String: JSONValue] = [
            "evaluation": ["method": "k_fold", "folds": 2], "early_stopping": stopping,
        ]
        func last(_ changes: [String: JSONValue], _ epochs: [Int?]) throws -> JSONValue? {
            let job = try TrainingJob(request(changes), foldCount: 2)
            var results: [FitID: EvaluationReport?] = [:]
            for (fold, epochs) in epochs.enumerated() {
                var report = report(0.5)
                report.epochs = epochs
                results[FitID(trial: 0, fold: fold)] = report
            }
            guard case .fit(let fit) = try job.next(results) else { return nil }
            return try JSONCursor(fit.request).optionalMember("early_stopping")?.value
        }
        #expect(try last(changes, [7, 10]) == ["after": 9])
        #expect(try last(changes, [nil, nil]) == stopping)
        let loss: JSONValue = ["monitor": "loss"]
        #expect(try last(changes.merging(["early_stopping": loss]) { $1 }, [7, 10]) == loss)
    }

    @Test func fitsAreCountedBeforehand() throws {
        let grid: JSONValue = [
            "strategy": "grid", "metric": "accuracy", "parameters": ["optimizer.learning_rate": [0.1, 0.2, 0.4]],
        ]
        let halving: JSONValue = [
            "strategy": "successive_halving", "metric": "accuracy", "trials": 9, "reduction": 3, "maximum_resource": 9,
            "parameters": ["optimizer.learning_rate": [0.1, 0.2]],
        ]
        let folds: JSONValue = ["method": "k_fold", "folds": 5]
        #expect(try TrainingJob(request([:]), foldCount: 1).fitCount == 1)
        #expect(try TrainingJob(request(["evaluation": folds]), foldCount: 5).fitCount == 6)
        #expect(try TrainingJob(request(["evaluation": folds, "search": grid]), foldCount: 5).fitCount == 16)
        // Rounds of 9, 3 and 1.
        #expect(try TrainingJob(request(["search": halving]), foldCount: 1).fitCount == 14)
        var limits = TrainingLimits.default
        limits.maximumFits = 15
        let error = #expect(throws: JSONError.self) {
            try TrainingJob(request(["evaluation": folds, "search": grid]), foldCount: 5, limits: limits)
        }
        #expect(error?.description == "search: found 5 folds of 3 trials, expected at most 15 fits in all")
    }

    @Test func theBestTrialIsFitted() throws {
        let search: JSONValue = [
            "strategy": "grid", "metric": "accuracy",
            "parameters": ["optimizer.learning_rate": ["choices": [0.1, 0.2, 0.4]]],
        ]
        let job = try TrainingJob(request(["search": search]), foldCount: 1)
        guard case .judge(let fits) = try job.next([:]) else {
            Issue.record("expected trials")
            return
        }
        #expect(fits.map(\.id.description) == ["t0-f0", "t1-f0", "t2-f0"])
        let rates = try fits.map { try JSONCursor($0.request).member("optimizer").member("learning_rate").number() }
        #expect(rates == [0.1, 0.2, 0.4])
        var results: [FitID: EvaluationReport?] = [:]
        results[fits[0].id] = report(0.5)
        results[fits[1].id] = report(0.8)
        results.updateValue(nil, forKey: fits[2].id)
        #expect(try job.next(results) == .fit(TrainingJob.Fit(id: fits[1].id, request: fits[1].request)))
        for fit in fits { results.updateValue(nil, forKey: fit.id) }
        guard case .failed = try job.next(results) else {
            Issue.record("expected a failure")
            return
        }
    }

    private static func search(_ metric: JSONValue) -> JSONValue {
        ["strategy": "grid", "metric": metric, "parameters": ["seed": [1, 2]]]
    }

    private static let numbers: JSONValue = [
        "rows": [["features": [1, 2], "label": 0]],
        "schema": ["features": ["shape": [2]], "label": ["kind": "number"]],
    ]

    private static let vectors: [String: JSONValue] = [
        "architecture": .null, "loss": .null, "optimizer": .null,
        "early_model": ["family": "support_vector_machine"],
    ]

    private static let mistakes: [([String: JSONValue], String, String)] = [
        (["optimizer": ["type": "adm"]], "optimizer", "did you mean \"adam\""),
        (["epochs": 0], "epochs", "found 0"), (["epoch": 3], "epoch", "did you mean \"epochs\""),
        (["base": ["version": 1]], "", "found \"architecture\" and \"base\""),
        (["promotion": ["if": ["metric": "accuracy", "at_most": 1]]], "promotion.if", "at_least"),
        (
            ["evaluation": ["method": "none"], "promotion": ["if": ["metric": "accuracy", "at_least": 0.5]]],
            "promotion", "none"
        ),
        (["dataset": ["schema": [:]]], "dataset", "found none"),
        (
            ["evaluation": ["method": "none"], "search": search("accuracy")],
            "search: compares trials", "\"evaluation\" is \"none\""
        ),
        (
            ["search": search("loss")], "search.metric: found \"loss\", expected a metric of classes, one of accuracy,",
            "log_loss"
        ),
        (["search": search("rmse")], "search.metric: found \"rmse\"", "a metric of classes"),
        (
            ["search": search("accuracy"), "dataset": numbers],
            "search.metric: found \"accuracy\"", "expected a metric of numbers, one of rmse, mae, r2"
        ),
        (
            ["promotion": ["if": ["metric": "loss", "at_most": 1]]], "promotion.if.metric: found \"loss\"",
            "a metric of classes"
        ),
        (
            ["promotion": ["if": ["metric": "f1_macro", "at_least": 1]], "dataset": numbers],
            "promotion.if.metric: found \"f1_macro\"", "one of rmse, mae, r2"
        ),
        (
            ["early_stopping": ["monitor": "validation_rmse"]], "early_stopping.monitor: found \"validation_rmse\"",
            "one of loss, validation_accuracy,"
        ),
        (
            ["early_stopping": ["monitor": "validation_accuracy"], "dataset": numbers],
            "early_stopping.monitor: found \"validation_accuracy\"",
            "one of loss, validation_loss, validation_mae, validation_r2, validation_rmse"
        ),
        (
            vectors.merging(["checkpoint_steps": 3]) { $1 }, "checkpoint_steps: an early model",
            "expected no \"checkpoint_steps\""
        ),
        (
            vectors.merging(["search": search("log_loss")]) { $1 }, "search.metric: found \"log_loss\"",
            "early_model.hyperparameters.probability to be true"
        ),
        (
            vectors.merging(["promotion": ["if": ["metric": "log_loss", "at_most": 1]]]) { $1 },
            "promotion.if.metric: found \"log_loss\"", "early_model.hyperparameters.probability to be true"
        ),
    ]

    @Test(arguments: mistakes) func mistakesAreNamed(_ changes: [String: JSONValue], _ path: String, _ message: String)
        throws
    {
        let error = #expect(throws: JSONError.self) { try request(changes) }
        let text = try #require(error).description
        #expect(text.contains(path) && text.contains(message), "\(text)")
    }

    @Test func whatReportsHoldCanBeCompared() throws {
        for metric in ["accuracy", "roc_auc", "log_loss"] {
            #expect(try request(["search": Self.search(.string(metric))]).search?.metric.rawValue == metric)
        }
        for metric in ["rmse", "mae", "r2"] {
            let found = try request([
                "search": Self.search(.string(metric)), "dataset": Self.numbers, "loss": "mse",
                "early_stopping": ["monitor": .string("validation_\(metric)")],
            ])
            #expect(found.search?.metric.rawValue == metric)
        }
        let probable: JSONValue = ["family": "support_vector_machine", "hyperparameters": ["probability": true]]
        let vectors = Self.vectors.merging(["early_model": probable, "search": Self.search("log_loss")]) { $1 }
        #expect(try request(vectors).search?.metric == .logLoss)
    }

    @Test func fitsHaveNames() {
        for id in [FitID(trial: 0, fold: 0), FitID(trial: 12, fold: 3), FitID(trial: 7, fold: nil)] {
            #expect(FitID(id.description) == id)
        }
        for text in ["", "t", "t1-", "t1-f", "f1", "t-1", "t1-f2-f3", "x1"] { #expect(FitID(text) == nil, "\(text)") }
    }

    @Test func promotionComparesWithTheIncumbent() throws {
        let rule = try #require(
            try request(["promotion": ["if": ["metric": "accuracy", "at_least": "champion"]]]).promotion)
        #expect(rule.promotes(0.9, incumbent: 0.9) && rule.promotes(0.9, incumbent: nil))
        #expect(
            !rule.promotes(0.8, incumbent: 0.9) && !rule.promotes(.nan, incumbent: 0.1)
                && !rule.promotes(nil, incumbent: nil))
        let always = try #require(try request(["promotion": ["alias": "canary"]]).promotion)
        #expect(always.alias == "canary" && always.promotes(nil, incumbent: 1))
    }
}
