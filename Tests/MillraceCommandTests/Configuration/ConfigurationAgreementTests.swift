import Foundation
import Testing

@testable import MillraceCommand

/// The catalogue, the typed struct, the documentation, the JSON Schema and the example name the same keys.
@Suite struct ConfigurationAgreementTests {
    private let listed = Set(ConfigurationKeys.all.map(\.listedName))

    private func repositoryFile(_ path: String) throws -> Data {
        // Tests/MillraceCommandTests/Configuration/<this file>
        let root = (0..<4).reduce(URL(fileURLWithPath: #filePath)) { url, _ in url.deletingLastPathComponent() }
        return try Data(contentsOf: root.appendingPathComponent(path))
    }

    @Test func `no key is listed twice, nor two for one variable`() {
        #expect(listed.count == ConfigurationKeys.all.count)
        #expect(Set(ConfigurationKeys.all.map(\.environmentName)).count == ConfigurationKeys.all.count)
    }

    @Test func `the struct reads every key`() throws {
        let read = try load().settings.map(\.key)
        let maps = ConfigurationKeys.all.filter(\.isMap).map(\.name)
        #expect(read == ConfigurationKeys.all.map(\.name).filter { !maps.contains($0) })
        // Mappings are empty by default and so not among the settings; give each an entry.
        let given = try load(flags: [("bindings.millrace.requests", "m"), ("kafka.properties.a", "b")])
        for map in maps { #expect(given.settings.contains { $0.key.hasPrefix(map + ".") }, "\(map)") }
    }

    @Test func `the documentation's table`() throws {
        let text = String(decoding: try repositoryFile("docs/configuration.md"), as: UTF8.self)
        let rows = text.split(separator: "\n").filter { $0.hasPrefix("| `") }
            .map { $0.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) } }
        #expect(rows.map(\.[0]) == ConfigurationKeys.all.map { "`\($0.listedName)`" })
        for (row, key) in zip(rows, ConfigurationKeys.all) {
            try #require(row.count == 5)
            let inWords = key.isMap || key.defaultDescription.hasPrefix("the ")
            #expect(row[2] == (inWords ? key.defaultDescription : "`\(key.defaultDescription)`"), "\(key.name)")
            let variable = key.name == "kafka.properties" ? key.environmentName + "_…" : key.environmentName
            #expect(row[3] == "`\(variable)`")
            #expect(row[4] == key.summary)
        }
    }

    @Test func `the doc comment's table`() throws {
        let path = "Sources/MillraceCommand/Configuration/MillraceConfiguration.swift"
        let text = String(decoding: try repositoryFile(path), as: UTF8.self)
        let names = text.split(separator: "\n").filter { $0.hasPrefix("/// | `") }
            .compactMap { $0.split(separator: "`").dropFirst().first.map(String.init) }
        #expect(names == ConfigurationKeys.all.map(\.listedName))
    }

    @Test func `the JSON Schema`() throws {
        let json = try JSONSerialization.jsonObject(with: repositoryFile("schemas/millrace-configuration.schema.json"))
        var defaults: [String: String] = [:]
        try collect(try #require(json as? [String: Any]), path: "", into: &defaults)
        #expect(Set(defaults.keys) == listed)
        for key in ConfigurationKeys.all where !key.isMap && !key.defaultDescription.hasPrefix("the ") {
            #expect(defaults[key.name] == key.defaultDescription, "\(key.name)")
        }
    }

    /// Leaves of the schema's objects with their defaults as configuration spells them.
    private func collect(_ schema: [String: Any], path: String, into leaves: inout [String: String]) throws {
        for (name, value) in try #require(schema["properties"] as? [String: [String: Any]]) {
            let key = path + name
            if value["properties"] != nil {
                #expect(value["additionalProperties"] as? Bool == false, "\(key)")
                try collect(value, path: key + ".", into: &leaves)
            } else if value["additionalProperties"] is [String: Any] {
                leaves[key + ".*"] = ""
            } else if let number = value["default"] as? NSNumber, value["type"] as? String == "boolean" {
                leaves[key] = String(number.boolValue)
            } else {
                leaves[key] = value["default"].map { "\($0)" } ?? ""
            }
        }
    }

    @Test func `the example gives every key and is valid`() throws {
        let yaml = String(decoding: try repositoryFile("schemas/examples/millrace.yaml"), as: UTF8.self)
        let loaded = try load(yaml: yaml)
        #expect(loaded.settings.filter { $0.source == "default" }.map(\.key) == [])
        let defaults = try load()
        for setting in loaded.settings {
            guard let expected = defaults.value(of: setting.key) else { continue }
            if ["instance-id", "pipeline.threads"].contains(setting.key) { continue }
            #expect(setting.value == expected, "\(setting.key)")
        }
    }
}
