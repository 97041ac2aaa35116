/// The keys of the artifact topic: `<digest>` is a bundle's table of contents, `<digest>/<file>/<chunk>` a part of one of
/// its files.
enum ArtifactKey: Hashable, CustomStringConvertible {
    case contents(digest: String)
    case chunk(digest: String, file: String, index: Int)

    /// Nil for a key that is none of these.
    init?(parsing bytes: ArraySlice<UInt8>?) {
        guard let bytes else { return nil }
        let parts = String(decoding: bytes, as: UTF8.self).split(separator: "/", omittingEmptySubsequences: false)
        guard let digest = parts.first, ArtifactDigest.isValid(digest) else { return nil }
        switch parts.count {
        case 1: self = .contents(digest: String(digest))
        case 3:
            guard let index = Int(parts[2]), index >= 0, String(index) == parts[2] else { return nil }
            self = .chunk(digest: String(digest), file: String(parts[1]), index: index)
        default: return nil
        }
    }

    var description: String {
        switch self {
        case .contents(let digest): digest
        case .chunk(let digest, let file, let index): "\(digest)/\(file)/\(index)"
        }
    }

    var bytes: ArraySlice<UInt8> { Array(description.utf8)[...] }
}
