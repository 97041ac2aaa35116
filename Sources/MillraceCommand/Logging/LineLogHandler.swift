import Logging

/// A swift-log handler that writes one line an event, in text or JSON.
struct LineLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    var logLevel: Logger.Level

    private let label: String
    private let format: LogFormat
    private let clock: @Sendable () -> Timestamp
    private let sink: @Sendable (String) -> Void

    /// - Parameters:
    ///   - label: the logger's name.
    ///   - clock: the time of an event; the system's clock by default.
    ///   - sink: takes one whole line with its newline; standard error by default.
    init(
        label: String, level: Logger.Level, format: LogFormat, metadataProvider: Logger.MetadataProvider? = nil,
        clock: @escaping @Sendable () -> Timestamp = Timestamp.now,
        sink: @escaping @Sendable (String) -> Void = StandardError.write
    ) {
        self.label = label
        self.logLevel = level
        self.format = format
        self.metadataProvider = metadataProvider
        self.clock = clock
        self.sink = sink
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let merged = merge(event)
        switch format {
        case .text: sink(TextLogLine.render(clock(), event.level, label, "\(event.message)", merged))
        case .json: sink(JSONLogLine.render(clock(), event.level, label, "\(event.message)", merged))
        }
    }

    /// The event's own metadata over the provider's over the logger's.
    private func merge(_ event: LogEvent) -> Logger.Metadata {
        var merged = metadata
        if let provided = metadataProvider?.get() { merged.merge(provided) { $1 } }
        if let own = event.metadata { merged.merge(own) { $1 } }
        if let error = event.error, merged["error"] == nil { merged["error"] = "\(error)" }
        return merged
    }
}
