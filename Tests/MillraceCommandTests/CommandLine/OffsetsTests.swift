import Foundation
import JSONDocuments
import KafkaClient
import Logging
import TestSupport
import Testing

/// `millrace offsets` on a group of its own.
@Suite(
    .enabled(
        if: ProcessInfo.processInfo.environment["MILLRACE_TEST_BOOTSTRAP"]?.isEmpty == false,
        "needs a real broker: set MILLRACE_TEST_BOOTSTRAP"))
struct OffsetsTests {
    static let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    let servers = ProcessInfo.processInfo.environment["MILLRACE_TEST_BOOTSTRAP"] ?? ""
    let topic = "millrace-test-offsets-\(UUID().uuidString.prefix(8))"
    var group: String { "\(topic)-group" }
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Ten records in each of three partitions.
    private func fill() async throws {
        let kafka = try KafkaConfiguration(bootstrapServers: servers)
        let admin = try KafkaAdmin(kafka, logger: Self.quiet)
        _ = try await admin.createTopics([NewTopic(name: topic, partitions: 3, replicationFactor: 1)])
        await admin.close(deadline: .seconds(2))
        let producer = try KafkaProducer(ProducerConfiguration(kafka: kafka), logger: Self.quiet)
        let records = (0..<30).map { ProducerRecord(topic: topic, partition: Int32($0 % 3), value: [UInt8($0)][...]) }
        for report in try await producer.produce(records) { _ = try report.get() }
        await producer.close(deadline: .seconds(5))
    }

    private func offsets(_ arguments: [String]) async throws -> BinaryRunner.Output {
        try await BinaryRunner.run(
            ["offsets"] + arguments + [
                "--group", group, "--bootstrap-servers", servers, "--set", "topics.models=\(topic)-registry",
            ])
    }

    private func good(_ arguments: [String]) async throws -> BinaryRunner.Output {
        let output = try await offsets(arguments)
        try #require(output.exitCode == 0, "\(arguments): \(output.stderr)")
        return output
    }

    private func exported() async throws -> [String] {
        try await good(["export"]).stdout.split(separator: "\n").map(String.init).sorted()
    }

    private func expected(_ offsets: [Int]) -> [String] {
        offsets.enumerated().map { "\(topic),\($0.offset),\($0.element)" }
    }

    @Test func `resets, export and the way back`() async throws {
        try await fill()
        #expect(try await offsets(["describe"]).exitCode == 4)
        let dry = try await good(["reset", "--topic", topic, "--to-earliest"])
        #expect(dry.stdout.contains("dry run"))
        #expect(try await offsets(["describe"]).exitCode == 4, "a dry run has changed something")

        let set = try await good(["reset", "--topic", topic, "--to-offset", "4", "--execute", "--output", "json"])
        let document = try set.document()
        #expect(try document.member("executed").bool())
        #expect(try document.member("groups").elements().first?.member("outcome").string() == "set")
        #expect(try await exported() == expected([4, 4, 4]))
        let file = folder.path + "/before.csv"
        try Data(try await good(["export"]).stdout.utf8).write(to: URL(filePath: file))

        _ = try await good(["reset", "--topic", "\(topic):0,2", "--shift-by", "3", "--execute"])
        #expect(try await exported() == expected([7, 4, 7]))
        _ = try await good(["reset", "--all-topics", "--to-latest", "--execute"])
        #expect(try await exported() == expected([10, 10, 10]))
        // Outside of the log: its nearest end, with a remark.
        let far = try await good(["reset", "--topic", "\(topic):1", "--to-offset", "999", "--execute"])
        #expect(far.stdout.contains("999"))
        #expect(try await exported() == expected([10, 10, 10]))
        _ = try await good(["reset", "--from-file", file, "--execute"])
        #expect(try await exported() == expected([4, 4, 4]))

        _ = try await good(["delete", "--topic", "\(topic):1", "--execute"])
        #expect(try await exported() == ["\(topic),0,4", "\(topic),2,4"])
        _ = try await good(["delete", "--group-itself", "--execute"])
        #expect(try await offsets(["describe"]).exitCode == 4)
    }

    @Test func `a group at work is left alone`() async throws {
        try await fill()
        _ = try await good(["reset", "--topic", topic, "--to-earliest", "--execute"])
        let consumer = try KafkaConsumer(
            ConsumerConfiguration(kafka: KafkaConfiguration(bootstrapServers: servers), groupID: group),
            logger: Self.quiet)
        try consumer.subscribe(to: [topic])
        let deadline = ContinuousClock.now + .seconds(30)
        var isAssigned = false
        while !isAssigned, .now < deadline {
            for event in consumer.drain(maximumRecords: 1, maximumBytes: 1 << 20) {
                guard case .assigned(let partitions) = event else { continue }
                try consumer.assign(Dictionary(uniqueKeysWithValues: partitions.map { ($0, Int64?.none) }))
                isAssigned = true
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(isAssigned)
        for arguments in [
            ["reset", "--topic", topic, "--to-latest", "--execute"], ["delete", "--topic", topic, "--execute"],
            ["delete", "--group-itself", "--execute"],
        ] {
            let output = try await offsets(arguments)
            #expect(output.exitCode == 5, "\(arguments): \(output.stdout)\(output.stderr)")
        }
        #expect(try await good(["describe", "--members"]).stdout.contains(topic))
        await consumer.close(deadline: .seconds(5))
        #expect(try await exported() == expected([0, 0, 0]))
    }
}
