import FoundationEssentials
import Glibc
import ModelRegistry

/// The artifact store and the recovery directory.
struct StoreCheck {
    private static let scarceBytes = 1 << 30

    let configuration: MillraceConfiguration

    init(_ configuration: MillraceConfiguration) { self.configuration = configuration }

    func findings() -> [Finding] {
        let path = configuration.models.store
        guard FileManager.default.fileExists(atPath: path) else {
            return [
                Finding(
                    .error, "store", "\(path) does not exist", expected: "models.store names a directory",
                    fix: "millrace models import FILE --store \(path)")
            ] + Self.directory(configuration.recovery.directory, "recovery.directory")
        }
        return Self.directory(path, "store") + bundles(path)
            + Self.directory(configuration.recovery.directory, "recovery.directory")
    }

    /// - Parameter subject: the key that names it, or "store".
    static func directory(_ path: String, _ subject: String) -> [Finding] {
        // What does not exist yet is made: what counts is the directory above it.
        var existing = path
        while !FileManager.default.fileExists(atPath: existing), let slash = existing.lastIndex(of: "/") {
            existing = slash == existing.startIndex ? "/" : String(existing[..<slash])
        }
        if !FileManager.default.fileExists(atPath: existing) { existing = "." }
        guard access(existing, R_OK | W_OK | X_OK) == 0 else {
            return [
                Finding(
                    .error, subject, "\(existing): \(String(cString: strerror(errno)))",
                    expected: "readable and writable by this user",
                    fix: "chown -R \(geteuid()) \(existing)")
            ]
        }
        var status = statvfs()
        guard statvfs(existing, &status) == 0 else { return [Finding(.ok, subject, "\(path) is usable")] }
        let (free, overflow) = Int(clamping: status.f_bavail).multipliedReportingOverflow(
            by: Int(clamping: status.f_frsize))
        guard overflow || free >= scarceBytes else {
            return [
                Finding(
                    .warning, subject, "\(existing) has \(free >> 20) MiB free", expected: "1 GiB or more",
                    fix: "free space, or set \(subject == "store" ? "models.store" : subject) to a larger disk")
            ]
        }
        return [Finding(.ok, subject, "\(path) is usable")]
    }

    private func bundles(_ path: String) -> [Finding] {
        let versions: [ModelVersion]
        let store: DirectoryArtifactStore
        do {
            store = try DirectoryArtifactStore(root: path)
            versions = try VersionIndex(root: path).versions()
        } catch {
            return [Finding(.error, "store", "\(error)", fix: "restore \(path) from a copy")]
        }
        guard !versions.isEmpty else {
            return [
                Finding(
                    .warning, "store", "\(path) holds no model: every request would be answered UNKNOWN_MODEL",
                    fix: "millrace models import FILE --store \(path)")
            ]
        }
        var findings: [Finding] = []
        for version in versions {
            do {
                _ = try store.bundle(digest: version.digest)
            } catch {
                findings.append(
                    Finding(
                        .error, "model \(version.identity)", "its bundle cannot be used: \(error)",
                        expected: "a bundle with the digest \(version.digest)",
                        fix: "restore \(path)/bundles/\(version.digest) from a copy, or import the model again"))
            }
        }
        if findings.isEmpty { findings = [Finding(.ok, "store", "\(versions.count) versions, every digest is right")] }
        return findings
    }
}
