/// What is wrong with a JSON document, and where.
public struct JSONError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Where in a document: in its text when it does not parse, else the path of the value.
    public enum Location: Sendable, Hashable {
        /// Both count from 1; the column counts characters.
        case text(line: Int, column: Int)
        case path(String)
    }

    public let location: Location
    public let message: String

    public init(at location: Location, _ message: String) {
        self.location = location
        self.message = message
    }

    /// The line of a parse error, counted from 1.
    public var line: Int? { if case .text(let line, _) = location { line } else { nil } }
    /// The column of a parse error in characters, counted from 1.
    public var column: Int? { if case .text(_, let column) = location { column } else { nil } }

    /// `line 3, column 14: …` or `config.layers[3].units: …`.
    public var description: String {
        switch location {
        case .text(let line, let column): "line \(line), column \(column): \(message)"
        case .path(""): message
        case .path(let path): "\(path): \(message)"
        }
    }
}
