import ModelRegistry

/// What the registry topic says. Pure: everything it looks at is handed in.
struct RegistryCheck {
    let topic: String

    func finding(_ update: RegistryLog.Update) -> Finding {
        if let failure = update.failure {
            let fix =
                switch failure {
                case .newerFormat: "install the version of Millrace that wrote it on every host"
                default:
                    "find out who wrote it (millrace models events shows what lies before); a tombstone under its key, and "
                        + "the change made again, repair it"
                }
            return Finding(
                .error, "registry", "\(topic): \(failure)", expected: "events of format \(RegistryEvent.formatVersion)",
                fix: fix)
        }
        let models = update.state.models.filter { $0.value.versions.contains { !$0.value.isRetired } }
        let versions = models.values.reduce(0) { $0 + $1.versions.count { !$0.value.isRetired } }
        guard versions > 0 else {
            return Finding(
                .warning, "registry", "\(topic) has no version: every request is answered UNKNOWN_MODEL",
                expected: "a model", fix: "millrace models import FILE --name NAME")
        }
        return Finding(
            .ok, "registry", "\(topic): \(versions) versions of \(models.count) models, read to the end")
    }
}
