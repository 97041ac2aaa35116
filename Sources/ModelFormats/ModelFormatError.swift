import Glibc
import JSONDocuments

/// What is wrong with a model or data file: the file, the place in it, what was found and what was expected.
public struct ModelFormatError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Reason: String, Sendable, Hashable {
        /// There is no such file or folder.
        case notFound
        /// The operating system or a library refused to read it.
        case unreadable
        /// Not a format that ``ModelFile`` knows.
        case unknownFormat
        /// The file ends before its content does.
        case truncated
        /// The content breaks its format's rules.
        case malformed
        /// Something the format demands is not there: a weight, a layer's option, a file of a bundle.
        case missing
        /// Two parts of the content disagree, as a weight's shape and its layer's configuration.
        case mismatch
        /// Valid, but not supported here; the message says what is.
        case unsupported
        /// Larger than a limit of ``ModelFormatLimits``.
        case tooLarge
        /// The bytes are not the ones the manifest was made for.
        case digestMismatch
        /// Writing failed.
        case unwritable
        /// Writing failed because the disk, or what this user may have of it, is full.
        case storageFull
        /// Writing failed because the file system or the folder may only be read.
        case readOnly
    }

    public let reason: Reason
    /// The path as it was given.
    public let file: String
    /// Where in the file, as "layer 3 'lstm_1' (LSTM)"; empty for the file as a whole.
    public let location: String
    public let message: String

    /// - Parameters:
    ///   - location, message: they quote what the file says: control characters become U+FFFD and what exceeds 512 or 2,048
    ///     bytes is cut, so that a hostile file can neither flood a log nor steer a terminal.
    public init(_ reason: Reason, file: String, at location: String = "", _ message: String) {
        self.reason = reason
        self.file = file
        self.location = printable(location, maximumBytes: 512)
        self.message = printable(message, maximumBytes: 2_048)
    }

    public var description: String {
        location.isEmpty ? "\(file): \(message)" : "\(file): \(location): \(message)"
    }
}

extension ModelFormatError {
    /// A failure to write, by its `errno`.
    package init(writing file: String, code: Int32) {
        let reason: Reason =
            switch code {
            case ENOSPC, EDQUOT, EFBIG: .storageFull
            case EROFS, EACCES, EPERM: .readOnly
            default: .unwritable
            }
        self.init(reason, file: file, systemMessage(code))
    }
}

/// Runs `body` and gives its JSON errors the file's name.
func readingJSON<Result>(
    of file: String, at location: String = "", _ body: () throws(JSONError) -> Result
) throws(ModelFormatError) -> Result {
    do {
        return try body()
    } catch {
        throw ModelFormatError(.malformed, file: file, at: location, error.description)
    }
}

/// Foreign text for one line of a message.
private func printable(_ text: String, maximumBytes: Int) -> String {
    let isClean = text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
    if isClean, text.utf8.count <= maximumBytes { return text }
    var result = String.UnicodeScalarView()
    var bytes = 0
    for scalar in text.unicodeScalars {
        let shown: Unicode.Scalar = scalar.properties.generalCategory == .control ? "\u{FFFD}" : scalar
        bytes += shown.utf8.count
        guard bytes <= maximumBytes else { return String(result) + "…" }
        result.append(shown)
    }
    return String(result)
}
