/// Why a model, a version or an artifact cannot be had.
public enum RegistryError: Error, Sendable, Hashable, CustomStringConvertible {
    case invalidModelName(String)
    /// The name asked for, the known one it was probably meant to be, and the number of known ones.
    case unknownModel(String, nearest: String?, knownCount: Int)
    case unknownVersion(ModelReference, available: [Int])
    case invalidAlias(String)
    /// The alias asked for, the known one it was probably meant to be, and the versions that there are.
    case unknownAlias(ModelReference, nearest: String?, available: [Int])
    /// Known, but not loaded here.
    case notLoaded(ModelReference)
    /// Being loaded: worth waiting for.
    case loading(ModelReference)
    /// It could not be loaded here.
    case loadFailed(ModelReference, reason: String)
    /// Larger than what all loaded versions may take together.
    case tooLarge(ModelVersion.Identity, bytes: Int, budget: Int)
    case storeUnusable(path: String, reason: String)
    case storeFull(path: String, reason: String)
    case storeReadOnly(path: String, reason: String)
    case missingEntry(store: String, digest: String)
    case damagedEntry(path: String, reason: String)

    public var description: String {
        switch self {
        case .invalidModelName(let name):
            "model name \"\(name)\": expected 1 to 128 letters, digits, '.', '_' or '-', not starting with '.' or '-'"
        case .unknownModel(let name, let nearest?, _):
            "unknown model \"\(name)\"; did you mean \"\(nearest)\"?"
        case .unknownModel(let name, nil, let knownCount):
            "unknown model \"\(name)\"; \(knownCount) \(knownCount == 1 ? "model is" : "models are") known"
        case .unknownVersion(let reference, let available):
            "model \"\(reference.name)\" has no version \"\(reference.version)\"; available: "
                + Self.list(available)
        case .unknownAlias(let reference, let nearest, let available):
            "model \"\(reference.name)\" has no alias \"\(reference.version)\"; "
                + (nearest.map { "did you mean \"\($0)\"? " } ?? "") + "available versions: " + Self.list(available)
        case .invalidAlias(let alias):
            "alias \"\(alias)\": expected what a model name may be, but neither a number nor \"latest\""
        case .notLoaded(let reference):
            "model version \(reference) exists but is not loaded by this instance"
        case .loading(let reference):
            "model version \(reference) is being loaded by this instance"
        case .loadFailed(let reference, let reason):
            "model version \(reference) could not be loaded by this instance: \(reason)"
        case .tooLarge(let identity, let bytes, let budget):
            "\(identity) has constants of \(bytes) bytes, models.memory is \(budget) bytes"
        case .storeFull(let path, let reason):
            "artifact store \(path) is full: \(reason)"
        case .storeReadOnly(let path, let reason):
            "artifact store \(path) cannot be written: \(reason)"
        case .missingEntry(let store, let digest):
            "artifact store \(store) has no bundle \(digest)"
        case .storeUnusable(let path, let reason):
            "artifact store \(path): \(reason)"
        case .damagedEntry(let path, let reason):
            "artifact store entry \(path): \(reason)"
        }
    }
    private static func list(_ numbers: [Int]) -> String {
        numbers.isEmpty ? "none" : numbers.map(String.init).joined(separator: ", ")
    }
}
