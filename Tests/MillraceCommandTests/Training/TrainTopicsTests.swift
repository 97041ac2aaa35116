import Foundation
import JSONDocuments
import KafkaClient
import Logging
import TestSupport
import Testing

@testable import MillraceCommand

/// `millrace train submit`, `status`, `events` and `cancel` beside a test that plays the service.
@Suite struct TrainTopicsTests {
    static let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    let folder: TemporaryFolder
    let topics: TrainingTopics

    init() async throws {
        folder = try TemporaryFolder()
        topics = try await TrainingTopics.make()
    }

    private func train(_ arguments: [String]) async throws -> BinaryRunner.Output {
        try await BinaryRunner.run(["train"] + arguments + topics.flags)
    }

    private func submit(_ arguments: [String] = []) async throws -> BinaryRunner.Output {
        let file = try folder.write(TrainingSamples.digitsRequest(), as: "request.json")
        return try await train(["submit", file] + arguments)
    }

    @Test func `a request is a record that names its job`() async throws {
        let named = try await submit(["--job", "nightly", "--output", "json"])
        try #require(named.exitCode == 0, "\(named.stderr)")
        #expect(try named.document().member("job").string() == "nightly")
        let unnamed = try await submit(["--output", "json"])
        let job = try unnamed.document().member("job").string()
        #expect(UUID(uuidString: job) != nil)
        let records = try await topics.read(topics.requests)
        #expect(records.count == 2)
        #expect(records.map { $0.key.map { String(decoding: $0, as: UTF8.self) } } == ["digits", "digits"])
        #expect(Set(records.map(\.topicPartition)).count == 1)
        #expect(
            records.compactMap { $0.firstHeaderValue(ignoringCase: "millrace-job") }
                .map { String(decoding: $0, as: UTF8.self) } == ["nightly", job])
        #expect(try JSONValue(parsing: records[0].value ?? []) == TrainingSamples.digitsRequest())
        let first = try #require(records.first)
        #expect(
            try named.document().member("request").string() == "\(first.topicPartition)/\(first.offset)")

        // No service has taken it.
        let waiting = try await train(["status", "nightly", "--output", "json"])
        #expect(try waiting.document().member("state").string() == "waiting", "\(waiting.stderr)")
        let unknown = try await train(["status", "other"])
        #expect(unknown.exitCode == 4 && unknown.stderr.contains("other"), "\(unknown.stderr)")
    }

    @Test func `a bad request is not sent`() async throws {
        let file = try folder.write(#"{"model": "digits", "epoch": 1}"#, as: "bad.json")
        let output = try await train(["submit", file])
        #expect(output.exitCode == 2)
        #expect(output.stderr.contains("bad.json") && output.stderr.contains("epoch"), "\(output.stderr)")
        #expect(try await topics.read(topics.requests).isEmpty)
    }

    @Test func `waiting shows the job to its end`() async throws {
        let plot = folder.path + "/job.svg"
        let service = Task { [topics] in
            _ = try await topics.awaitRequest("j1")
            try await topics.produce(Self.events("j1") + [Self.completed("j1")])
        }
        let output = try await submit(["--job", "j1", "--wait", "--maximum-wait", "60", "--plot", plot])
        try await service.value
        try #require(output.exitCode == 0, "\(output.stderr)")
        for text in ["t0-f0 epoch 1: loss 0.5000", "t0-f0: loss 0.3000, accuracy 0.9000", "accepted, 2 folds"] {
            #expect(output.stderr.contains(text), "\(output.stderr)")
        }
        for text in ["digits@3, promoted", "state    completed", "accuracy", "± 0.0283"] {
            #expect(output.stdout.contains(text), "\(output.stdout)")
        }
        let chart = try folder.read("job.svg")
        for text in ["digits: loss", "t0-f0 validation", "confusion matrix"] { #expect(chart.contains(text)) }
    }

    @Test(arguments: [
        (#""event":"failed","code":"INVALID_DATA","message":"row 7: found none""#, "row 7: found none"),
        (#""event":"cancelled""#, "cancelled"),
    ])
    func `a job that did not complete ends the command with 1`(event: String, mentions: String) async throws {
        let service = Task { [topics] in
            _ = try await topics.awaitRequest("j2")
            try await topics.produce([#"{"job":"j2","model":"digits","time":"2026-03-01T00:00:05.000Z",\#(event)}"#])
        }
        let output = try await submit(["--job", "j2", "--wait", "--maximum-wait", "60"])
        try await service.value
        #expect(output.exitCode == 1, "\(output.stderr)")
        #expect(output.stdout.contains(mentions), "\(output.stdout)")
    }

    @Test func `waiting ends in time`() async throws {
        let output = try await submit(["--wait", "--maximum-wait", "1"])
        #expect(output.exitCode == 1 && output.stderr.contains("no event within 1.0 s"), "\(output.stderr)")
    }

    @Test func `jobs are listed with where they are`() async throws {
        try await topics.produce(Self.events("j3") + Self.events("j4") + [Self.completed("j4")])
        try await topics.produce(["no event at all"], key: "j5")
        let table = try await train(["status"])
        try #require(table.exitCode == 0, "\(table.stderr)")
        #expect(table.stderr.contains("1 records"), "\(table.stderr)")
        let lines = table.stdout.split(separator: "\n")
        #expect(lines.count == 3, "\(table.stdout)")
        let running = try #require(lines.first { $0.hasPrefix("j3") })
        #expect(running.contains("running") && running.contains("t0 40 %") && running.contains("0.4000"), "\(running)")
        let completed = try #require(lines.first { $0.hasPrefix("j4") })
        #expect(completed.contains("version 3, promoted, accuracy 0.8800"), "\(completed)")

        let list = try await train(["status", "--output", "json"]).document().elements()
        #expect(try list.map { try $0.member("state").string() }.sorted() == ["completed", "running"])
        #expect(try await train(["status", "--model", "other", "--output", "json"]).document().elements().isEmpty)
        let one = try await train(["status", "j4", "--output", "json"]).document()
        #expect(try one.member("version").integer() == 3)
        #expect(try one.member("metrics_by_fold").member("accuracy").member("mean").number() == 0.88)
    }

    @Test func `events are listed and followed`() async throws {
        try await topics.produce(Self.events("j6"))
        let list = try await train(["events", "j6", "--output", "json"])
        let names = try list.document().elements().map { try $0.member("event").string() }
        #expect(names == ["accepted", "progress", "evaluated", "evaluated", "progress"])
        #expect(try await train(["events", "none"]).exitCode == 4)
        let service = Task { [topics] in
            try await Task.sleep(for: .milliseconds(300))
            try await topics.produce([Self.completed("j6")])
        }
        let followed = try await train(["events", "j6", "--follow", "--output", "json"])
        try await service.value
        #expect(followed.exitCode == 0, "\(followed.stderr)")
        let lines = try followed.stdout.split(separator: "\n").map { try JSONCursor(JSONValue(parsing: String($0))) }
        #expect(try lines.map { try $0.member("event").string() } == names + ["completed"])
    }

    @Test func `a cancellation goes where the request is`() async throws {
        _ = try await submit(["--job", "j7"])
        let request = try #require(try await topics.read(topics.requests).first)
        let output = try await train(["cancel", "j7", "--output", "json"])
        try #require(output.exitCode == 0, "\(output.stderr)")
        let records = try await topics.read(topics.requests)
        let cancellation = try #require(records.last)
        #expect(records.count == 2)
        #expect(cancellation.topicPartition == request.topicPartition)
        #expect(cancellation.key == request.key)
        #expect(try JSONValue(parsing: cancellation.value ?? []) == ["cancel": "j7"])
        // By where it is, of a request that names no job.
        try await topics.produce([#"{"model": "digits"}"#], key: "digits", to: topics.requests)
        let unnamed = try #require(
            try await topics.read(topics.requests).first {
                $0.firstHeaderValue(ignoringCase: "millrace-job") == nil
                    && $0.value.map { !String(decoding: $0, as: UTF8.self).contains("cancel") } == true
            })
        #expect(try await train(["cancel", "\(unnamed.topicPartition)/\(unnamed.offset)"]).exitCode == 0)

        let unknown = try await train(["cancel", "other"])
        #expect(unknown.exitCode == 4, "\(unknown.stderr)")
        try await topics.produce([Self.completed("j7")])
        let over = try await train(["cancel", "j7"])
        #expect(over.exitCode == 5 && over.stderr.contains("completed"), "\(over.stderr)")
    }

    @Test func `the configuration names the topics, and flags override it`() async throws {
        let file = try folder.write(
            """
            kafka: {bootstrap-servers: "\(topics.servers)"}
            training: {requests: \(topics.requests), events: \(topics.events)}
            """, as: "millrace.yaml")
        let request = try folder.write(TrainingSamples.digitsRequest(), as: "request.json")
        let sent = try await BinaryRunner.run(["train", "submit", request, "--job", "j8", "--config", file])
        try #require(sent.exitCode == 0, "\(sent.stderr)")
        #expect(try await topics.read(topics.requests).count == 1)
        try await topics.produce(Self.events("j8"))
        let status = try await BinaryRunner.run(["train", "status", "j8", "--config", file, "--output", "json"])
        #expect(try status.document().member("state").string() == "running", "\(status.stderr)")
        let other = try await BinaryRunner.run(
            ["train", "events", "j8", "--config", file, "--events-topic", topics.rows])
        #expect(other.exitCode == 4 && other.stderr.contains(topics.rows), "\(other.stderr)")
        let wrong = try await BinaryRunner.run(["train", "status", "--config", file, "--events-topic", "a/b"])
        #expect(wrong.exitCode == 2 && wrong.stderr.contains("--events-topic"), "\(wrong.stderr)")
    }

    @Test func `topics that are not there are said`() async throws {
        let nobody = ["--bootstrap-servers", ServiceTests.nobody, "--timeout", "2"]
        let file = try folder.write(TrainingSamples.digitsRequest(), as: "request.json")
        let output = try await BinaryRunner.run(["train", "submit", file] + nobody)
        #expect(output.exitCode == 3, "\(output.stderr)")
    }

    // MARK: What a service says

    private static func event(_ job: String, _ second: Int, _ members: String) -> String {
        #"{"job":"\#(job)","model":"digits","time":"2026-03-01T00:00:0\#(second).000Z",\#(members)}"#
    }

    private static func events(_ job: String) -> [String] {
        func report(_ accuracy: Double) -> String {
            #"{"rows":10,"metrics":{"accuracy":\#(accuracy),"loss":0.3},"#
                + #""classes":[{"name":"0","precision":1,"recall":1,"f1":1,"support":10}]}"#
        }
        let epoch = #"{"epoch":0,"loss":0.5,"learning_rate":0.1,"validation":{"loss":0.6,"accuracy":0.85}}"#
        return [
            event(job, 0, #""event":"accepted","folds":2,"attempt":1"#),
            event(
                job, 1,
                #""event":"progress","fit":"t0-f0","epoch":0,"step":5,"steps":10,"loss":0.5,"history":\#(epoch)"#),
            event(job, 2, #""event":"evaluated","fit":"t0-f0","report":\#(report(0.9))"#),
            event(job, 3, #""event":"evaluated","fit":"t0-f1","report":\#(report(0.86))"#),
            event(job, 4, #""event":"progress","fit":"t0","epoch":0,"step":4,"steps":10,"loss":0.4"#),
        ]
    }

    private static func completed(_ job: String) -> String {
        event(
            job, 5,
            #""event":"completed","version":3,"metrics":{"accuracy":0.88},"promoted":true,"weights":"ab","bundle":"ef","#
                + #""dataset":"cd","later":{"member":1},"#
                + #""folds":{"accuracy":{"mean":0.88,"standard_deviation":0.0283,"values":[0.9,0.86]}},"#
                + #""confusion":[[5,1],[0,4]]"#)
    }
}

/// Topics of their own on the broker that `MILLRACE_TEST_BOOTSTRAP` names, or on one in this process.
final class TrainingTopics: Sendable {
    let servers: String
    let requests: String
    let events: String
    let rows: String
    private let embedded: EmbeddedCluster?

    private init(servers: String, embedded: EmbeddedCluster?) {
        let unique = UUID().uuidString.prefix(8)
        (self.servers, self.embedded) = (servers, embedded)
        (requests, events, rows) = ("train-\(unique)-requests", "train-\(unique)-events", "train-\(unique)-rows")
    }

    static func make() async throws -> TrainingTopics {
        let external = ProcessInfo.processInfo.environment["MILLRACE_TEST_BOOTSTRAP"] ?? ""
        let embedded = external.isEmpty ? try EmbeddedCluster() : nil
        let topics = TrainingTopics(servers: embedded?.bootstrapServers ?? external, embedded: embedded)
        let names = [topics.requests, topics.events, topics.rows]
        if let embedded {
            for name in names { try embedded.createTopic(name, partitions: 2) }
        } else {
            let admin = try KafkaAdmin(KafkaConfiguration(bootstrapServers: external), logger: TrainTopicsTests.quiet)
            _ = try await admin.createTopics(names.map { NewTopic(name: $0, partitions: 2, replicationFactor: 1) })
            await admin.close(deadline: .seconds(2))
        }
        return topics
    }

    var flags: [String] {
        ["--bootstrap-servers", servers, "--requests-topic", requests, "--events-topic", events]
    }

    /// - Parameters:
    ///   - key: nil takes the event's job.
    ///   - topic: nil is that of events.
    func produce(_ values: [String], key: String? = nil, to topic: String? = nil, partition: Int32? = nil) async throws
    {
        let producer = try KafkaProducer(
            ProducerConfiguration(kafka: KafkaConfiguration(bootstrapServers: servers)), logger: TrainTopicsTests.quiet)
        let records = try values.map { value in
            let key = try key ?? JSONCursor(try JSONValue(parsing: value)).member("job").string()
            return ProducerRecord(
                topic: topic ?? events, partition: partition, key: Array(key.utf8)[...], value: Array(value.utf8)[...])
        }
        for report in try await producer.produce(records) { _ = try report.get() }
        await producer.close(deadline: .seconds(5))
    }

    func read(_ topic: String) async throws -> [KafkaRecord] {
        let configuration = ConsumerConfiguration(
            kafka: try KafkaConfiguration(bootstrapServers: servers), groupID: "\(topic)-test")
        let consumer = try KafkaConsumer(configuration, logger: TrainTopicsTests.quiet)
        var ranges: [TopicPartition: Range<Int64>] = [:]
        for partition in 0..<Int32(2) {
            let kept = try await consumer.watermarks(TopicPartition(topic: topic, partition: partition))
            ranges[TopicPartition(topic: topic, partition: partition)] = kept.low..<kept.high
        }
        await consumer.close(deadline: .seconds(2))
        let reader = try RangeReader(configuration, logger: TrainTopicsTests.quiet)
        try await reader.start(ranges)
        var records: [KafkaRecord] = []
        while let next = try await reader.next() { records += next }
        await reader.close()
        return records
    }

    /// Waits until the request of a job is there.
    func awaitRequest(_ job: String) async throws -> KafkaRecord {
        while true {
            try Task.checkCancellation()
            let found = try await read(requests).first {
                $0.firstHeaderValue(ignoringCase: "millrace-job").map { String(decoding: $0, as: UTF8.self) } == job
            }
            if let found { return found }
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}
