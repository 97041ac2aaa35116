import JSONDocuments
import TensorEngine

/// Typed access to a layer's configuration; errors name the layer and the option.
struct KerasOptions {
    let file: String
    let layer: KerasLayer

    /// Extents beyond this are refused before anything is computed from them.
    static let maximumExtent = 1 << 28

    func failure(_ reason: ModelFormatError.Reason, _ message: String) -> ModelFormatError {
        ModelFormatError(reason, file: file, at: layer.label, message)
    }

    /// The option, or nil when it is absent or null.
    func cursor(_ key: String) throws(ModelFormatError) -> JSONCursor? {
        try readingJSON(of: file, at: layer.label) { () throws(JSONError) -> JSONCursor? in
            try layer.config.optionalMember(key)
        }
    }

    func required(_ key: String) throws(ModelFormatError) -> JSONCursor {
        guard let value = try cursor(key) else { throw failure(.missing, "the option '\(key)' is missing") }
        return value
    }

    func read<Result>(_ body: () throws(JSONError) -> Result) throws(ModelFormatError) -> Result {
        try readingJSON(of: file, at: layer.label, body)
    }

    /// Gives tensor errors the layer's name.
    func tensor<Result>(_ body: () throws(TensorError) -> Result) throws(ModelFormatError) -> Result {
        do {
            return try body()
        } catch {
            throw failure(.malformed, error.description)
        }
    }

    func string(_ key: String, default fallback: String) throws(ModelFormatError) -> String {
        guard let value = try cursor(key) else { return fallback }
        return try read { () throws(JSONError) -> String in try value.string() }
    }

    func bool(_ key: String, default fallback: Bool) throws(ModelFormatError) -> Bool {
        guard let value = try cursor(key) else { return fallback }
        return try read { () throws(JSONError) -> Bool in try value.bool() }
    }

    func number(_ key: String) throws(ModelFormatError) -> Double? {
        guard let value = try cursor(key) else { return nil }
        return try number(value)
    }

    /// A number, which Keras may have wrapped as a NumPy scalar (`{"class_name": …, "config": {"value": …}}`).
    private func number(_ cursor: JSONCursor) throws(ModelFormatError) -> Double {
        let result = try read { () throws(JSONError) -> Double in
            if case .object = cursor.value { return try cursor.member("config").member("value").number() }
            return try cursor.number()
        }
        guard result.isFinite, Float(result).isFinite else {
            throw failure(.malformed, "\(cursor.path) is not a finite number")
        }
        return result
    }

    /// An integer that may be negative, as an axis.
    func integer(_ cursor: JSONCursor) throws(ModelFormatError) -> Int {
        let value = try read { () throws(JSONError) -> Int in try cursor.integer() }
        guard value.magnitude <= UInt(Self.maximumExtent) else {
            throw failure(.tooLarge, "\(cursor.path): found \(value), the limit is \(Self.maximumExtent)")
        }
        return value
    }

    /// An extent of at least `minimum`.
    func extent(_ cursor: JSONCursor, minimum: Int = 1) throws(ModelFormatError) -> Int {
        let value = try integer(cursor)
        guard value >= minimum else {
            throw failure(.malformed, "\(cursor.path): found \(value), expected at least \(minimum)")
        }
        return value
    }

    /// An option that holds one extent for each of `rank` axes, or one for all of them.
    func extents(_ key: String, rank: Int, default fallback: Int?) throws(ModelFormatError) -> [Int] {
        guard let value = try cursor(key) else {
            guard let fallback else { throw failure(.missing, "the option '\(key)' is missing") }
            return [Int](repeating: fallback, count: rank)
        }
        guard case .array = value.value else { return [Int](repeating: try extent(value), count: rank) }
        let elements = try read { () throws(JSONError) -> [JSONCursor] in try value.elements() }
        guard elements.count == rank else {
            throw failure(.malformed, "\(value.path): found \(elements.count) numbers, expected \(rank)")
        }
        var result: [Int] = []
        for element in elements { result.append(try extent(element)) }
        return result
    }

    /// An axis counted from the front; Keras's may count from the back.
    func axis(_ key: String, rank: Int, default fallback: Int) throws(ModelFormatError) -> Int {
        var axis = fallback
        if let value = try cursor(key) {
            if case .array = value.value {
                let elements = try read { () throws(JSONError) -> [JSONCursor] in try value.elements() }
                guard elements.count == 1, let only = elements.first else {
                    throw failure(.unsupported, "\(value.path): found \(elements.count) axes, supported is one")
                }
                axis = try integer(only)
            } else {
                axis = try integer(value)
            }
        }
        let normalized = axis < 0 ? axis + rank : axis
        guard (1..<max(rank, 1)).contains(normalized) else {
            throw failure(.malformed, "axis \(axis) is not one of the \(rank - 1) axes after the batch")
        }
        return normalized
    }

    /// Whether data has its channels before its spatial axes.
    func isChannelsFirst() throws(ModelFormatError) -> Bool {
        switch try string("data_format", default: "channels_last") {
        case "channels_last": return false
        case "channels_first": return true
        case let other:
            throw failure(
                .unsupported, "data_format '\(other)': expected 'channels_last' or 'channels_first'")
        }
    }
}
