import ArgumentParser
import Glibc
import Logging
import ModelRegistry

/// Where the registry and its bundles are: options that every `models` command takes.
struct RegistryOptions: ParsableArguments {
    @Option(help: "The artifact store's directory; default: models.store of the configuration.")
    var store: String?

    @Flag(help: "Use the store alone, even when brokers are configured.")
    var offline = false

    @OptionGroup var options: ConfigurationOptions

    /// - Throws: ``ConfigurationError``, ``KafkaConfigurationError``.
    func open() throws -> RegistrySession {
        let loaded = try options.load()
        LogBootstrap.start(loaded.configuration.logging)
        var logger = Logger(label: "millrace.models")
        // What goes wrong is said once, at the end; the client library's attempts are for those who ask for a log.
        let isLogWanted = loaded.settings.contains { $0.key == "logging.level" && $0.source != "default" }
        if !isLogWanted { logger.logLevel = .critical }
        let hasBrokers = loaded.settings.contains {
            $0.key == ConfigurationKeys.bootstrapServers.name && $0.source != "default"
        }
        return try RegistrySession(
            loaded.configuration, store: store ?? loaded.configuration.models.store,
            isOffline: offline || !hasBrokers || loaded.configuration.models.registry == .store, logger: logger)
    }
}

/// Who does it, for the record.
struct OperatorOptions: ParsableArguments {
    @Option(
        name: .customLong("operator"),
        help: ArgumentHelp("Who does this, kept in the event; default: $USER, else the login name.", valueName: "name"))
    var name: String?

    var effectiveName: String {
        if let name, !name.isEmpty { return name }
        if let user = getenv("USER").map({ String(cString: $0) }), !user.isEmpty { return user }
        if let entry = getpwuid(getuid()), let login = entry.pointee.pw_name { return String(cString: login) }
        return "uid \(getuid())"
    }

    func validate() throws {
        guard (name ?? "").utf8.count <= 256 else { throw ValidationError("--operator: expected at most 256 bytes") }
    }
}
