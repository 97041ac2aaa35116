import FoundationEssentials
import Glibc
import JSONDocuments
import ModelFormats
import TensorEngine
import Training

/// A folder in which a training in this process leaves how far it is, so that the same command goes on after a kill and comes
/// to the same bits.
///
/// It holds what is trained (`training.json`), the results of the fits that are over (`t0-f2.json`) and the checkpoint of the
/// one that runs (`t0-f3.checkpoint`). One process at a time has it.
final class LocalCheckpoints {
    private static let format = 1
    private static let descriptionName = "training.json"
    private static let lockName = "lock"
    private static let maximumBytes = 256 << 20

    /// Whether an earlier process began the training.
    let isResumed: Bool
    private let path: String
    private let lock: Int32

    /// - Parameters:
    ///   - path: of the folder; made when it is not there.
    ///   - base: the graph that the request goes on from.
    /// - Throws: ``CommandFailure`` when the folder cannot be used, belongs to another training, or another process has it.
    init(_ path: String, request: TrainingRequest, dataset: any Dataset, base: Graph?) throws {
        self.path = path
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw CommandFailure(.usage, "--checkpoint: \(path) cannot be made: \(error)")
        }
        lock = open("\(path)/\(Self.lockName)", O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard lock >= 0 else {
            throw CommandFailure(.usage, "--checkpoint: \(path): \(String(cString: strerror(errno)))")
        }
        guard Self.isLocked(lock) else {
            close(lock)
            throw CommandFailure(.refused, "--checkpoint: another process trains in \(path)")
        }
        var members: [String: JSONValue] = [
            "format": .integer(Int64(Self.format)), "request": request.json, "dataset": .string(dataset.digest),
        ]
        if let base {
            let manifest = Manifest(name: "base", graph: base, createdAt: "")
            members["base"] = .string(ModelBundle(manifest: manifest, graph: base).digest)
        }
        do {
            isResumed = try Self.claim(path, for: .object(members))
        } catch {
            close(lock)
            throw error
        }
    }

    deinit { close(lock) }

    /// Waits for a moment: one that was killed may not be gone yet.
    private static func isLocked(_ lock: Int32) -> Bool {
        for _ in 0..<20 {
            if flock(lock, LOCK_EX | LOCK_NB) == 0 { return true }
            usleep(50_000)
        }
        return false
    }

    /// - Returns: whether the folder is this training's already.
    private static func claim(_ path: String, for training: JSONValue) throws(CommandFailure) -> Bool {
        let file = "\(path)/\(descriptionName)"
        if FileManager.default.fileExists(atPath: file) {
            let bytes = try? InputFile.read(file, limit: maximumBytes)
            // As it is read back: numbers may be written in more than one way.
            let own = try? JSONValue(parsing: training.serialized(.compact))
            guard let bytes, let own, let found = try? JSONValue(parsing: bytes), found == own else {
                throw CommandFailure(
                    .refused,
                    "--checkpoint: \(path) is of another training (request, rows or base): name another folder, or remove it"
                )
            }
            return true
        }
        let others = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        guard others.allSatisfy({ $0 == lockName || $0.hasPrefix(descriptionName) }) else {
            throw CommandFailure(
                .refused,
                "--checkpoint: \(path) holds something else (\(others.sorted().joined(separator: ", ").prefix(200)))")
        }
        try replace(file, with: training)
        return false
    }

    /// Of the fit that runs.
    func checkpoint(of fit: FitID) -> String { "\(path)/\(fit).checkpoint" }

    /// What came of a fit in an earlier process; nil when it is to be made, also after a file that cannot be read.
    func judged(_ fit: TrainingJob.Fit) -> LocalTraining.Judged? {
        guard let bytes = try? InputFile.read("\(path)/\(fit.id).json", limit: Self.maximumBytes),
            let json = try? JSONValue(parsing: bytes)
        else { return nil }
        return try? LocalTraining.Judged(JSONCursor(json), of: fit)
    }

    /// Keeps what came of a fit, and lets go of its checkpoint.
    func keep(_ judged: LocalTraining.Judged) throws(CommandFailure) {
        try Self.replace("\(path)/\(judged.fit.id).json", with: judged.json)
        unlink(checkpoint(of: judged.fit.id))
    }

    /// The training is over: removes what is its own, and the folder when nothing else is in it.
    func remove() {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] {
            let fit = name.split(separator: ".", maxSplits: 1).first.flatMap { FitID(String($0)) }
            if fit != nil || name.hasPrefix(Self.descriptionName) || name == Self.lockName { unlink("\(path)/\(name)") }
        }
        rmdir(path)
    }

    /// As a whole: whoever is killed meanwhile leaves the file that was there, or none.
    private static func replace(_ path: String, with json: JSONValue) throws(CommandFailure) {
        try OutputFile.write(json.serialized(.compact), to: path + ".new")
        guard rename(path + ".new", path) == 0 else {
            throw CommandFailure(.usage, "--checkpoint: \(path): \(String(cString: strerror(errno)))")
        }
    }
}

extension LocalTraining.Judged {
    fileprivate var json: JSONValue {
        var members: [String: JSONValue] = [
            "request": fit.request, "history": .array(history.map(\.json)), "seconds": .real(seconds),
        ]
        if let report { members["report"] = report.json }
        if let failure { members["error"] = .string(failure) }
        return .object(members)
    }

    /// - Throws: ``JSONError`` for what is not the result of this fit.
    fileprivate init(_ json: JSONCursor, of fit: TrainingJob.Fit) throws(JSONError) {
        let request = try json.member("request")
        guard request.value == (try JSONValue(parsing: fit.request.serialized(.compact))) else {
            throw request.mismatch("the request of \(fit.id)")
        }
        var history: [EpochRecord] = []
        for epoch in try json.member("history").elements() { history.append(try EpochRecord(epoch)) }
        let report = try json.optionalMember("report").map { (member) throws(JSONError) in try EvaluationReport(member)
        }
        self.init(
            fit: fit, report: report, failure: try json.optionalMember("error")?.string(), history: history,
            seconds: try json.member("seconds").number())
    }
}
