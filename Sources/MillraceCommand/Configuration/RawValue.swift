/// A configured value as text, before it has a type: one scalar or a list of scalars.
enum RawValue: Sendable, Hashable {
    case scalar(String)
    case list([String])

    /// The elements of a list; a scalar counts as a comma-separated list, which is how a variable or a flag spells one.
    var elements: [String] {
        switch self {
        case .list(let elements): elements
        case .scalar(let text): text.split(separator: ",").map { $0.trimmingSpaces() }
        }
    }
}

/// Why a value was refused: what would have been accepted instead.
struct ValueMismatch: Error, Equatable {
    let expected: String
}

extension StringProtocol {
    /// The text without the spaces and tabs around it.
    func trimmingSpaces() -> String {
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        let tail = drop(while: isBlank)
        return String(tail.reversed().drop(while: isBlank).reversed())
    }
}
