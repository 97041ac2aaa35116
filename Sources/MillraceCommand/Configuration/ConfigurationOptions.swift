import ArgumentParser

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The flags that every command with a configuration takes.
struct ConfigurationOptions: ParsableArguments {
    @Option(
        help: "Configuration file. Default: $MILLRACE_CONFIG, else ./millrace.yaml when there is one.",
        completion: .file(extensions: ["yaml", "yml"]))
    var config: String?

    @Option(help: "Brokers, host:port separated by commas (kafka.bootstrap-servers).")
    var bootstrapServers: String?

    @Option(help: "trace, debug, info, notice, warning, error or critical (logging.level).")
    var logLevel: String?

    @Option(help: "text or json (logging.format).")
    var logFormat: String?

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp(
            "Set any configuration key, for example batching.maximum-delay=5ms. Others on the machine see a command "
                + "line: give secrets in the file or the environment.", valueName: "key=value"))
    var assignments: [String] = []

    init() {}

    /// The effective configuration.
    ///
    /// - Parameter environment: the variables to read instead of the process's own.
    /// - Throws: ``ConfigurationError`` with every problem found.
    func load(
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws -> LoadedConfiguration {
        var layers = [try flagLayer(), EnvironmentLayer.make(from: environment)]
        if let path = filePath(environment) { layers.append(try Self.fileLayer(path: path)) }
        return try LoadedConfiguration(layers: layers)
    }

    /// The file to read: the one named, else the one in the working directory, else none.
    func filePath(_ environment: [String: String]) -> String? {
        if let config { return config }
        if let path = environment[EnvironmentLayer.fileVariable], !path.isEmpty { return path }
        return FileManager.default.fileExists(atPath: Self.defaultFile) ? Self.defaultFile : nil
    }

    private static let defaultFile = "millrace.yaml"

    private func flagLayer() throws(ConfigurationError) -> ConfigurationLayer {
        var given: [FlagLayer.Assignment] = []
        for text in assignments {
            guard let (key, value) = splitAssignment(text) else {
                let name = text.prefix { $0 != "=" }
                throw ConfigurationError(problems: [
                    .init(key: String(name), place: "--set", explanation: "expected key=value, both sides non-empty")
                ])
            }
            given.append(.init(key: key, value: value, flag: "--set"))
        }
        let named: [(any ConfigurationKeyDescription, String?, String)] = [
            (ConfigurationKeys.bootstrapServers, bootstrapServers, "--bootstrap-servers"),
            (ConfigurationKeys.logLevel, logLevel, "--log-level"),
            (ConfigurationKeys.logFormat, logFormat, "--log-format"),
        ]
        for (key, value, flag) in named {
            if let value { given.append(.init(key: key.name, value: value, flag: flag)) }
        }
        return FlagLayer.make(from: given)
    }

    private static func fileLayer(path: String) throws(ConfigurationError) -> ConfigurationLayer {
        let bytes: [UInt8]
        do {
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            // Checked before reading: a path to a device or a huge file must not fill the memory.
            guard attributes[.type] as? FileAttributeType != .typeDirectory,
                (attributes[.size] as? Int ?? 0) <= FileLayer.maximumBytes
            else {
                throw CocoaError(.fileReadTooLarge)
            }
            bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
        } catch {
            let reason =
                FileManager.default.fileExists(atPath: path)
                ? "cannot be read as a file of at most \(ByteSize.format(FileLayer.maximumBytes))" : "no such file"
            throw ConfigurationError(problems: [.init(key: path, place: "configuration file", explanation: reason)])
        }
        return try FileLayer.make(yaml: bytes, name: path)
    }
}
