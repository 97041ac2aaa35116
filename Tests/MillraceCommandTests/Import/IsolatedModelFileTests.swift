import Foundation
import ModelFormats
import TestSupport
import Testing

@testable import MillraceCommand

/// Model files that are read in a process of their own.
@Suite struct IsolatedModelFileTests {
    /// The `millrace` that was built along with the tests.
    private static let worker: String = {
        let tests = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        return tests.deletingLastPathComponent().appending(path: "millrace").path(percentEncoded: false)
    }()

    /// A small Keras model with one byte changed, found by mutation: libhdf5 1.10.8 dies of a segmentation fault on it.
    private func crashingFile(in folder: TemporaryFolder) throws -> String {
        var bytes = [UInt8](try Data(contentsOf: URL(filePath: "\(Fixtures.keras)/fixed_batch.keras2.h5")))
        try #require(bytes[3105] == 0)
        bytes[3105] = 0x9B
        let path = "\(folder.path)/crashing.h5"
        try Data(bytes).write(to: URL(filePath: path))
        return path
    }

    private func digest(_ model: ImportedModel) -> String {
        ModelBundle(manifest: Manifest(name: "m", graph: model.graph, createdAt: ""), graph: model.graph).digest
    }

    @Test(arguments: ["mlp", "cnn"])
    func readsWhatReadingInProcessReads(name: String) throws {
        let path = "\(Fixtures.digits)/\(name).h5"
        let isolated = try IsolatedModelFile.open(path, worker: Self.worker)
        let direct = try ModelFile.open(path)
        #expect(isolated.source == direct.source)
        #expect(isolated.metadata == direct.metadata)
        #expect(digest(isolated) == digest(direct))
    }

    @Test(arguments: ["missing_dataset", "units_absurd", "soft_link", "hollow_weight"])
    func errorsAreThoseOfReadingInProcess(name: String) throws {
        let path = "\(Fixtures.keras)/bad/\(name).h5"
        let direct = #expect(throws: ModelFormatError.self) { try ModelFile.open(path) }
        let isolated = #expect(throws: ModelFormatError.self) { try IsolatedModelFile.open(path, worker: Self.worker) }
        #expect(isolated == direct)
        #expect(isolated?.file == path)
    }

    @Test func aCrashOfTheLibraryIsAnError() throws {
        let folder = try TemporaryFolder()
        let path = try crashingFile(in: folder)
        let error = #expect(throws: ModelFormatError.self) { try IsolatedModelFile.open(path, worker: Self.worker) }
        #expect(error?.reason == .malformed)
        #expect(error?.file == path)
        #expect(error?.message.contains("the HDF5 library crashed while reading it (signal") == true, "\(error as Any)")
    }

    @Test func aWorkerThatCannotStartIsAnError() throws {
        let error = #expect(throws: ModelFormatError.self) {
            try IsolatedModelFile.open("\(Fixtures.digits)/mlp.h5", worker: "/nonexistent/millrace")
        }
        #expect(error?.reason == .unreadable)
        // A program that ends well without having written a bundle.
        let other = #expect(throws: ModelFormatError.self) {
            try IsolatedModelFile.open("\(Fixtures.digits)/mlp.h5", worker: "/bin/true")
        }
        #expect(other?.reason == .notFound)
        let unknown = #expect(throws: ModelFormatError.self) {
            try IsolatedModelFile.open("\(Fixtures.digits)/mlp.h5", worker: "/bin/false")
        }
        #expect(unknown?.message.contains("status 1") == true)
    }

    @Test func aWorkerThatWritesTooMuchIsKilled() throws {
        let ending = try WorkerProcess.run("/usr/bin/yes", ["y"], outputLimit: 10_000)
        guard case .signaled(SIGKILL) = ending else {
            Issue.record("\(ending)")
            return
        }
    }

    // MARK: The command

    private func millrace(
        _ arguments: [String], input: String = "", temporary: String
    ) throws -> (status: Int32, output: String, errors: String) {
        let process = Process()
        process.executableURL = URL(filePath: Self.worker)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(["TMPDIR": temporary]) { $1 }
        let (input_, output, errors) = (Pipe(), Pipe(), Pipe())
        process.standardInput = input_
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        try input_.fileHandleForWriting.write(contentsOf: Data(input.utf8))
        try input_.fileHandleForWriting.close()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let errorText = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationReason == .exit)
        return (process.terminationStatus, text, errorText)
    }

    private func files(in folder: TemporaryFolder) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path)
    }

    /// The worker must leave standard input to the request.
    @Test func predictsFromStandardInputAndLeavesNothingBehind() throws {
        let folder = try TemporaryFolder()
        let zeros = [String](repeating: "0", count: 64).joined(separator: ",")
        let request =
            #"{"id":"r","inputs":[{"name":"pixels","shape":[1,64],"datatype":"FP32","data":[\#(zeros)]}]}"#
        let result = try millrace(
            ["predict", "\(Fixtures.digits)/mlp.h5", "--request", "-"], input: request, temporary: folder.path)
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains(#""id":"r""#))
        #expect(try files(in: folder).isEmpty)
    }

    @Test func aHostileFileEndsTheCommandWithAMessage() throws {
        let folder = try TemporaryFolder()
        let store = folder.path + "/store"
        let crashing = try crashingFile(in: folder)
        for arguments in [
            ["predict", crashing, "--request", "-"],
            ["models", "import", crashing, "--name", "m", "--store", store],
        ] {
            let result = try millrace(arguments, input: "{}", temporary: folder.path)
            #expect(result.status == 2)
            #expect(result.output.isEmpty)
            #expect(result.errors.hasPrefix("millrace: \(crashing): the HDF5 library crashed"), "\(result.errors)")
        }
        #expect(try files(in: folder).filter { $0.hasPrefix("millrace-import") }.isEmpty)
    }
}
