import Glibc
import JSONDocuments

/// What is wrong with training data: where (a file's line, a record's offset, a path in it), what was found and what
/// was expected.
public struct DataError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Reason: String, Sendable, Hashable {
        /// The bytes break their format: CSV, JSON, a dataset file.
        case malformed
        /// The bytes break their format in a way that leaves nothing after them readable.
        case broken
        /// A value is not what the schema says: a word for a number, an unknown class, another shape.
        case mismatch
        /// A column, member or array that the schema names is not there.
        case missing
        /// There are too few rows, or too few of a class, for what was asked.
        case tooFewRows
        /// More than a limit of ``DataLimits``, or more bad records than are allowed.
        case tooLarge
        /// The operating system refused to read.
        case unreadable
        /// The operating system refused to write.
        case unwritable
        /// Valid, but not supported here; the message says what is.
        case unsupported
    }

    public let reason: Reason
    /// As `iris.csv: line 12, column "petal length"` or `partition 3, offset 1042: features[2]`; empty for none.
    public let location: String
    public let message: String

    public init(_ reason: Reason, at location: String = "", _ message: String) {
        self.reason = reason
        self.location = location
        self.message = message
    }

    public var description: String { location.isEmpty ? message : "\(location): \(message)" }

    /// The same error, its location seen from further outside.
    func inside(_ outer: String) -> DataError {
        guard !outer.isEmpty else { return self }
        return DataError(reason, at: location.isEmpty ? outer : "\(outer): \(location)", message)
    }
}

extension DataError {
    /// A value that is not what was expected of it.
    init(_ error: JSONError, _ reason: Reason = .mismatch) {
        switch error.location {
        case .path(let path): self.init(reason, at: path, error.message)
        case .text(let line, let column): self.init(.malformed, at: "line \(line), column \(column)", error.message)
        }
    }

    /// A failed system call, by its `errno`.
    init(_ reason: Reason, file: String, code: Int32) {
        self.init(reason, at: file, strerror(code).map { String(cString: $0) } ?? "error \(code)")
    }

    /// Foreign text for a message: at most 80 characters, without control characters.
    static func quoted(_ text: some StringProtocol) -> String {
        let shown = text.unicodeScalars.prefix(80).map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }
        var result = String.UnicodeScalarView()
        result.append(contentsOf: shown)
        return "\"\(String(result))\"" + (text.unicodeScalars.count > 80 ? "…" : "")
    }
}
