/// Why the registry topic cannot be read, or a change cannot be written to it.
public enum RegistryLogError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A record of a later format than this program knows.
    case newerFormat(offset: Int64, key: String, format: Int, supported: Int)
    /// A record that is not an event of the registry.
    case malformedEvent(offset: Int64, key: String, reason: String)
    /// The topic is not what a registry needs.
    case unsuitableTopic(String, reason: String)
    case missingTopic(String)
    /// An open transaction of another program hides the end of the topic.
    case blocked(topic: String, stableOffset: Int64, endOffset: Int64)
    /// Its key would not be read back as the same.
    case unwritableEvent(key: String)
    /// Other writers were faster, time and again.
    case contended(topic: String, attempts: Int, last: String)

    public var description: String {
        switch self {
        case .newerFormat(let offset, let key, let format, let supported):
            "registry record \"\(key)\" at offset \(offset) has format \(format), supported is up to \(supported); "
                + "run a newer version of Millrace"
        case .malformedEvent(let offset, let key, let reason):
            "registry record \"\(key)\" at offset \(offset): \(reason)"
        case .unsuitableTopic(let topic, let reason): "registry topic \(topic): \(reason)"
        case .missingTopic(let topic): "registry topic \(topic) does not exist"
        case .blocked(let topic, let stable, let end):
            "registry topic \(topic): a transaction that is still open hides offsets \(stable) to \(end - 1)"
        case .unwritableEvent(let key): "registry key \"\(key)\": expected a kind without a slash, and a subject"
        case .contended(let topic, let attempts, let last):
            "registry topic \(topic): gave up after \(attempts) attempts against other writers; the last: \(last)"
        }
    }
}
