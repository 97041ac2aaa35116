import JSONDocuments

/// The versions that exist, and which of them a reference means.
public struct VersionCatalog: Sendable {
    private var versions: [String: [Int: ModelVersion]] = [:]

    public init(_ versions: some Sequence<ModelVersion> = []) {
        for version in versions { insert(version) }
    }

    public mutating func insert(_ version: ModelVersion) {
        versions[version.identity.name, default: [:]][version.identity.number] = version
    }

    /// Every version, by name and number.
    public var all: [ModelVersion] {
        versions.values.flatMap(\.values).sorted { $0.identity < $1.identity }
    }

    /// The alias `champion`, what an unqualified reference means, and `latest` are the highest number.
    /// - Throws: ``RegistryError/unknownModel(_:nearest:knownCount:)`` or
    ///   ``RegistryError/unknownVersion(_:available:)``.
    public func version(for reference: ModelReference) throws(RegistryError) -> ModelVersion {
        guard let numbers = versions[reference.name], let highest = numbers.keys.max() else {
            let nearest = NearestName.nearest(to: reference.name, among: versions.keys)
            throw .unknownModel(reference.name, nearest: nearest, knownCount: versions.count)
        }
        let number: Int? =
            switch reference.version {
            case .number(let number): number
            case .champion, .alias("latest"): highest
            case .alias: nil
            }
        guard let number, let version = numbers[number] else {
            throw .unknownVersion(reference, available: numbers.keys.sorted())
        }
        return version
    }
}
