public import JSONDocuments

/// A place in a JSON document, as `architecture.layers[1].units`.
public struct SearchPath: Sendable, Hashable, Comparable, CustomStringConvertible {
    private enum Step: Sendable, Hashable {
        case member(String)
        case index(Int)
    }

    public let description: String
    private let steps: [Step]

    public static func < (left: SearchPath, right: SearchPath) -> Bool {
        left.description.utf8.lexicographicallyPrecedes(right.description.utf8)
    }

    /// nil for text that is no path: members by name with a period before each but the first, indices in brackets.
    public init?(_ text: String) {
        description = text
        var steps: [Step] = []
        guard !text.isEmpty, text.utf8.count <= 1000 else { return nil }
        for part in text.split(separator: ".", omittingEmptySubsequences: false) {
            let pieces = part.split(separator: "[", omittingEmptySubsequences: false)
            guard let name = pieces.first, !name.isEmpty, !name.contains("]") else { return nil }
            steps.append(.member(String(name)))
            for piece in pieces.dropFirst() {
                guard piece.last == "]", let index = Int(piece.dropLast()), index >= 0 else { return nil }
                steps.append(.index(index))
            }
        }
        self.steps = steps
    }

    /// The document with another value at this place. The last member may be a new one, what leads to it may not.
    /// - Throws: ``JSONError`` with the path that is not there.
    public func setting(_ value: JSONValue, in document: JSONValue) throws(JSONError) -> JSONValue {
        try Self.set(value, JSONCursor(document), steps[...])
    }

    private static func set(
        _ value: JSONValue, _ place: JSONCursor, _ steps: ArraySlice<Step>
    ) throws(JSONError) -> JSONValue {
        switch steps.first {
        case nil: return value
        case .index(let index)?:
            var elements = try place.elements()
            guard elements.indices.contains(index) else {
                throw place.failure("found \(elements.count) elements, expected one of index \(index)")
            }
            elements[index] = JSONCursor(try set(value, elements[index], steps.dropFirst()))
            return .array(elements.map(\.value))
        case .member(let name)?:
            guard case .object(var members) = place.value else { throw place.mismatch("object") }
            guard steps.count > 1 else {
                members[name] = value
                return .object(members)
            }
            guard members[name] != nil else {
                let hint = NearestName.nearest(to: name, among: members.keys).map { "; did you mean \"\($0)\"?" } ?? ""
                throw place.failure("missing member \"\(name)\"\(hint)")
            }
            members[name] = try set(value, try place.member(name), steps.dropFirst())
            return .object(members)
        }
    }
}
