import Foundation
import JSONDocuments
import Synchronization
import TestSupport

/// Runs the built `millrace`, as a user would, in an empty folder and without the caller's `MILLRACE_` variables.
enum BinaryRunner {
    struct Output {
        let exitCode: Int32
        let stdout: String
        let stderr: String

        func document() throws -> JSONCursor {
            JSONCursor(try JSONValue(parsing: Array(stdout.utf8)), path: "stdout")
        }
    }

    struct TimedOut: Error, CustomStringConvertible {
        let description: String
    }

    /// Beside the test bundle, in the products folder.
    static let path = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .appending(path: "millrace").path(percentEncoded: false)

    static func run(
        _ arguments: [String], input: String = "", timeout: Duration = .seconds(60)
    ) async throws -> Output {
        let binary = try start(arguments, input: input)
        return try await binary.output(within: timeout)
    }

    static func start(_ arguments: [String], input: String = "") throws -> RunningBinary {
        try RunningBinary(arguments, input: input)
    }
}

/// A running `millrace`; killed with its owner.
final class RunningBinary: Sendable {
    private let folder: TemporaryFolder
    private let arguments: [String]
    private let identifier: Int32
    private let status = ExitStatusBox()
    private let streams: String

    init(_ arguments: [String], input: String) throws {
        folder = try TemporaryFolder()
        self.arguments = arguments
        let process = Process()
        process.executableURL = URL(filePath: BinaryRunner.path)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("MILLRACE_") }
        process.currentDirectoryURL = URL(filePath: folder.path)
        // Files and not pipes: nobody has to read for the process to go on.
        streams = folder.path + "-streams"
        try FileManager.default.createDirectory(atPath: streams, withIntermediateDirectories: true)
        for name in ["stdout", "stderr"] {
            try Data().write(to: URL(filePath: "\(streams)/\(name)"))
        }
        try Data(input.utf8).write(to: URL(filePath: "\(streams)/stdin"))
        process.standardInput = try FileHandle(forReadingFrom: URL(filePath: "\(streams)/stdin"))
        process.standardOutput = try FileHandle(forWritingTo: URL(filePath: "\(streams)/stdout"))
        process.standardError = try FileHandle(forWritingTo: URL(filePath: "\(streams)/stderr"))
        process.terminationHandler = { [status] process in
            // A signal is told from an exit code as shells do it.
            status.set(process.terminationStatus + (process.terminationReason == .uncaughtSignal ? 128 : 0))
        }
        try process.run()
        identifier = process.processIdentifier
    }

    deinit {
        if status.value == nil { kill(identifier, SIGKILL) }
        try? FileManager.default.removeItem(atPath: streams)
    }

    var stdout: String { text("stdout") }
    var stderr: String { text("stderr") }
    var isRunning: Bool { status.value == nil }

    /// Without a warning, as the kernel does it.
    func killAtOnce() { if isRunning { kill(identifier, SIGKILL) } }

    func terminate() { if isRunning { kill(identifier, SIGTERM) } }

    /// - Throws: ``BinaryRunner/TimedOut`` with what it wrote so far, after killing it.
    func output(within timeout: Duration) async throws -> BinaryRunner.Output {
        try await wait(within: timeout, for: "to end") { !isRunning }
        return .init(exitCode: status.value ?? -1, stdout: stdout, stderr: stderr)
    }

    /// Waits until `condition`, which is about another process and so can only be asked again and again.
    func wait(
        within timeout: Duration, for what: String, until condition: () async throws -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + timeout
        while try await !condition() {
            guard .now < deadline else {
                if isRunning { kill(identifier, SIGKILL) }
                throw BinaryRunner.TimedOut(
                    description: "millrace \(arguments.joined(separator: " ")): waited \(timeout) \(what)\n"
                        + stdout.suffix(2000) + stderr.suffix(4000))
            }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    private func text(_ name: String) -> String {
        (try? Data(contentsOf: URL(filePath: "\(streams)/\(name)"))).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}

/// Set once, by the thread that reaps the process.
private final class ExitStatusBox: Sendable {
    private let code = Mutex<Int32?>(nil)

    var value: Int32? { code.withLock { $0 } }
    func set(_ value: Int32) { code.withLock { $0 = value } }
}
