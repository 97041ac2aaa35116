import JSONDocuments

extension JSONCursor {
    /// The error that a name is none of the known ones, with the nearest.
    func unknownName(_ name: String, among known: [String]) -> JSONError {
        let hint = NearestName.nearest(to: name, among: known).map { "; did you mean \"\($0)\"?" } ?? ""
        return failure(
            "found \"\(name)\", expected \(known.sorted().map { "\"\($0)\"" }.joined(separator: ", "))\(hint)")
    }

    /// The number when it lies in the range.
    func boundedNumber(_ range: ClosedRange<Double>) throws(JSONError) -> Double {
        let found = try number()
        guard range.contains(found) else {
            throw failure("found \(found), expected \(range.lowerBound) to \(range.upperBound)")
        }
        return found
    }

    /// The integer when it lies in the range.
    func boundedInteger(_ range: ClosedRange<Int>) throws(JSONError) -> Int {
        let found = try integer()
        guard range.contains(found) else {
            throw failure("found \(found), expected \(range.lowerBound) to \(range.upperBound)")
        }
        return found
    }

    /// The strings of an array.
    func stringElements() throws(JSONError) -> [String] {
        var result: [String] = []
        for element in try elements() { result.append(try element.string()) }
        return result
    }
}
