import Foundation
import JSONDocuments
import KafkaClient
import TestSupport
import Testing

@testable import MillraceCommand

/// `serve` with training, as processes that are killed.
@Suite(.timeLimit(.minutes(4))) struct ServiceTrainingTests {
    let folder: TemporaryFolder
    private let cluster: EmbeddedCluster

    init() throws {
        folder = try TemporaryFolder()
        cluster = try EmbeddedCluster()
        for topic in ["requests", "requests-dlt", "results", "models", "jobs", "events", "tasks"] {
            try cluster.createTopic(topic, partitions: topic == "models" ? 1 : 2)
        }
    }

    private var settings: [String] {
        let values = [
            "topics.requests=requests", "topics.results=results", "topics.models=models",
            "models.store=\(folder.path)/store", "recovery.directory=\(folder.path)/recovery",
            "training.enabled=true", "training.requests=jobs", "training.events=events", "training.tasks=tasks",
            "training.checkpoints=\(folder.path)/checkpoints", "training.attempts=2", "kafka.session-timeout=3s",
        ]
        return ["--bootstrap-servers", cluster.bootstrapServers] + values.flatMap { ["--set", $0] }
    }

    private func serve() throws -> RunningBinary {
        try BinaryRunner.start(["serve", "--log-format", "json", "--set", "gateway.port=0"] + settings)
    }

    private func events(_ job: String) async throws -> [JSONCursor] {
        let reader = try RangeReader(
            ConsumerConfiguration(
                kafka: KafkaConfiguration(bootstrapServers: cluster.bootstrapServers), groupID: "test-reader"),
            logger: TrainTopicsTests.quiet)
        var found: [JSONCursor] = []
        try await reader.start(try await ranges())
        while let records = try await reader.next() {
            for record in records where record.key.map({ $0.elementsEqual(job.utf8) }) == true {
                found.append(JSONCursor(try JSONValue(parsing: record.value ?? [])))
            }
        }
        await reader.close()
        return found
    }

    private func ranges() async throws -> [TopicPartition: Range<Int64>] {
        let admin = try KafkaAdmin(
            KafkaConfiguration(bootstrapServers: cluster.bootstrapServers), logger: TrainTopicsTests.quiet)
        let partitions = (0..<Int32(2)).map { TopicPartition(topic: "events", partition: $0) }
        let ends = try await admin.offsets(of: partitions, at: .latest)
        await admin.close(deadline: .seconds(2))
        return ends.compactMapValues { $0.map { 0..<$0 } }
    }

    private func starts(_ job: String, of fit: String) async throws -> Int {
        try await events(job).count { event in
            try event.member("event").string() == "started" && event.member("fit").string() == fit
        }
    }

    private func get(_ port: UInt16, _ path: String) throws -> HealthProbe.Answer {
        let target = try #require(HealthProbe.Target(url: "http://127.0.0.1:\(port)\(path)"))
        return try HealthProbe.ask(target, timeout: .seconds(5))
    }

    @Test func `a trial that ends the process every time is given up, and the search goes on`() async throws {
        guard case .object(var request) = TrainingSamples.digitsRequest(epochs: 1) else { return }
        let rows = TrainingSamples.table(60).map {
            JSONValue.object(["x": .real($0.x), "y": .real($0.y), "label": .string($0.label)])
        }
        request["dataset"] = ["rows": .array(rows), "schema": TrainingSamples.schema]
        request["architecture"] = [
            "input": ["shape": [2]], "layers": [["type": "dense", "units": 3, "activation": "softmax"]],
        ]
        // The first trial would take for ever: it is at work whenever the process is killed.
        request["search"] = ["strategy": "grid", "metric": "accuracy", "parameters": ["epochs": [100_000, 1]]]
        let file = try folder.write(JSONValue.object(request), as: "request.json")
        let sent = try await BinaryRunner.run(["train", "submit", file, "--job", "search"] + settings)
        try #require(sent.exitCode == 0, "\(sent.stderr)")
        for life in 1...2 {
            let service = try serve()
            try await service.wait(within: .seconds(60), for: "for the trial, in life \(life)") {
                try #require(service.isRunning, "\(service.stderr)")
                try await Task.sleep(for: .milliseconds(300))
                return try await starts("search", of: "t0-f0") == life
            }
            service.killAtOnce()
            #expect(try await service.output(within: .seconds(10)).exitCode == 128 + SIGKILL)
        }
        let service = try serve()
        let port = try await service.gatewayPort()
        try await service.wait(within: .seconds(60), for: "for both trials' ends") {
            try await Task.sleep(for: .milliseconds(300))
            try #require(service.isRunning, "\(service.stderr)")
            return try await events("search").count { try $0.member("event").string() == "evaluated" } >= 2
        }
        let all = try await events("search")
        let judged = try all.filter { try $0.member("event").string() == "evaluated" }
        let given = try #require(try judged.first { try $0.member("fit").string() == "t0-f0" })
        #expect(try given.member("error").string().hasPrefix("TOO_MANY_ATTEMPTS: the fit was begun 2 times"))
        #expect(try judged.contains { try $0.member("fit").string() == "t1-f0" && $0.optionalMember("report") != nil })
        #expect(try await starts("search", of: "t0-f0") == 2, "a third process would have died")
        // The job goes on with the other trial. How it ends is for a broker that answers questions about topics.
        #expect(try !all.contains { try $0.member("event").string() == "failed" })

        let metrics = try get(port, "/metrics")
        #expect(metrics.status == 200)
        for line in [
            "millrace_training_running_jobs 1\n", "# TYPE millrace_training_fit_seconds summary\n",
            "# TYPE kafka_records_consumed counter\n",
        ] { #expect(metrics.body.contains(line), "\(metrics.body)") }
        let ready = try get(port, "/v2/health/ready")
        let checks = try JSONCursor(JSONValue(parsing: Array(ready.body.utf8))).member("checks").elements()
        let training = try #require(try checks.first { try $0.member("name").string() == "training" }, "\(ready.body)")
        #expect(try training.member("ready").bool(), "\(ready.body)")
        service.terminate()
        #expect(try await service.output(within: .seconds(60)).exitCode == 0)
    }
}
