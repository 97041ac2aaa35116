import Foundation
import KafkaClient
import Serving
import Testing

/// Faults of the cluster under a working pipeline: whatever happens, every request is answered.
///
/// On the in-process cluster, which does not hide aborted transactions: a request may have several equal answers there,
/// none may be missing.
@Suite(
    .enabled(
        if: ProcessInfo.processInfo.environment["MILLRACE_TEST_BOOTSTRAP"]?.isEmpty != false,
        "the faults are those that the in-process cluster can be told to have"))
struct FaultTests {
    private static let requestCount = 300

    enum Fault: Sendable, CaseIterable {
        case brokerDown, coordinatorsMove, leadersMove, slowRoundTrips, fullQueue
    }

    @Test(.serialized, arguments: Fault.allCases)
    func everyRequestIsAnsweredAtLeastOnce(_ fault: Fault) async throws {
        try await expectAnswers(under: fault, isExactlyOnce: false)
    }

    @Test(.serialized, arguments: Fault.allCases)
    func everyRequestIsAnsweredByTransactions(_ fault: Fault) async throws {
        try await expectAnswers(under: fault, isExactlyOnce: true)
    }

    private func expectAnswers(under fault: Fault, isExactlyOnce: Bool) async throws {
        let cluster = try EmbeddedCluster(brokerCount: 3)
        let broker = TestBroker(bootstrapServers: cluster.bootstrapServers, embedded: cluster)
        var options = PipelineHarness.Options()
        options.isExactlyOnce = isExactlyOnce
        if fault == .fullQueue { options.maximumQueuedRecords = 10 }
        let harness = try await PipelineHarness(broker, options)
        let digits = try DigitsRequests()
        let records = try (0..<Self.requestCount).map {
            harness.request(try digits.mlpBody($0, id: "\($0)"), key: "\($0)", partition: Int32($0 % 3))
        }
        if fault == .slowRoundTrips {
            for id in 1...3 { try cluster.setRoundTripTime(broker: Int32(id), milliseconds: 200) }
        }
        let found = try await harness.running { pipeline in
            try await harness.send(Array(records[..<100]))
            try await eventually { pipeline.statistics.snapshot.published >= 50 }
            // In the middle of the work on these.
            async let sent = harness.send(Array(records[100...]))
            try await inflict(fault, on: cluster, harness)
            _ = try await sent
            try await eventually { pipeline.statistics.snapshot.published >= Self.requestCount }
            return try await harness.read(harness.results, atLeast: Self.requestCount, within: .seconds(120))
        }
        await harness.close()
        #expect(Set(found.compactMap(\.keyText)) == Set((0..<Self.requestCount).map { "\($0)" }))
        for record in found {
            try digits.expectMLPAnswer(record, image: try #require(record.keyText.flatMap { Int($0) }))
        }
        cluster.stop()
    }

    private func inflict(_ fault: Fault, on cluster: EmbeddedCluster, _ harness: PipelineHarness) async throws {
        switch fault {
        case .slowRoundTrips, .fullQueue: return
        case .brokerDown:
            for id in 1...3 {
                try cluster.setBroker(Int32(id), isUp: false)
                try await Task.sleep(for: .milliseconds(300))
                try cluster.setBroker(Int32(id), isUp: true)
            }
        case .coordinatorsMove:
            for id in [2, 3, 1] {
                try cluster.moveCoordinator(of: .group(harness.group), to: Int32(id))
                try cluster.moveCoordinator(of: .transaction("\(harness.group)-one"), to: Int32(id))
                try await Task.sleep(for: .milliseconds(100))
            }
        case .leadersMove:
            for (topic, partitions) in [(harness.requests, 3), (harness.results, 3)] {
                for partition in 0..<partitions {
                    try cluster.setLeader(
                        of: TopicPartition(topic: topic, partition: Int32(partition)),
                        broker: Int32(partition % 3 + 1))
                }
            }
        }
    }

    private func eventually(_ condition: () -> Bool, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let end = ContinuousClock.now + .seconds(90)
        while !condition() {
            try #require(ContinuousClock.now < end, "not true within 90 s", sourceLocation: sourceLocation)
            try await Task.sleep(for: .milliseconds(10))
        }
    }
}
