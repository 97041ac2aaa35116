/// Rules for model names: they are folder names, Kafka keys and URL segments alike.
public enum ModelName {
    public static let maximumLength = 128

    /// - Throws: ``RegistryError/invalidModelName(_:)``.
    public static func validate(_ name: String) throws(RegistryError) {
        let bytes = Array(name.utf8)
        guard (1...maximumLength).contains(bytes.count), let first = bytes.first,
            first != UInt8(ascii: "."), first != UInt8(ascii: "-"), bytes.allSatisfy(isPermitted)
        else { throw .invalidModelName(name) }
    }

    private static func isPermitted(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
