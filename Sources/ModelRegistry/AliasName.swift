/// Rules for aliases: those of model names, and that they are neither a number nor `latest`, which always mean something
/// else.
public enum AliasName {
    /// Always the highest number that is not retired.
    public static let latest = "latest"
    /// What a reference without a version means.
    public static let champion = "champion"

    /// - Throws: ``RegistryError/invalidAlias(_:)``.
    public static func validate(_ alias: String) throws(RegistryError) {
        guard (try? ModelName.validate(alias)) != nil, alias != latest, Int(alias) == nil else {
            throw .invalidAlias(alias)
        }
    }
}
