/// Why a change of the registry is not made, though it could be: it would do harm, or there is nothing to go back to.
public enum RegistryRefusal: Error, Sendable, Hashable, CustomStringConvertible {
    /// The aliases and the traffic rule that point to the version.
    case inUse(ModelVersion.Identity, by: [String])
    /// No alias is set, so that retiring it would silently make another version the champion.
    case impliedChampion(ModelVersion.Identity, next: Int)
    case retired(ModelVersion.Identity)
    /// The alias has meant nothing else.
    case noPreviousHolder(model: String, alias: String)
    case previousHolderGone(model: String, alias: String, previous: Int)
    /// What the caller decided by has changed meanwhile.
    case changedMeanwhile(model: String, what: String)
    case invalidTraffic(model: String, reason: String)

    public var description: String {
        switch self {
        case .inUse(let identity, let users):
            "\(identity) is in use: \(users.joined(separator: ", ")); point these elsewhere first"
        case .impliedChampion(let identity, let next):
            "\(identity) is what requests get that name no version, since no champion is set; retiring it would move "
                + "them to version \(next): promote a version first"
        case .retired(let identity): "\(identity) is retired"
        case .noPreviousHolder(let model, let alias):
            "alias \"\(alias)\" of \(model) has no previous holder to go back to"
        case .previousHolderGone(let model, let alias, let previous):
            "alias \"\(alias)\" of \(model) pointed to version \(previous) before, which is retired"
        case .changedMeanwhile(let model, let what): "\(model): \(what) changed meanwhile; look again"
        case .invalidTraffic(let model, let reason): "traffic of \(model): \(reason)"
        }
    }
}
