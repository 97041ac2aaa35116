package import JSONDocuments
import ModelRegistry
package import Training

extension TrainingRequest {
    /// Checks what the registry and topics have rules for, which training itself has not.
    /// - Throws: ``JSONError`` for a model's name or an alias that the registry does not take, and for a time that is none.
    package func checkReferences() throws(JSONError) {
        if case .topic(let range) = dataset.source {
            for (name, bound) in [("from", range.start), ("to", range.end)] {
                guard case .time(let text) = bound, Timestamp.milliseconds(rfc3339: Array(text.utf8)) == nil else {
                    continue
                }
                throw JSONError(
                    at: .path("dataset.\(name).time"), "found \"\(text)\", expected RFC 3339, as 2026-01-31T12:00:00Z")
            }
        }
        do throws(RegistryError) {
            try ModelName.validate(model)
        } catch {
            throw JSONError(at: .path("model"), "\(error)")
        }
        guard let alias = promotion?.alias else { return }
        do throws(RegistryError) {
            try AliasName.validate(alias)
        } catch {
            throw JSONError(at: .path("promotion.alias"), "\(error)")
        }
    }
}
