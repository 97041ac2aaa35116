import ModelRegistry

/// How one kind of configuration value is read from text and written back.
struct ConfigurationValueType<Value: Sendable>: Sendable {
    /// Completes "expected …" in an error and names the type in the documentation.
    let expected: String
    /// Whether the value is a list, so that a comma separates elements.
    let isList: Bool
    /// Throws ``ValueMismatch`` to say more than `expected` does; nil means simply not of this type.
    let parse: @Sendable (RawValue) throws(ValueMismatch) -> Value?
    /// Text that `parse` reads back to the same value.
    let format: @Sendable (Value) -> String

    private init(
        list expected: String, parse: @escaping @Sendable ([String]) -> Value?,
        format: @escaping @Sendable (Value) -> String
    ) {
        self.expected = expected
        self.isList = true
        self.parse = { raw throws(ValueMismatch) in parse(raw.elements) }
        self.format = format
    }

    private init(
        _ expected: String, parse: @escaping @Sendable (String) throws(ValueMismatch) -> Value?,
        format: @escaping @Sendable (Value) -> String
    ) {
        self.expected = expected
        self.isList = false
        self.parse = { raw throws(ValueMismatch) in
            guard case .scalar(let text) = raw else { return nil }
            return try parse(text)
        }
        self.format = format
    }
}

extension ConfigurationValueType where Value == String {
    static let text = Self("a non-empty text", parse: { $0.isEmpty ? nil : $0 }, format: { $0 })

    /// An application or instance id: becomes part of a consumer group and of a transactional id.
    static let identifier = Self(
        "1 to 200 characters out of a-z A-Z 0-9 . _ -", parse: { isKafkaName($0, limit: 200) ? $0 : nil },
        format: { $0 })

    /// A topic name as Kafka's brokers accept it.
    static let topic = Self(
        "a topic name (1 to 249 characters out of a-z A-Z 0-9 . _ -)",
        parse: { isTopic($0) ? $0 : nil }, format: { $0 })

    static let topicSuffix = Self(
        "1 to 100 characters out of a-z A-Z 0-9 . _ -", parse: { isKafkaName($0, limit: 100) ? $0 : nil },
        format: { $0 })
}

extension ConfigurationValueType where Value == String? {
    private static let none = "none"

    static let optionalText = Self(
        "none or a non-empty text", parse: { $0.isEmpty ? nil : .some($0 == none ? nil : $0) },
        format: { $0 ?? none })

    static let optionalTopic = Self(
        "none or a topic name (1 to 249 characters out of a-z A-Z 0-9 . _ -)",
        parse: { text in text == none ? .some(nil) : isTopic(text) ? .some(text) : nil }, format: { $0 ?? none })
}

extension ConfigurationValueType where Value == [String] {
    static let topics = Self(
        list: "one topic name or a list of them (1 to 249 characters out of a-z A-Z 0-9 . _ -)",
        parse: { $0.isEmpty || !$0.allSatisfy(isTopic) || Set($0).count != $0.count ? nil : $0 },
        format: { $0.joined(separator: ",") })

    static let optionalTopics = Self(
        list: "none, one topic name or a list of them (1 to 249 characters out of a-z A-Z 0-9 . _ -)",
        parse: { elements in
            if elements == ["none"] || elements.isEmpty { return [] }
            return elements.allSatisfy(isTopic) && Set(elements).count == elements.count ? elements : nil
        },
        format: { $0.isEmpty ? "none" : $0.joined(separator: ",") })

    static let servers = Self(
        list: "one host:port or a list of them",
        parse: { $0.isEmpty || !$0.allSatisfy(isServer) ? nil : $0 }, format: { $0.joined(separator: ",") })
}

extension ConfigurationValueType where Value == Bool {
    static let boolean = Self(
        "true or false", parse: { Bool($0.lowercased()) }, format: { String($0) })
}

extension ConfigurationValueType where Value == Int {
    static func integer(_ range: ClosedRange<Int>) -> Self {
        Self(
            "an integer from \(range.lowerBound) to \(range.upperBound)",
            parse: { text in Int(text).flatMap { range.contains($0) ? $0 : nil } }, format: { String($0) })
    }

    /// A number of bytes.
    static func byteSize(_ range: ClosedRange<Int>) -> Self {
        Self(
            "a size from \(ByteSize.format(range.lowerBound)) to \(ByteSize.format(range.upperBound)), "
                + "such as 8MiB, 1MB or 4096",
            parse: { text in ByteSize.parse(text).flatMap { range.contains($0) ? $0 : nil } },
            format: ByteSize.format)
    }
}

extension ConfigurationValueType where Value == Duration {
    static func duration(_ range: ClosedRange<Duration>) -> Self {
        Self(
            "a duration from \(DurationText.format(range.lowerBound)) to \(DurationText.format(range.upperBound)), "
                + "such as 2ms or 1s",
            parse: { text in DurationText.parse(text).flatMap { range.contains($0) ? $0 : nil } },
            format: DurationText.format)
    }
}

extension ConfigurationValueType where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    /// One of the spelled-out cases.
    static func choice() -> Self {
        Self(
            "one of " + Value.allCases.map(\.rawValue).joined(separator: ", "),
            parse: { Value(rawValue: $0) }, format: { $0.rawValue })
    }
}

extension ConfigurationValueType where Value == ModelPreload {
    static let preload = Self(
        list: "all, or a list of models, each written name or name@version",
        parse: { elements in
            if elements == ["all"] { return .all }
            let references = elements.compactMap(ModelReference.init(configured:))
            return references.count == elements.count ? .only(references) : nil
        },
        format: { preload in
            switch preload {
            case .all: "all"
            case .only(let references): references.map(\.description).joined(separator: ",")
            }
        })
}

extension ConfigurationValueType where Value == ModelReference {
    static let model = Self(
        "a model, written name or name@version", parse: { ModelReference(configured: $0) },
        format: { $0.description })
}

extension ModelReference {
    /// `name` (its champion) or `name@version`, the version a number or an alias.
    init?(configured text: String) {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard let name = parts.first, !name.isEmpty, parts.count <= 2 else { return nil }
        guard parts.count == 2 else {
            self.init(name: String(name))
            return
        }
        guard !parts[1].isEmpty else { return nil }
        self.init(name: String(name), version: VersionSelector(parsing: String(parts[1])))
    }
}

private func isKafkaName(_ text: String, limit: Int) -> Bool {
    (1...limit).contains(text.utf8.count)
        && text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
}

/// Whether Kafka's brokers accept the name for a topic.
func isTopic(_ text: String) -> Bool {
    isKafkaName(text, limit: 249) && text != "." && text != ".."
}

/// `host:port`, an optional `PROTOCOL://` in front as librdkafka allows, IPv6 addresses in brackets.
private func isServer(_ text: String) -> Bool {
    let address = text.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
    guard let colon = address.lastIndex(of: ":"), colon != address.startIndex,
        let port = UInt16(address[address.index(after: colon)...]), port > 0
    else { return false }
    let host = address[..<colon]
    return !host.contains(" ") && (!host.contains(":") || (host.hasPrefix("[") && host.hasSuffix("]")))
}
