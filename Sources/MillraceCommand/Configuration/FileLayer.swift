import Configuration
import Yams

/// A `millrace.yaml` as a configuration layer.
enum FileLayer {
    /// Larger files and deeper or wider trees are refused: aliases could otherwise unfold without end.
    static let maximumBytes = 1 << 20
    private static let maximumKeys = 10_000
    private static let maximumDepth = 16

    /// - Parameters:
    ///   - yaml: the file's bytes, UTF-8.
    ///   - name: what messages call the file.
    /// - Throws: ``ConfigurationError`` when the bytes are no YAML mapping; unknown keys are the layer's problems.
    static func make(yaml: [UInt8], name: String) throws(ConfigurationError) -> ConfigurationLayer {
        let root = try parse(yaml, name: name)
        // An empty document is a null scalar.
        guard let root, root.scalar?.string.isEmpty != true else { return valueless(name, problems: []) }
        guard let mapping = root.mapping else {
            throw failure(name, at: root.mark, "found a \(root.kind), expected a mapping of configuration keys")
        }
        var tree = FlattenedTree(file: name)
        try tree.visit(mapping, path: [], depth: 0)
        // The snapshot unfolds every mapping and refuses nested lists: it gets only trees whose shape is known to be right.
        guard tree.isWellShaped else { return valueless(name, problems: tree.problems) }
        let snapshot: any ConfigSnapshot
        do {
            snapshot = try YAMLSnapshot(
                data: yaml.span.bytes, providerName: name,
                parsingOptions: .init(secretsSpecifier: .dynamic { key, _ in SecretValue.isSecret(key) }))
        } catch {
            throw failure(name, at: nil, "cannot be read as configuration")
        }
        return ConfigurationLayer(snapshot: snapshot, places: tree.places, problems: tree.problems)
    }

    private static func valueless(_ name: String, problems: [ConfigurationProblem]) -> ConfigurationLayer {
        ConfigurationLayer(
            snapshot: InMemoryProvider(name: name, values: [:]).snapshot(), places: [:], problems: problems)
    }

    private static func parse(_ yaml: [UInt8], name: String) throws(ConfigurationError) -> Node? {
        guard yaml.count <= maximumBytes else {
            throw failure(name, at: nil, "found \(yaml.count) bytes, expected at most \(ByteSize.format(maximumBytes))")
        }
        guard let text = String(validating: yaml, as: UTF8.self) else {
            throw failure(name, at: nil, "found bytes that are no UTF-8, expected YAML in UTF-8")
        }
        do {
            return try Yams.compose(yaml: text)
        } catch let error as YamlError {
            throw failure(name, error)
        } catch {
            throw failure(name, at: nil, "is no valid YAML")
        }
    }

    /// The parser's own description quotes the offending line, which may hold a password: position and problem only.
    private static func failure(_ name: String, _ error: YamlError) -> ConfigurationError {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            failure(name, at: mark, "is no valid YAML: \(problem)")
        case .duplicatedKeysInMapping(let keys, let context):
            failure(name, at: context.mark, "key given twice: \(keys.map { "\($0)" }.sorted().joined(separator: ", "))")
        default:
            failure(name, at: nil, "is no valid YAML")
        }
    }

    private static func failure(_ name: String, at mark: Mark?, _ explanation: String) -> ConfigurationError {
        let place = mark.map { "line \($0.line), column \($0.column)" } ?? "configuration file"
        return ConfigurationError(problems: [.init(key: name, place: place, explanation: explanation)])
    }

    /// The file's keys as dotted paths, with their lines.
    private struct FlattenedTree {
        let file: String
        var places: [String: String] = [:]
        var problems: [ConfigurationProblem] = []
        /// Whether mappings and lists are only where they belong.
        private(set) var isWellShaped = true
        private var visited = 0

        init(file: String) { self.file = file }

        mutating func visit(_ mapping: Node.Mapping, path: [String], depth: Int) throws(ConfigurationError) {
            guard depth < maximumDepth else {
                throw failure(file, at: mapping.mark, "nests deeper than \(maximumDepth) mappings")
            }
            for (keyNode, node) in mapping {
                visited += 1
                guard visited <= maximumKeys else {
                    throw failure(file, at: keyNode.mark, "has more than \(maximumKeys) keys")
                }
                guard let component = keyNode.scalar?.string else {
                    throw failure(file, at: keyNode.mark, "found a \(keyNode.kind) as a key, expected a name")
                }
                let key = (path + [component]).joined(separator: ".")
                let place = keyNode.mark.map { "\(file):\($0.line)" } ?? file
                if let inner = node.mapping {
                    let problem = describeMapping(key, place: place)
                    if let problem {
                        problems.append(problem)
                        isWellShaped = false
                    } else {
                        try visit(inner, path: path + [component], depth: depth + 1)
                    }
                } else {
                    add(key, node, place: place)
                }
            }
        }

        /// A mapping under a key that takes a value, or under an unknown name, is one problem, not one for each key in it.
        private func describeMapping(_ key: String, place: String) -> ConfigurationProblem? {
            switch ConfigurationKeyIndex.standard.classify(key) {
            case .section: nil
            case .entry, .value, .belowValue:
                ConfigurationProblem(
                    key: key, place: place, explanation: "found a mapping, expected a single value or list")
            case .unknown:
                .unknown(key, place: place, nearest: ConfigurationKeyIndex.standard.nearestSection(to: key))
            }
        }

        private mutating func add(_ key: String, _ node: Node, place: String) {
            let index = ConfigurationKeyIndex.standard
            // `kafka:` with everything below it commented out is an empty section, not a wrong value.
            if index.classify(key) == .section, node.scalar?.string.isEmpty == true { return }
            let isPlain = node.sequence?.allSatisfy { $0.scalar != nil } ?? (node.scalar != nil)
            if !isPlain { isWellShaped = false }
            if let problem = index.problem(with: key, place: place) {
                problems.append(problem)
            } else if !isPlain {
                problems.append(.init(key: key, place: place, explanation: "found a list of more than plain values"))
            } else if let earlier = places.updateValue(place, forKey: key) {
                problems.append(.init(key: key, place: place, explanation: "given twice, before at \(earlier)"))
            }
        }
    }
}

extension Node {
    fileprivate var kind: String {
        switch self {
        case .scalar: "single value"
        case .mapping: "mapping"
        case .sequence: "list"
        case .alias: "alias"
        }
    }
}
