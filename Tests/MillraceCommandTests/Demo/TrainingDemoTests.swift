import Foundation
import JSONDocuments
import KafkaClient
import Logging
import Serving
import TestSupport
import Testing
import Training

@testable import MillraceCommand

/// `millrace demo --train` over the embedded cluster, with less to train.
@Suite struct TrainingDemoTests {
    private static let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    let folder: TemporaryFolder
    let digits: LabelledDigits

    init() throws {
        folder = try TemporaryFolder()
        let all = try LabelledDigits(folder: Fixtures.digits)
        digits = try LabelledDigits(images: all.images.rows(0..<200), labels: Array(all.labels.prefix(200)))
    }

    private static var small: DigitsTraining {
        var plan = DigitsTraining()
        (plan.filters, plan.units, plan.dropout) = ([8], 32, 0)
        (plan.epochs, plan.batchSize, plan.folds) = (10, 16, 2)
        (plan.leastAccuracy, plan.trainingTimeout) = (0.3, .seconds(60))
        return plan
    }

    private func run(_ plan: DigitsTraining) async throws -> TrainingDemoReport {
        let broker = try EmbeddedCluster()
        defer { broker.stop() }
        let cluster = try DemoCluster(broker, folder: folder.path, logger: Self.quiet)
        return try await TrainingDemoRun(digits, plan: plan, cluster: cluster).run(display: Self.silent)
    }

    private static let silent: @Sendable () -> TrainingDisplay = {
        TrainingDisplay(
            isInteractive: false, usesColor: false, size: { TerminalSize(columns: 80, rows: 24) }, now: { .now },
            write: { _ in })
    }

    @Test(.timeLimit(.minutes(2)))
    func `rows become a version that answers every request once`() async throws {
        let plan = Self.small
        let report = try await run(plan)
        let problems = report.problems
        try #require(problems.isEmpty)
        let (accuracy, completion, found) = (report.accuracy, report.completion, report.answers)
        #expect(accuracy.values.count == 2 && accuracy.mean >= 0.3)
        #expect(completion.version == 1 && completion.promoted)
        let answers = try #require(found)
        #expect(answers.answered == 40 && report.rows == 160)
        // The version knows what it was trained for.
        #expect(answers.accuracy > 0.3)
        #expect(try JSONCursor(report.document).member("weights").string() == answers.weights)
        for text in ["digits@1, promoted to champion", answers.weights, "mean"] {
            #expect(report.text.contains(text), "\(report.text)")
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func `a version that is not good enough is not promoted, and nothing is asked`() async throws {
        var plan = Self.small
        (plan.epochs, plan.leastAccuracy) = (1, 1.0)
        let report = try await run(plan)
        let (isGood, completion, answers) = (report.isGood, report.completion, report.answers)
        #expect(!isGood && !completion.promoted && answers == nil)
        let problems = report.problems.joined(separator: "; ")
        for text in ["expected at least 1.0000", "version 1 was not promoted", "no request was sent"] {
            #expect(problems.contains(text), "\(problems)")
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func `a training that takes too long ends the demonstration`() async throws {
        var plan = Self.small
        (plan.epochs, plan.trainingTimeout) = (90_000, .seconds(6))
        let error = await #expect(throws: CommandFailure.self) { try await run(plan) }
        #expect(error?.status == .difference)
        #expect(error?.message.contains("within 6.0 seconds") == true, "\(error?.message ?? "")")
    }

    @Test func `jobs that did not complete are said as they ended`() throws {
        func state(_ members: String) throws -> TrainingJobState {
            let value = #"{"job":"demo","model":"digits","time":"2026-03-01T00:00:00.000Z",\#(members)}"#
            let record = KafkaRecord(
                topicPartition: TopicPartition(topic: "events", partition: 0), offset: 0, value: Array(value.utf8)[...])
            return TrainingJobState(try TrainingEventRecord(record))
        }
        func message(_ members: String) throws -> String {
            TrainingDemoRun.failure(try state(members), .seconds(5)).message
        }
        #expect(
            try message(#""event":"failed","code":"DIVERGED","message":"the loss is NaN""#)
                == "the training failed: DIVERGED: the loss is NaN")
        #expect(try message(#""event":"cancelled""#) == "the training was cancelled")
        #expect(try message(#""event":"accepted","folds":5"#).hasPrefix("the training was not over within 5"))
    }

    @Test(arguments: [
        (["--seed", "1"], "--seed needs --train"), (["--plot", "a.svg"], "--plot needs --train"),
        (["--maximum-wait", "5"], "--maximum-wait needs --train"), (["--train", "--seed", "-1"], "--seed"),
        (["--train", "--maximum-wait", "0"], "--maximum-wait"), (["--train", "--plot", "a.png"], "--plot"),
    ])
    func `options that do not go together are named`(arguments: [String], mentions: String) async throws {
        let output = try await BinaryRunner.run(["demo"] + arguments)
        #expect(output.exitCode == 2 && output.stderr.contains(mentions), "\(output.stderr)")
    }

    @Test func `a folder without digits is said`() async throws {
        let output = try await BinaryRunner.run(["demo", "--train", "--data", folder.path])
        #expect(output.exitCode == 4 && output.stderr.contains("digits.npz"), "\(output.stderr)")
    }
}
