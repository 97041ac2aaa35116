import Glibc
import Training

/// Reads a request's rows from files.
enum DatasetSource {
    /// - Parameter positions: of a file's rows that were a topic's records.
    /// - Throws: ``DataError``; ``CommandFailure`` for a topic.
    static func load(
        _ spec: DatasetSpec, positions: ArchivedPositions? = nil
    ) throws -> (dataset: any Dataset, poison: PoisonRecords) {
        if case .topic(let range) = spec.source {
            throw CommandFailure(
                .usage,
                "dataset.topic: found \"\(range.topic)\", expected rows in a file: there are no brokers here; name a file "
                    + "with --dataset, or have a service train with millrace train submit")
        }
        let spill = try SpillFile()
        defer { spill.remove() }
        return try spec.load(spillPath: spill.path, positions: positions)
    }
}

/// Where rows go that memory does not hold, in a folder that is private to this user.
struct SpillFile {
    private let folder: String
    var path: String { folder + "/rows" }

    init() throws {
        let parent = getenv("TMPDIR").map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
        var template = Array("\(parent)/millrace-rows-XXXXXX".utf8CString)
        let isMade = template.withUnsafeMutableBufferPointer { $0.baseAddress.flatMap { mkdtemp($0) } != nil }
        guard isMade else {
            throw CommandFailure(.usage, "no temporary folder in \(parent): \(String(cString: strerror(errno)))")
        }
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// What is mapped stays readable.
    func remove() {
        unlink(path)
        rmdir(folder)
    }
}
