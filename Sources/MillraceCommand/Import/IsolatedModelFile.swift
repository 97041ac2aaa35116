import FoundationEssentials
import Glibc
import ModelFormats
import Synchronization

/// Opens model files from outside so that none of them can take this process down.
///
/// Bundles are read by this package's own code, in this process. Keras's `.h5` files go through libhdf5, which is known to
/// crash on damaged files: a second process of this same program reads them (``ImportWorkerCommand``), under limits on
/// memory and time, and hands the model over as a bundle in a temporary folder, which is removed before this returns (the
/// mapped weights stay readable). A worker that dies is a ``ModelFormatError`` like any other.
enum IsolatedModelFile {
    /// Whether `/proc/self/exe` is the `millrace` command; set by its `main` and nowhere else. Under another `main`, such
    /// as the tests', files are read in this process.
    static let isOwnExecutable = Atomic<Bool>(false)

    /// - Parameter worker: the `millrace` executable; default: this process's own, if it is one.
    /// - Throws: ``ModelFormatError``, also for what happened in the worker.
    static func open(_ path: String, worker: String? = nil) throws(ModelFormatError) -> ImportedModel {
        guard let worker = worker ?? (isOwnExecutable.load(ordering: .relaxed) ? "/proc/self/exe" : nil),
            try ModelFile.needsForeignLibrary(path)
        else { return try ModelFile.open(path) }
        let folder = try HandoverFolder(for: path)
        defer { folder.remove() }
        let ending: WorkerProcess.Ending
        do throws(WorkerProcess.Failure) {
            ending = try WorkerProcess.run(
                worker, [ImportWorkerCommand.name, path, folder.bundlePath], outputLimit: ImportFailure.maximumBytes)
        } catch {
            throw ModelFormatError(
                .unreadable, file: path, "the process that reads HDF5 files could not be used: \(error.message)")
        }
        switch ending {
        case .exited(0, _): return try ModelFile.open(folder.bundlePath)
        case .exited(let status, let output):
            if let error = ImportFailure.decode(output, file: path) { throw error }
            throw ModelFormatError(
                .unreadable, file: path, "the process that reads HDF5 files ended with status \(status)")
        case .signaled(SIGXCPU), .signaled(SIGKILL):
            throw ModelFormatError(
                .malformed, file: path,
                "the HDF5 library was stopped while reading it: too much time or memory; the file is damaged or hostile"
            )
        case .signaled(let signal):
            throw ModelFormatError(
                .malformed, file: path,
                "the HDF5 library crashed while reading it (signal \(signal)); the file is damaged or hostile")
        }
    }
}

/// The folder that a worker writes its bundle to; private to this user.
private struct HandoverFolder {
    private let path: String
    var bundlePath: String { path + "/bundle" }

    init(for file: String) throws(ModelFormatError) {
        let parent = getenv("TMPDIR").map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
        var template = Array("\(parent)/millrace-import-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { $0.baseAddress.flatMap { mkdtemp($0) } != nil }
        guard made else {
            throw ModelFormatError(.unreadable, file: file, "no temporary folder in \(parent): errno \(errno)")
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// With whatever a worker left that died while writing.
    func remove() { try? FileManager.default.removeItem(atPath: path) }
}
