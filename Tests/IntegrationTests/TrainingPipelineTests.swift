import Foundation
import JSONDocuments
import KafkaClient
import MetricsTestKit
import ModelFormats
import ModelRegistry
import Serving
import TensorEngine
import Testing
import Training

@Suite(.serialized) struct TrainingPipelineTests {
    private func completion(_ events: [TrainingEvent]) throws -> TrainingEvent.Completion {
        guard case .completed(let completion)? = events.first(where: \.isLast)?.change else {
            throw TrainingFailure(.internal, "expected a completed event, found \(events)")
        }
        return completion
    }

    private func failure(_ events: [TrainingEvent]) -> TrainingFailure? {
        if case .failed(let failure)? = events.first(where: \.isLast)?.change { failure } else { nil }
    }

    /// Which of the three kinds the model thinks that points at the centres are.
    private func kinds(_ graph: Graph) throws -> [Int] {
        let compiled = try CompiledGraph(graph)
        let x = try Tensor(shape: [3, 2], elements: [0, 0, 30, 5, 15, 40] as [Float])
        let scores = try compiled.run([x], on: ExecutionContext())[0].withElements(Float.self) { Array($0) }
        return (0..<3).map { (index: Int) -> Int in
            let row = Array(scores[(index * 3)..<(index * 3 + 3)])
            return row.firstIndex(of: row.max() ?? 0) ?? -1
        }
    }

    @Test func foldsAreJudgedAndTheirModelServes() async throws {
        let harness = try await TrainingHarness()
        let request = harness.request([
            "evaluation": ["method": "k_fold", "folds": 3],
            "promotion": ["if": ["metric": "accuracy", "at_least": "champion"]],
        ])
        let counts = TestMetrics()
        let (job, events) = try await harness.running(metrics: TrainingMetrics(factory: counts)) { _ in
            let job = try await harness.submit(request)
            return (job, try await harness.end(of: job))
        }
        // Three fits to 80 rows and one to all 120, of 15 epochs each.
        #expect(try counts.expectCounter("millrace_training_samples_total").totalValue == 15 * (3 * 80 + 120))
        #expect(try counts.expectCounter("millrace_training_epochs_total").totalValue == 4 * 15)
        #expect(try counts.expectCounter("millrace_training_checkpoint_writes_total").totalValue >= 4 * 15)
        #expect(try counts.expectRecorder("millrace_training_fit_seconds").values.count == 4)
        #expect(try counts.expectCounter("millrace_training_jobs_total", [("end", "completed")]).totalValue == 1)
        #expect(try counts.expectGauge("millrace_training_last_version", [("model", "points")]).lastValue == 1)
        #expect(try counts.expectGauge("millrace_training_running_jobs").lastValue == 0)
        let completion = try completion(events)
        #expect(completion.version == 1 && completion.promoted)
        let folds = try #require(completion.folds[.accuracy])
        #expect(folds.values.count == 3 && folds.mean > 0.9)
        let judged = events.compactMap { event in
            if case .evaluated(let fit, .report) = event.change { fit.description } else { nil }
        }
        #expect(Set(judged) == ["t0-f0", "t0-f1", "t0-f2"])
        guard case .accepted(let acceptance)? = events.first?.change else {
            Issue.record("expected an accepted event first, found \(events)")
            return
        }
        #expect(acceptance.ranges == ResolvedRanges([0: 0..<60, 1: 0..<60]) && acceptance.folds == 3)
        // The version is the registry's, and its bundle says where it comes from.
        let model = try #require(try await harness.registry.log.read().state.models["points"])
        let version = try #require(model.versions[1])
        #expect(model.aliases["champion"]?.number == 1)
        #expect(version.record.digest == completion.bundle && version.record.weightsSHA256 == completion.weights)
        let bundle = try await harness.store.bundle(digest: version.record.digest)
        #expect(try kinds(bundle.graph) == [0, 1, 2])
        let lineage = JSONCursor(try #require(bundle.manifest.training))
        #expect(try lineage.member("job").string() == job)
        #expect(try lineage.member("request").value == request)
        #expect(try lineage.member("dataset").member("digest").string() == completion.dataset)
        #expect(try lineage.member("dataset").member("rows").integer() == 120)
        let runs = try await harness.read(harness.lineage).map { record in
            try JSONCursor(JSONValue(parsing: Array(record.value ?? []))).member("eventType").string()
        }
        #expect(runs == ["START", "COMPLETE"])
        await harness.close()
    }

    @Test func aStoppedJobGoesOnAndEndsOnce() async throws {
        let harness = try await TrainingHarness()
        let request = harness.request(["epochs": 600, "checkpoint_steps": 20])
        let job = try await harness.running("one") { _ in
            let job = try await harness.submit(request)
            try await eventually {
                try await harness.events(of: job).contains { if case .progress = $0.change { true } else { false } }
            }
            return job
        }
        #expect(try await !harness.events(of: job).contains(where: \.isLast))
        let events = try await harness.running("two") { _ in try await harness.end(of: job) }
        let first = try completion(events)
        // The embedded cluster keeps no offsets of transactions: there the request is read again, and passed over.
        try await harness.running("three") { pipeline in
            try await eventually { pipeline.isAssigned }
            try await Task.sleep(for: .seconds(2))
        }
        #expect(try await harness.events(of: job).filter(\.isLast).count == 1)
        let attempts = try await harness.events(of: job).compactMap { event in
            if case .accepted(let acceptance) = event.change { acceptance.attempt } else { nil }
        }
        #expect(attempts == [1, 2])
        #expect(try await harness.registry.log.read().state.models["points"]?.versions.count == first.version)
        await harness.close()
    }

    @Test func aFitThatEndsItsProcessEveryTimeIsGivenUp() async throws {
        let harness = try await TrainingHarness()
        let fit = FitID(trial: 0, fold: 1)
        for attempt in 1...2 {
            try await harness.produce(
                .started(.init(fit: fit, attempt: attempt, instance: "killed-\(attempt)")), of: "deadly")
        }
        let request = harness.request(["evaluation": ["method": "k_fold", "folds": 2], "epochs": 2])
        let events = try await harness.running(adjust: {
            $0.attempts = 2
            $0.releaseGrace = .milliseconds(500)
        }) { _ in
            try await harness.submit(request, job: "deadly")
            return try await harness.end(of: "deadly")
        }
        #expect(failure(events)?.code == .tooManyAttempts)
        #expect(failure(events)?.message.contains("t0-f1") == true)
        let starts = events.filter { if case .started(let start) = $0.change { start.fit == fit } else { false } }
        #expect(starts.count == 2, "a third process would have died")
        #expect(try await harness.models().isEmpty)
        await harness.close()
    }

    @Test func aStopIsNoDeathOfAFit() async throws {
        let harness = try await TrainingHarness()
        let request = harness.request([
            "evaluation": ["method": "k_fold", "folds": 2], "epochs": 300, "checkpoint_steps": 20,
        ])
        let job = try await harness.running("one", adjust: { $0.attempts = 1 }) { _ in
            let job = try await harness.submit(request)
            try await eventually {
                try await harness.events(of: job).contains { if case .progress = $0.change { true } else { false } }
            }
            return job
        }
        let first = try await harness.events(of: job)
        #expect(first.contains { if case .released(.some) = $0.change { true } else { false } })
        #expect(first.contains { $0.change == .released(nil) })
        let events = try await harness.running("two", adjust: { $0.attempts = 1 }) { _ in try await harness.end(of: job)
        }
        #expect(try completion(events).folds[.accuracy]?.values.count == 2)
        await harness.close()
    }

    @Test func badJobsFailAndLongOnesAreCancelled() async throws {
        let harness = try await TrainingHarness()
        let slow = harness.request(["epochs": 100_000, "model": "slow"])
        let absent: JSONValue = [
            "topic": "absent", "schema": ["features": ["shape": [2]], "label": ["name": "kind", "kind": "class"]],
        ]
        try await harness.running { _ in
            let unreadable = try await harness.submit(["model": "points"])
            let lost = try await harness.submit(harness.request(["dataset": absent]))
            let file = try await harness.submit(
                harness.request([
                    "dataset": [
                        "csv": "rows.csv",
                        "schema": ["features": ["shape": [2]], "label": ["name": "k", "kind": "class"]],
                    ]
                ]))
            let late = try await harness.submit(harness.request(["epochs": 100_000, "deadline_seconds": 1]))
            let endless = try await harness.submit(slow, job: "endless")
            let waiting = try await harness.submit(slow, job: "waiting")
            #expect(try await failure(harness.end(of: unreadable))?.code == .invalidRequest)
            #expect(try await failure(harness.end(of: lost))?.message.contains("\"absent\" does not exist") == true)
            #expect(try await failure(harness.end(of: file))?.message.contains("training.data-folder") == true)
            #expect(try await failure(harness.end(of: late))?.code == .deadlineExceeded)
            try await eventually { try await !harness.events(of: endless).isEmpty }
            try await harness.cancel(waiting)
            try await harness.cancel(endless)
            #expect(try await harness.end(of: endless).last?.change == .cancelled)
            #expect(try await harness.end(of: waiting).map(\.change) == [.cancelled])
        }
        #expect(try await harness.models().isEmpty)
        await harness.close()
    }

    @Test func aWorseModelIsAVersionButDoesNotServe() async throws {
        let harness = try await TrainingHarness()
        let promotion: JSONValue = ["if": ["metric": "accuracy", "at_least": "champion"]]
        try await harness.running { _ in
            let good = try await harness.submit(harness.request(["promotion": promotion]))
            #expect(try completion(try await harness.end(of: good)).promoted)
            let bad = try await harness.submit(
                harness.request([
                    "promotion": promotion, "epochs": 1, "optimizer": ["type": "sgd", "learning_rate": 1e-6],
                ]))
            let completion = try completion(try await harness.end(of: bad))
            #expect(completion.version == 2 && !completion.promoted)
            let decided = JSONCursor(try #require(completion.promotion))
            #expect(try decided.member("incumbent").integer() == 1)
            #expect(try decided.member("incumbent_value").number() > decided.member("value").number())
            // Trained further from the champion, which holds for whoever takes the job over.
            let further = try await harness.submit(
                harness.request([
                    "architecture": nil, "base": ["version": "champion"], "preprocessing": nil, "epochs": 1,
                    "promotion": nil,
                ]))
            let last = try await harness.end(of: further)
            #expect(try self.completion(last).version == 3)
            guard case .accepted(let acceptance)? = last.first?.change else { return }
            #expect(acceptance.base?.identity.number == 1)
        }
        let model = try #require(try await harness.registry.log.read().state.models["points"])
        #expect(model.versions.count == 3 && model.champion == 1)
        await harness.close()
    }
}
