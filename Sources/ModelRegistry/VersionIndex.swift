import FoundationEssentials
import Glibc
import JSONDocuments

/// Which versions of which models exist: one small file a version, `<root>/models/<name>/<number>`, that holds the
/// bundle's digest. A file appears whole or not at all and is never changed, so several processes may write at once.
public struct VersionIndex: Sendable {
    /// A version file is far smaller; anything larger is not one.
    private static let maximumFileSize = 4096

    public let root: String

    /// - Throws: ``RegistryError/storeUnusable(path:reason:)`` when the directory is absent and cannot be made.
    public init(root: String) throws(RegistryError) {
        self.root = root
        try DirectoryArtifactStore.makeDirectory(root + "/models")
    }

    /// Every version, by name and number.
    public func versions() throws(RegistryError) -> [ModelVersion] {
        var versions: [ModelVersion] = []
        for name in try entries(of: "\(root)/models") where (try? ModelName.validate(name)) != nil {
            versions += try self.versions(of: name)
        }
        return versions.sorted { $0.identity < $1.identity }
    }

    /// The versions of one model by rising number; none for an unknown name.
    public func versions(of name: String) throws(RegistryError) -> [ModelVersion] {
        try ModelName.validate(name)
        let folder = "\(root)/models/\(name)"
        guard FileManager.default.fileExists(atPath: folder) else { return [] }
        var versions: [ModelVersion] = []
        for entry in try entries(of: folder) {
            guard let number = Int(entry), number > 0, String(number) == entry else { continue }
            let digest = try readDigest(at: "\(folder)/\(entry)")
            versions.append(ModelVersion(identity: .init(name: name, number: number), digest: digest))
        }
        return versions.sorted { $0.identity < $1.identity }
    }

    /// Adds the version that `makeDigest` stores under the number it is given; the number is the lowest above all
    /// existing ones that no concurrent writer took first.
    public func append(name: String, makeDigest: (_ number: Int) throws -> String) throws -> ModelVersion {
        try ModelName.validate(name)
        let folder = "\(root)/models/\(name)"
        try DirectoryArtifactStore.makeDirectory(folder)
        while true {
            let number = (try versions(of: name).last?.identity.number ?? 0) + 1
            let digest = try makeDigest(number)
            if try publish("\(folder)/\(number)", digest: digest) {
                return ModelVersion(identity: .init(name: name, number: number), digest: digest)
            }
        }
    }

    /// Writes a file under another name and links it, which fails when the name is taken: create and write in one step.
    private func publish(_ path: String, digest: String) throws(RegistryError) -> Bool {
        let contents = JSONValue.object(["digest": .string(digest)]).serialized(.compact)
        let temporary = "\(path).\(UUID().uuidString).tmp"
        do {
            try Data(contents).write(to: URL(filePath: temporary))
        } catch let error {
            throw .storeUnusable(path: path, reason: "cannot be written: \(error)")
        }
        defer { unlink(temporary) }
        if link(temporary, path) == 0 { return true }
        let code = errno
        guard code == EEXIST else {
            throw .storeUnusable(path: path, reason: "cannot be linked: \(String(cString: strerror(code)))")
        }
        return false
    }

    private func readDigest(at path: String) throws(RegistryError) -> String {
        let data: Data
        do {
            data = try Data(contentsOf: URL(filePath: path))
        } catch let error {
            throw .damagedEntry(path: path, reason: "cannot be read: \(error)")
        }
        guard data.count <= Self.maximumFileSize else {
            throw .damagedEntry(
                path: path, reason: "found \(data.count) bytes, expected at most \(Self.maximumFileSize)")
        }
        do {
            let document = JSONCursor(try JSONValue(parsing: Array(data)), path: "version")
            return try document.member("digest").string()
        } catch let error {
            throw .damagedEntry(path: path, reason: "\(error)")
        }
    }

    private func entries(of path: String) throws(RegistryError) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        } catch let error {
            throw .storeUnusable(path: path, reason: "cannot be listed: \(error)")
        }
    }
}
