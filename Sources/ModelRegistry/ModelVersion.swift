/// One immutable version of a model, as the store knows it.
public struct ModelVersion: Sendable, Hashable {
    /// A version's name and number: what results and batches carry.
    public struct Identity: Sendable, Hashable, Comparable, CustomStringConvertible {
        public let name: String
        public let number: Int

        public init(name: String, number: Int) {
            self.name = name
            self.number = number
        }

        public static func < (left: Identity, right: Identity) -> Bool {
            (left.name, left.number) < (right.name, right.number)
        }

        public var description: String { "\(name)@\(number)" }
    }

    public let identity: Identity
    /// The SHA-256 of the bundle's manifest, in hexadecimal: its address in the artifact store.
    public let digest: String

    public init(identity: Identity, digest: String) {
        self.identity = identity
        self.digest = digest
    }
}
