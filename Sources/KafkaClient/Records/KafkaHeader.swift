/// A record header: a name, which may repeat within a record, and bytes or null.
public struct KafkaHeader: Sendable, Hashable {
    /// Bytes that are not UTF-8 arrive as U+FFFD.
    public var name: String
    /// `nil` is null, which is not the same as empty.
    public var value: ArraySlice<UInt8>?

    public init(name: String, value: ArraySlice<UInt8>?) {
        self.name = name
        self.value = value
    }

    /// A header whose value is the UTF-8 of `text`.
    public init(name: String, text: String) {
        self.init(name: name, value: ArraySlice(text.utf8))
    }
}

extension Sequence<KafkaHeader> {
    /// The last value under `name`, which is the one that counts when a name repeats; `nil` when absent or null.
    public func lastValue(named name: String) -> ArraySlice<UInt8>? {
        var found: ArraySlice<UInt8>?
        for header in self where header.name == name { found = header.value }
        return found
    }
}
