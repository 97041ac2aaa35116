import JSONDocuments
import Logging
import ModelRegistry

/// Records what operators do as events on the registry topic.
struct RegistryJournal: AdminJournal {
    private let configuration: MillraceConfiguration
    private let logger: Logger

    init(_ configuration: MillraceConfiguration) {
        self.configuration = configuration
        var logger = Logger(label: "millrace.journal")
        // What goes wrong is said once, by the caller.
        logger.logLevel = .critical
        self.logger = logger
    }

    func record(_ action: AdminAction) async throws {
        guard configuration.models.registry == .topic else { return StandardErrorJournal().record(action) }
        try await configuration.registry(logger: logger).writer.recordAction(
            kind: action.kind, subject: action.target,
            details: .object(action.details.mapValues { .string($0) }), operatorName: action.operatorName)
    }
}
