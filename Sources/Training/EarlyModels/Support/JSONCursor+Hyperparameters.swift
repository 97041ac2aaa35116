import JSONDocuments

extension JSONCursor {
    /// The integer `key`, or `value` when it is absent or null.
    func integer(_ key: String, default value: Int, in range: ClosedRange<Int>) throws(JSONError) -> Int {
        try optionalMember(key)?.integer(in: range) ?? value
    }

    func integer(in range: ClosedRange<Int>) throws(JSONError) -> Int {
        let found = try integer()
        guard range.contains(found) else {
            throw failure("found \(found), expected \(range.lowerBound) to \(range.upperBound)")
        }
        return found
    }

    /// The number `key`, or `value` when it is absent or null.
    func number(
        _ key: String, default value: Double, from least: Double, through most: Double
    ) throws(JSONError) -> Double {
        guard let cursor = try optionalMember(key) else { return value }
        let found = try cursor.number()
        guard found >= least, found <= most else {
            throw cursor.failure("found \(found), expected \(least) to \(most)")
        }
        return found
    }

    /// The number `key` above a bound, or `value` when it is absent or null.
    func number(
        _ key: String, default value: Double, above bound: Double, through most: Double
    ) throws(JSONError) -> Double {
        try optionalMember(key)?.number(above: bound, through: most) ?? value
    }

    func number(above bound: Double, through most: Double) throws(JSONError) -> Double {
        let found = try number()
        guard found > bound, found <= most else {
            throw failure("found \(found), expected a number above \(bound), at most \(most)")
        }
        return found
    }

    /// The boolean `key`, or `value` when it is absent or null.
    func bool(_ key: String, default value: Bool) throws(JSONError) -> Bool { try optionalMember(key)?.bool() ?? value }

    /// The name `key` of a choice, or `value` when it is absent or null.
    func choice<Choice: CaseIterable & RawRepresentable<String>>(
        _ key: String, default value: Choice
    ) throws(JSONError) -> Choice {
        try optionalMember(key)?.choice(of: Choice.self) ?? value
    }

    /// - Throws: ``JSONError`` that lists the choices and names the nearest.
    func choice<Choice: CaseIterable & RawRepresentable<String>>(of type: Choice.Type) throws(JSONError) -> Choice {
        let found = try string()
        if let choice = Choice(rawValue: found) { return choice }
        let names = Choice.allCases.map(\.rawValue)
        let hint = NearestName.nearest(to: found, among: names).map { "; did you mean \"\($0)\"?" } ?? ""
        throw failure("found \"\(found.prefix(80))\", expected one of \(names.joined(separator: ", "))\(hint)")
    }
}
