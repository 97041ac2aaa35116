import Crypto
import FoundationEssentials
import Glibc
import Training

/// Where fits leave their checkpoints, by job and fit.
struct CheckpointFolder: Sendable {
    let path: String

    /// - Throws: when the folder is absent and cannot be made.
    init(_ path: String) throws {
        self.path = path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    /// A job's id may hold anything: its digest names the file.
    private func prefix(_ job: String) -> String {
        SHA256.hash(data: Array(job.utf8)).prefix(16).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }

    func checkpoint(of job: String, _ fit: FitID) -> String { "\(path)/\(prefix(job))-\(fit).checkpoint" }

    func remove(job: String, _ fit: FitID) { unlink(checkpoint(of: job, fit)) }

    /// Removes all of a job's.
    func remove(job: String) {
        let prefix = prefix(job) + "-"
        for name in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] where name.hasPrefix(prefix) {
            unlink("\(path)/\(name)")
        }
    }
}
