import Testing

@testable import MillraceCommand

/// Loads a configuration from texts, without the machine's files and variables.
func load(
    yaml: String? = nil, environment: [String: String] = [:], flags: [(String, String)] = []
) throws -> LoadedConfiguration {
    var layers = [
        FlagLayer.make(from: flags.map { .init(key: $0.0, value: $0.1, flag: "--set") }),
        EnvironmentLayer.make(from: environment),
    ]
    if let yaml { layers.append(try FileLayer.make(yaml: Array(yaml.utf8), name: "millrace.yaml")) }
    return try LoadedConfiguration(layers: layers)
}

/// The problems that loading reports, as text; fails the test when there are none.
func problems(
    yaml: String? = nil, environment: [String: String] = [:], flags: [(String, String)] = [],
    sourceLocation: SourceLocation = #_sourceLocation
) -> [String] {
    do {
        _ = try load(yaml: yaml, environment: environment, flags: flags)
        Issue.record("expected problems", sourceLocation: sourceLocation)
        return []
    } catch let error as ConfigurationError {
        return error.problems.map(\.description)
    } catch {
        Issue.record("unexpected \(error)", sourceLocation: sourceLocation)
        return []
    }
}

extension LoadedConfiguration {
    func source(of key: String) -> String? { settings.first { $0.key == key }?.source }
    func value(of key: String) -> String? { settings.first { $0.key == key }?.value }
}
