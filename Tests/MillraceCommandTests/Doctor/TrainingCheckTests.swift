import Foundation
import KafkaClient
import TestSupport
import Testing

@testable import MillraceCommand

@Suite struct TrainingCheckTests {
    private func findings(_ topic: TrainingTopic, _ values: [String: String]) -> [Finding] {
        TopicCheck(name: "t", role: .training(topic), bootstrap: "b:1", partitions: 6, replicationFactor: 3)
            .trainingFindings(
                topic, Dictionary(uniqueKeysWithValues: values.map { ($0, ConfigurationEntry(name: $0, value: $1)) }))
    }

    @Test(arguments: [
        (TrainingTopic.Use.requests, Finding.Level.error), (.events, .error), (.tasks, .warning), (.lineage, .warning),
    ])
    func logsAreNotCompacted(_ use: TrainingTopic.Use, _ level: Finding.Level) {
        let topic = TrainingTopic(use: use)
        #expect(findings(topic, ["cleanup.policy": "delete"]).isEmpty)
        let found = findings(topic, ["cleanup.policy": "compact,delete"])
        #expect(found.map(\.level) == [level])
        #expect(found.first?.fix?.contains("cleanup.policy=delete") == true)
    }

    @Test func recordsAreKeptAsLongAsJobsRun() {
        let limited = TrainingTopic(use: .events, deadline: .seconds(7200))
        #expect(findings(limited, ["retention.ms": "7200000"]).isEmpty)
        #expect(findings(limited, ["retention.ms": "-1"]).isEmpty)
        let short = findings(limited, ["retention.ms": "7199999"])
        #expect(short.map(\.level) == [.error])
        #expect(short.first?.fix?.contains("retention.ms=7200000") == true)
        let unlimited = TrainingTopic(use: .events)
        #expect(findings(unlimited, ["retention.ms": "3600000"]).map(\.level) == [.warning])
        #expect(findings(unlimited, ["retention.ms": "604800000"]).isEmpty)
        #expect(
            findings(TrainingTopic(use: .tasks, deadline: .seconds(2)), ["retention.ms": "1"]).map(\.level) == [
                .warning
            ])
        #expect(findings(TrainingTopic(use: .lineage), ["retention.ms": "1"]).isEmpty)
    }

    @Test func recordsFit() {
        let levels = { (use: TrainingTopic.Use, limit: String) in
            findings(TrainingTopic(use: use, bytes: 900_000), ["max.message.bytes": limit]).map(\.level)
        }
        for use in [TrainingTopic.Use.requests, .events, .tasks] { #expect(levels(use, "1048588").isEmpty) }
        #expect(levels(.events, "900000") == [.error])
        #expect(levels(.tasks, "900000") == [.warning])
        #expect(levels(.requests, "900000") == [.info])
    }

    @Test func thisMachine() throws {
        let folder = try TemporaryFolder()
        var configuration = try LoadedConfiguration(layers: []).configuration
        configuration.training.isEnabled = true
        configuration.training.checkpoints = folder.path + "/checkpoints"
        configuration.pipeline.threads = 2
        func levels(cores: Int = 4) -> [Finding.Level] {
            TrainingCheck(configuration: configuration, cores: cores).findings().map(\.level)
        }
        #expect(levels() == [.ok, .ok])
        configuration.training.threads = 5
        #expect(levels() == [.warning, .ok])
        configuration.training.threads = 3
        #expect(levels() == [.ok, .ok])
        configuration.training.niceness = 0
        #expect(levels() == [.warning, .ok])
        #expect(levels(cores: 5) == [.ok, .ok])
        configuration.training.dataFolder = folder.path
        #expect(levels(cores: 5) == [.ok, .ok, .ok])
        configuration.training.dataFolder = folder.path + "/absent"
        #expect(levels(cores: 5) == [.ok, .ok, .error])
        configuration.training.dataFolder = nil
        configuration.models.registry = .store
        #expect(levels(cores: 5) == [.error, .ok, .ok])
        configuration.models.registry = .topic
        // Its path is a file.
        configuration.training.checkpoints = try folder.write("no folder", as: "file") + "/checkpoints"
        #expect(levels(cores: 5) == [.ok, .error])
    }
}
