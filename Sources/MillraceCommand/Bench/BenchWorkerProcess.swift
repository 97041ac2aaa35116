import Foundation
import JSONDocuments
import Synchronization

/// The measured process, seen from the one that measures: this program again, so that its processor time and memory are
/// its own.
final class BenchWorkerProcess: Sendable {
    private let process: Mutex<Process>
    private let reportPath: String
    private let exitCode: AsyncStream<Int32>

    init(
        stage: BenchStage, requests: Int, timeout: Int, reportPath: String, configuration: [String: String],
        assignments: [String], verbose: Bool
    ) throws {
        self.reportPath = reportPath
        let (exitCode, continuation) = AsyncStream.makeStream(of: Int32.self)
        self.exitCode = exitCode
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        var arguments = [
            "bench", "worker", "--stage", stage.rawValue, "--requests", String(requests), "--timeout", String(timeout),
            "--started", String(ProcessUsage.now()), "--report", reportPath,
            "--log-level", verbose ? "info" : "error",
        ]
        for (key, value) in configuration.sorted(by: { $0.key < $1.key }) { arguments += ["--set", "\(key)=\(value)"] }
        for assignment in assignments { arguments += ["--set", assignment] }
        process.arguments = arguments
        process.terminationHandler = { process in
            continuation.yield(process.terminationStatus)
            continuation.finish()
        }
        try process.run()
        self.process = Mutex(process)
    }

    /// Waits for the end of the process.
    func report() async throws -> WorkerReport {
        for await code in exitCode {
            guard code == 0 else { throw CommandFailure(.broker, "the measured process ended with code \(code)") }
        }
        let document = try JSONValue(parsing: Array(try Data(contentsOf: URL(fileURLWithPath: reportPath))))
        return try WorkerReport(reading: JSONCursor(document, path: "report"))
    }

    func terminate() {
        process.withLock { if $0.isRunning { $0.terminate() } }
    }
}
