import Logging

/// Sets up swift-log for the process.
enum LogBootstrap {
    /// Call once, before the first logger is made: swift-log takes one handler factory a process. Everything goes to
    /// standard error, so that a command's own output stays clean.
    static func start(_ configuration: MillraceConfiguration.Logging) {
        LoggingSystem.bootstrap(
            { label, provider in
                LineLogHandler(
                    label: label, level: configuration.level, format: configuration.format, metadataProvider: provider)
            }, metadataProvider: nil)
    }
}
