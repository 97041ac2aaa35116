/// Where a recorded result is not what the replay expects.
package enum ResultDifference: Sendable, Hashable, CustomStringConvertible {
    /// A request without a result.
    case missing(RecordPosition)
    /// A further result of a request that has one.
    case duplicate(RecordPosition, at: RecordPosition)
    /// The result lies behind those of later requests.
    case outOfOrder(RecordPosition, at: RecordPosition)
    /// The answer computed again is another one.
    case content(RecordPosition, at: RecordPosition, version: String?, [Field])

    /// One thing that differs.
    package struct Field: Sendable, Hashable {
        /// `header millrace-weights`, `outputs[0] "probabilities", element 7`, `key`, …
        package var name: String
        package var recorded: String
        package var recomputed: String

        package init(_ name: String, recorded: String, recomputed: String) {
            self.name = name
            self.recorded = recorded
            self.recomputed = recomputed
        }
    }

    package var kind: String {
        switch self {
        case .missing: "missing"
        case .duplicate: "duplicate"
        case .outOfOrder: "out-of-order"
        case .content: "content"
        }
    }

    /// The request.
    package var source: RecordPosition {
        switch self {
        case .missing(let source), .duplicate(let source, _), .outOfOrder(let source, _), .content(let source, _, _, _):
            source
        }
    }

    /// The result.
    package var result: RecordPosition? {
        switch self {
        case .missing: nil
        case .duplicate(_, let result), .outOfOrder(_, let result), .content(_, let result, _, _): result
        }
    }

    package var description: String {
        switch self {
        case .missing(let source): "\(source): has no result"
        case .duplicate(let source, let result): "\(source): has a second result at \(result)"
        case .outOfOrder(let source, let result):
            "\(source): its result at \(result) lies behind those of later requests"
        case .content(let source, let result, let version, let fields):
            "\(source): the result at \(result)\(version.map { " of \($0)" } ?? "") differs: "
                + fields.map { "\($0.name): recorded \($0.recorded), recomputed \($0.recomputed)" }
                .joined(separator: "; ")
        }
    }
}
