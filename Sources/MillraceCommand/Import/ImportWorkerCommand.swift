import ArgumentParser
import Glibc
import ModelFormats
import TensorEngine

/// `millrace import-worker`: reads one model file and writes it as a bundle. ``IsolatedModelFile`` starts it; it is not
/// for users.
struct ImportWorkerCommand: ParsableCommand {
    static let name = "import-worker"

    static let configuration = CommandConfiguration(
        commandName: name, abstract: "Read a model file for another process.", shouldDisplay: false)

    @Argument var file: String
    @Argument var bundle: String

    func run() throws {
        WorkerLimits.apply(fileBytes: WorkerLimits.size(of: file))
        do throws(ModelFormatError) {
            let model = try ModelFile.open(file)
            let manifest = Manifest(
                name: model.graph.name, graph: model.graph, source: model.source, metadata: model.metadata,
                createdAt: "")
            try ModelBundle(manifest: manifest, graph: model.graph).write(to: bundle, durably: false)
        } catch {
            Console.write(ImportFailure.encode(error))
            throw ExitCode(ImportFailure.status)
        }
    }
}

/// What a worker may use, set by itself before it touches the file.
enum WorkerLimits {
    /// Address space beside what grows with the file: the program, its libraries, and the bookkeeping of many layers.
    private static let baseMemory = 2 << 30
    /// Widening half precision, a transposed copy and decompression take several times the file's size.
    private static let memoryPerByte = 8
    private static let baseSeconds = 20
    /// Slow disks and `gzip` read more than this in a second.
    private static let bytesPerSecond = 10 << 20

    static func apply(fileBytes: Int) {
        set(RLIMIT_CORE, 0)
        set(RLIMIT_AS, baseMemory + fileBytes * memoryPerByte)
        let seconds = baseSeconds + fileBytes / bytesPerSecond
        set(RLIMIT_CPU, seconds, hard: seconds + 1)
    }

    /// Bounded, so that nothing computed from it overflows.
    static func size(of file: String) -> Int {
        var status = stat()
        guard stat(file, &status) == 0 else { return 0 }
        return min(max(Int(status.st_size), 0), 1 << 40)
    }

    private static func set(_ resource: __rlimit_resource, _ soft: Int, hard: Int? = nil) {
        var found = rlimit()
        guard getrlimit(__rlimit_resource_t(resource.rawValue), &found) == 0 else { return }
        // A limit from outside that is lower stays.
        var limit = rlimit(
            rlim_cur: min(found.rlim_cur, rlim_t(soft)), rlim_max: min(found.rlim_max, rlim_t(hard ?? soft)))
        setrlimit(__rlimit_resource_t(resource.rawValue), &limit)
    }
}
