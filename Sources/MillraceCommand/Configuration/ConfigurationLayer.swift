import Configuration
import JSONDocuments

/// One source of configuration: its values through a swift-configuration snapshot, and what a snapshot cannot tell,
/// namely which keys the source gives and where an operator finds each of them.
struct ConfigurationLayer: Sendable {
    private let snapshot: any ConfigSnapshot
    /// Key to place. Only known keys and entries of known mappings.
    private let places: [String: String]
    /// Unknown names and malformed entries.
    let problems: [ConfigurationProblem]

    init(snapshot: any ConfigSnapshot, places: [String: String], problems: [ConfigurationProblem]) {
        self.snapshot = snapshot
        self.places = places
        self.problems = problems
    }

    /// The value of a key and its place, or nil when this layer does not give it.
    func value(forKey key: String, asList: Bool) -> (raw: RawValue, place: String)? {
        guard let place = places[key] else { return nil }
        let path = AbsoluteConfigKey(path: key)
        // A snapshot answers a question for the wrong type with an error; the other type then tells what is there.
        for type in asList ? [ConfigType.stringArray, .string] : [.string, .stringArray] {
            switch try? snapshot.value(forKey: path, type: type).value?.content {
            case .string(let text): return (.scalar(text), place)
            case .stringArray(let elements): return (.list(elements), place)
            default: continue
            }
        }
        return (.scalar(""), place)
    }

    /// The names below a mapping key that this layer gives, sorted.
    func entries(of map: String) -> [(name: String, place: String)] {
        places.compactMap { key, place in
            key.hasPrefix(map + ".") ? (String(key.dropFirst(map.count + 1)), place) : nil
        }.sorted { $0.name < $1.name }
    }
}

/// Sorts the names a source gives into known and unknown ones.
struct ConfigurationKeyIndex: Sendable {
    /// How a name stands to the catalogue.
    enum Classification: Equatable {
        case value
        case entry(map: String)
        /// A mapping of keys, such as `kafka`, or an operator's mapping as a whole.
        case section
        /// Something below a key that takes a value.
        case belowValue(String)
        case unknown
    }

    private let values: Set<String>
    private let maps: Set<String>
    private let sections: Set<String>

    static let standard = ConfigurationKeyIndex(ConfigurationKeys.all)

    init(_ keys: [any ConfigurationKeyDescription]) {
        values = Set(keys.lazy.filter { !$0.isMap }.map(\.name))
        maps = Set(keys.lazy.filter(\.isMap).map(\.name))
        sections = Set(
            keys.flatMap { key in
                let parts = key.name.split(separator: ".")
                return parts.indices.dropFirst().map { parts[..<$0].joined(separator: ".") }
            }
        ).union(maps)
    }

    func classify(_ name: String) -> Classification {
        if values.contains(name) { return .value }
        if sections.contains(name) { return .section }
        if let map = maps.first(where: { name.hasPrefix($0 + ".") && name.count > $0.count + 1 }) {
            return .entry(map: map)
        }
        if let value = values.first(where: { name.hasPrefix($0 + ".") }) { return .belowValue(value) }
        return .unknown
    }

    func nearest(to name: String) -> String? {
        NearestName.nearest(to: name, among: values.union(maps))
    }

    /// The section or mapping that a misspelled one was probably meant to be.
    func nearestSection(to name: String) -> String? {
        NearestName.nearest(to: name, among: sections)
    }

    /// The problem with a name that is given a value at `place`, or nil when it may have one.
    func problem(with name: String, place: String) -> ConfigurationProblem? {
        switch classify(name) {
        case .value: nil
        case .entry("kafka.properties"):
            KafkaProperties.refusal(of: String(name.dropFirst("kafka.properties.".count))).map {
                ConfigurationProblem(key: name, place: place, explanation: "may not be set: \($0)")
            }
        case .entry("bindings"):
            isTopic(String(name.dropFirst("bindings.".count)))
                ? nil
                : ConfigurationProblem(
                    key: name, place: place,
                    explanation: "expected bindings.<topic>, \(ConfigurationValueType.topic.expected)")
        case .entry: nil
        case .section:
            ConfigurationProblem(key: name, place: place, explanation: "found a single value, expected a mapping")
        case .belowValue(let key):
            ConfigurationProblem(
                key: key, place: place, explanation: "found a mapping, expected a single value or list")
        case .unknown: .unknown(name, place: place, nearest: nearest(to: name))
        }
    }
}

extension AbsoluteConfigKey {
    /// The components of a dotted path.
    init(path: String) {
        self.init(path.split(separator: ".", omittingEmptySubsequences: false).map(String.init))
    }
}
