import Glibc
import KafkaClient
import Serving
import Synchronization
import TestSupport
import Testing

/// A record that kills the process is isolated and given up; its neighbours are answered.
@Suite(.serialized) struct RecoveryTests {
    /// What a death over these records leaves behind.
    func die(over offsets: [Int64], _ harness: PipelineHarness, journal: String) throws {
        let journal = try CrashJournal(path: journal, topics: [harness.requests], slotCount: 2, slotCapacity: 128)
        _ = journal.begin(
            offsets.map { RecordPosition(TopicPartition(topic: harness.requests, partition: 0), offset: $0) })
        journal.close()
    }

    @Test func suspectsRunAloneAndTheKillerIsGivenUp() async throws {
        let folder = try TemporaryFolder()
        let digits = try DigitsRequests()
        var options = PipelineHarness.Options()
        options.journal = folder.path + "/journal"
        let computed = Mutex<[Int64]>([])
        options.willCompute = { position in computed.withLock { $0.append(position.offset) } }
        let harness = try await PipelineHarness(try TestBroker.start(), options)
        try await harness.send(
            try (0..<40).map { harness.request(try digits.mlpBody($0, id: "\($0)"), key: "\($0)", partition: 0) })
        // One death in company, two alone over record 17.
        try die(over: [15, 16, 17, 18], harness, journal: folder.path + "/journal")
        try die(over: [17], harness, journal: folder.path + "/journal")
        try die(over: [17], harness, journal: folder.path + "/journal")
        let (found, statistics) = try await harness.running { pipeline in
            let found = try await harness.read(harness.results, atLeast: 40)
            let deadline = ContinuousClock.now + .seconds(90)
            while pipeline.statistics.snapshot.published < 40, .now < deadline {
                try await Task.sleep(for: .milliseconds(10))
            }
            return (found, pipeline.statistics.snapshot)
        }
        let letters = try await harness.read(harness.requests + "-dlt", atLeast: 1)
        await harness.close()
        #expect(found.map(\.keyText) == (0..<40).map { "\($0)" })
        for (image, record) in found.enumerated() where image != 17 { try digits.expectMLPAnswer(record, image: image) }
        #expect(found[17].header("millrace-status") == "INTERNAL")
        #expect(letters.map(\.keyText) == ["17"])
        #expect(!computed.withLock { $0.contains(17) })
        #expect(computed.withLock { $0.sorted() } == (0..<40).filter { $0 != 17 }.map { Int64($0) })
        // 15, 16 and 18 each had a batch of their own.
        #expect(statistics.batchSizes[1, default: 0] >= 3)
        // What was answered is forgotten.
        let after = try CrashJournal(
            path: folder.path + "/journal", topics: [harness.requests], slotCount: 2, slotCapacity: 128)
        #expect(after.suspects.isEmpty)
    }

    @Test func aKillerCostsABoundedNumberOfStarts() async throws {
        let folder = try TemporaryFolder()
        let digits = try DigitsRequests()
        let journal = folder.path + "/journal"
        let harness = try await PipelineHarness(try TestBroker.start(), Self.recovering(journal))
        try await harness.send(
            try (0..<20).map { harness.request(try digits.mlpBody($0, id: "\($0)"), key: "\($0)", partition: 0) })
        // In company first, then alone, and alone again: the process dies by the record's own hand each time.
        for _ in 0..<3 {
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [identity = harness.identity as PipelineHarness.Identity, journal = journal as String] in
                var options = RecoveryTests.recovering(journal)
                options.willCompute = { if $0.offset == 7 { kill(getpid(), SIGKILL) } }
                let child = try PipelineHarness(attachedTo: identity, options)
                try await child.running { _ in try await Task.sleep(for: .seconds(60)) }
            }
        }
        let found = try await harness.running { _ in
            try await harness.read(harness.results, atLeast: 20, within: .seconds(120))
        }
        let letters = try await harness.read(harness.requests + "-dlt", atLeast: 1)
        await harness.close()
        #expect(Set(found.compactMap(\.keyText)) == Set((0..<20).map { "\($0)" }))
        #expect(found.first { $0.keyText == "7" }?.header("millrace-status") == "INTERNAL")
        #expect(found.filter { $0.keyText != "7" }.allSatisfy { $0.header("millrace-status") == "ok" })
        #expect(letters.map(\.keyText) == ["7"])
    }

    static func recovering(_ journal: String) -> PipelineHarness.Options {
        var options = PipelineHarness.Options()
        options.journal = journal
        // A killed member holds its partitions for so long.
        options.sessionTimeout = .seconds(6)
        return options
    }
}
