import JSONDocuments

/// One thing that the doctor looked at.
struct Finding: Sendable, Equatable {
    enum Level: String, Sendable, Comparable, CaseIterable {
        case ok, info, warning, error

        static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }
        private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    }

    var level: Level
    /// `topic millrace.results`, `broker 1`, `store`, …
    var subject: String
    var found: String
    var expected: String?
    /// What to do, as a command where one does it.
    var fix: String?

    init(_ level: Level, _ subject: String, _ found: String, expected: String? = nil, fix: String? = nil) {
        self.level = level
        self.subject = subject
        self.found = found
        self.expected = expected
        self.fix = fix
    }

    var document: JSONValue {
        .object([
            "level": .string(level.rawValue), "subject": .string(subject), "found": .string(found),
            "expected": expected.map { .string($0) } ?? .null, "fix": fix.map { .string($0) } ?? .null,
        ])
    }

    /// As it stands in a report: what is wrong, and below it what to do.
    var text: String {
        var text = "\(level.rawValue.uppercased())  \(subject): \(found)"
        if let expected { text += "\n    expected: \(expected)" }
        if let fix { text += "\n    fix: \(fix)" }
        return text
    }
}
