package import JSONDocuments
import ModelRegistry
package import Training

extension TrainingRequest {
    /// Checks what the registry has rules for, which training itself has not.
    /// - Throws: ``JSONError`` for a model's name or an alias that the registry does not take.
    package func checkNames() throws(JSONError) {
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
