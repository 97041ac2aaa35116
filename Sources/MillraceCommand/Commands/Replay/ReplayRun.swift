import KafkaClient
import Serving

/// Puts a replay together and runs it.
struct ReplayRun {
    private let command: ReplayCommand
    private let scope: ReplayScope
    private let tool: ClusterTool

    init(_ command: ReplayCommand, _ scope: ReplayScope, _ tool: ClusterTool) {
        self.command = command
        self.scope = scope
        self.tool = tool
    }

    private var configuration: MillraceConfiguration { tool.configuration }
    private var group: String {
        "\(configuration.applicationID)-replay-\(command.name ?? command.outputTopic ?? "verify")"
    }

    private var runner: ReplayRunner {
        var runner = ReplayRunner(scope: scope, tool: tool, group: group)
        runner.isVerifying = command.verify
        runner.differenceLimit = command.differences
        return runner
    }

    func run() async throws -> ReplayReport {
        guard let output = command.outputTopic else {
            let comparison = ResultComparison(ignoringHeaders: Set(command.ignoredHeaders))
            return try await runner.run(scope.segments, to: .comparison(comparison), resultsTopic: scope.resultsTopic)
        }
        if command.restart, !command.execute { return try await restartStatement(output) }
        var producer = try configuration.producerConfiguration()
        producer.kafka = try configuration.kafkaConfiguration(role: "replay-producer")
        let transactional = try TransactionalProducer(
            TransactionalProducerConfiguration(producer: producer, transactionalID: group), logger: tool.logger)
        let consumer = try KafkaConsumer(try tool.consumerConfiguration(group: group), logger: tool.logger)
        let result: Result<ReplayReport, any Error>
        do {
            // Fences another run of this replay, and settles what it left open, before its progress is read.
            try await transactional.initTransactions()
            if command.restart { try await restart() }
            let segments = try await remaining(consumer)
            let sink = ExactlyOnceSink(producer: transactional, consumer: consumer)
            await AdminAction.record(
                "replay", target: scope.topic, details: ["output": output, "group": group],
                in: RegistryJournal(configuration))
            result = .success(try await runner.run(segments, to: .topic(sink), resultsTopic: output))
        } catch {
            result = .failure(error)
        }
        await transactional.close(deadline: .seconds(5))
        await consumer.close(deadline: .seconds(2))
        return try result.get()
    }

    // MARK: Progress of earlier runs

    private func remaining(_ consumer: KafkaConsumer) async throws -> [ReplayPlan.Segment] {
        let committed = try await consumer.committed(scope.segments.map(\.partition))
        return scope.segments.map { segment in
            let done = (committed[segment.partition] ?? nil) ?? segment.range.lowerBound
            let start = min(max(segment.range.lowerBound, done), segment.range.upperBound)
            return ReplayPlan.Segment(segment.partition, start..<segment.range.upperBound)
        }
    }

    private func restart() async throws {
        let positions = scope.segments.map { ($0.partition, $0.range.lowerBound) }
        try await tool.admin.setCommittedOffsets(
            ofGroup: group, Dictionary(uniqueKeysWithValues: positions))
    }

    private func restartStatement(_ output: String) async throws -> ReplayReport {
        let committed = try await tool.admin.committedOffsets(
            ofGroup: group, partitions: scope.segments.map(\.partition))
        let progress = scope.segments.map { segment in
            let done = (committed[segment.partition] ?? nil).map { "\($0)" } ?? "not begun"
            return "  \(segment.partition): at \(done), would begin at \(segment.range.lowerBound)"
        }
        var report = ReplayReport(scope.segments)
        report.statement =
            "The group \(group) would forget its progress:\n" + progress.joined(separator: "\n")
            + "\nResults that are in \(output) already stay there: they would be there twice. Do so with --execute."
        return report
    }
}
