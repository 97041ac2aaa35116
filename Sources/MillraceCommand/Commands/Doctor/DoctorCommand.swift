import ArgumentParser
import FoundationEssentials
import JSONDocuments
import KafkaClient
import Logging

/// `millrace doctor`.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check configuration, brokers, topics, permissions and store, and say what to fix.",
        discussion: """
            Changes nothing and writes nothing. Each finding has a level, what was found, what is expected, and its fix. \
            Ends with 1 when any finding is an error. With training.enabled what training needs is looked at too.

            EXAMPLES
              millrace doctor
              millrace doctor --config millrace.yaml --output json
            """)

    @Option(help: "Seconds to wait for an answer of the brokers.")
    var timeout = 10.0

    @Flag(help: "Also list what is as it should be.")
    var all = false

    @OptionGroup var options: ConfigurationOptions
    @OptionGroup var format: OutputOptions

    func validate() throws {
        guard timeout > 0, timeout <= 600 else {
            throw ValidationError("--timeout: found \(timeout), expected 0 to 600 seconds")
        }
    }

    func run() async throws {
        let findings = try await findings()
        format.print(.array(findings.map(\.document))) {
            let shown = findings.filter { all || $0.level > .ok }.sorted { $0.level > $1.level }
            let counts = Finding.Level.allCases.map { level in
                "\(findings.filter { $0.level == level }.count) \(level.rawValue)"
            }
            return (shown.map(\.text) + [counts.reversed().joined(separator: ", ")]).joined(separator: "\n")
        }
        if findings.contains(where: { $0.level == .error }) { throw ExitCode(ExitStatus.difference.rawValue) }
    }

    private func findings() async throws -> [Finding] {
        do {
            _ = try options.load()
        } catch let error as ConfigurationError {
            return [
                Finding(.error, "configuration", "\(error)", fix: "millrace config check shows the same; correct it")
            ]
        }
        return try await ClusterTool.with(options, role: "doctor", timeout: .seconds(timeout)) { tool in
            var findings = [Finding(.ok, "configuration", "valid")]
            findings += StoreCheck(tool.configuration).findings()
            if tool.configuration.training.isEnabled {
                let cores = ProcessInfo.processInfo.activeProcessorCount
                findings += TrainingCheck(configuration: tool.configuration, cores: cores).findings()
            }
            return findings + (await ClusterCheck(tool).findings())
        }
    }
}
