import JSONDocuments
import ModelFormats

/// How a worker's error reaches its parent: one JSON object on standard output.
enum ImportFailure {
    /// Of the object; an error's texts are cut to less (``ModelFormatError``).
    static let maximumBytes = 64 << 10
    /// The exit status that comes with it.
    static let status: Int32 = 2

    static func encode(_ error: ModelFormatError) -> [UInt8] {
        JSONValue.object([
            "reason": .string(error.reason.rawValue), "location": .string(error.location),
            "message": .string(error.message),
        ]).serialized(.compact)
    }

    /// - Parameter file: the path as the user gave it.
    /// - Returns: nil for anything but what ``encode(_:)`` writes.
    static func decode(_ bytes: [UInt8], file: String) -> ModelFormatError? {
        guard case .object(let members)? = try? JSONValue(parsing: bytes),
            case .string(let text)? = members["reason"], let reason = ModelFormatError.Reason(rawValue: text),
            case .string(let location)? = members["location"], case .string(let message)? = members["message"]
        else { return nil }
        return ModelFormatError(reason, file: file, at: location, message)
    }
}
