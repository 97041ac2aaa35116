import Logging
import ModelRegistry

/// What the pipeline promises about each request.
enum Delivery: String, Sendable, CaseIterable {
    /// Results and the offsets that they answer are one transaction: no crash answers a request twice or never.
    case exactlyOnce = "exactly-once"
    /// Results are acknowledged before offsets are committed: a crash may answer some requests again.
    case atLeastOnce = "at-least-once"
}

/// The models that are loaded before the instance is ready.
enum ModelPreload: Sendable, Equatable {
    /// The champion of every model in the store.
    case all
    case only([ModelReference])
}

/// Where an instance learns which versions there are.
enum RegistryLocation: String, Sendable, CaseIterable {
    /// On the topic `topics.models`.
    case topic
    /// In the index of the directory `models.store`, once, at the start: for clusters that keep no topic of it.
    case store
}

/// Where model bundles lie.
enum ArtifactLocation: String, Sendable, CaseIterable {
    /// In the directory `models.store`.
    case directory
    /// On the topic `topics.artifacts`; the directory holds copies.
    case kafka
}

/// How log lines are written.
enum LogFormat: String, Sendable, CaseIterable {
    /// For people.
    case text
    /// One JSON object a line.
    case json
}

/// swift-log's levels as configuration spells them.
enum LogLevel: String, Sendable, CaseIterable {
    case trace, debug, info, notice, warning, error, critical

    var level: Logger.Level {
        switch self {
        case .trace: .trace
        case .debug: .debug
        case .info: .info
        case .notice: .notice
        case .warning: .warning
        case .error: .error
        case .critical: .critical
        }
    }
}
