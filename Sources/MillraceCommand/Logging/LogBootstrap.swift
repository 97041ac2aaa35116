import Logging
import Synchronization

/// Sets up swift-log for the process.
enum LogBootstrap {
    private static let hasStarted = Mutex(false)

    /// Call before the first logger is made; what comes after the first call changes nothing, since swift-log takes one
    /// handler factory a process. Everything goes to standard error, so that a command's own output stays clean.
    static func start(_ configuration: MillraceConfiguration.Logging) {
        let isFirst = hasStarted.withLock { hasStarted in
            defer { hasStarted = true }
            return !hasStarted
        }
        guard isFirst else { return }
        LoggingSystem.bootstrap(
            { label, provider in
                LineLogHandler(
                    label: label, level: configuration.level, format: configuration.format, metadataProvider: provider)
            }, metadataProvider: nil)
    }
}
