import JSONDocuments

/// A range of numbers, any end of which may be excluded.
struct NumberRange: Sendable, Hashable {
    var lower = -Double.infinity
    var upper = Double.infinity
    var excludesLower = false
    var excludesUpper = false

    static let any = NumberRange()
    static let positive = NumberRange(lower: 0, excludesLower: true)
    static let notNegative = NumberRange(lower: 0)
    /// [0, 1)
    static let share = NumberRange(lower: 0, upper: 1, excludesUpper: true)

    func contains(_ number: Double) -> Bool {
        guard number.isFinite else { return false }
        return (excludesLower ? number > lower : number >= lower) && (excludesUpper ? number < upper : number <= upper)
    }

    /// "a number from 0 to below 1"
    var text: String {
        let low = excludesLower ? "above \(Setting.text(lower))" : "of at least \(Setting.text(lower))"
        switch (lower.isFinite, upper.isFinite) {
        case (false, false): return "a number"
        case (true, false): return "a number \(low)"
        case (false, true): return "a number \(excludesUpper ? "below" : "of at most") \(Setting.text(upper))"
        case (true, true):
            let from = excludesLower ? "above \(Setting.text(lower))" : "from \(Setting.text(lower))"
            return "a number \(from) \(excludesUpper ? "to below" : "to") \(Setting.text(upper))"
        }
    }
}

/// Reads one setting of a training request. Errors say where it is, what was found and what was expected.
enum Setting {
    /// - Throws: `layers[3].units: found "ten", expected a whole number from 1 to 65536`.
    static func wholeNumber(_ cursor: JSONCursor, in range: ClosedRange<Int>) throws(JSONError) -> Int {
        let number: Int? =
            switch cursor.value {
            case .integer(let integer): Int(integer)
            case .real(let real): Int(exactly: real)
            default: nil
            }
        guard let number, range.contains(number) else {
            throw mismatch(cursor, wholeNumberText(range))
        }
        return number
    }

    static func wholeNumberText(_ range: ClosedRange<Int>) -> String {
        "a whole number from \(range.lowerBound) to \(range.upperBound)"
    }

    static func number(_ cursor: JSONCursor, in range: NumberRange = .any) throws(JSONError) -> Double {
        let number: Double? =
            switch cursor.value {
            case .integer(let integer): Double(integer)
            case .real(let real): real
            default: nil
            }
        // All numbers are used as float32 in the end.
        guard let number, range.contains(number), Float(number).isFinite else { throw mismatch(cursor, range.text) }
        return number
    }

    static func bool(_ cursor: JSONCursor) throws(JSONError) -> Bool {
        guard case .bool(let bool) = cursor.value else { throw mismatch(cursor, "true or false") }
        return bool
    }

    /// One of several names.
    static func choice(_ cursor: JSONCursor, of names: [String], what: String = "") throws(JSONError) -> String {
        guard case .string(let name) = cursor.value, names.contains(name) else {
            var hint = ""
            if case .string(let name) = cursor.value, let nearest = NearestName.nearest(to: name, among: names) {
                hint = "; did you mean \"\(nearest)\"?"
            }
            let kind = what.isEmpty ? "" : "\(what) "
            throw mismatch(cursor, "\(kind)one of \(names.joined(separator: ", "))\(hint)")
        }
        return name
    }

    /// A name that values of graphs and files may have.
    static func name(_ cursor: JSONCursor) throws(JSONError) -> String {
        guard case .string(let name) = cursor.value, isName(name) else {
            throw mismatch(cursor, "a name of 1 to 64 letters, digits, '_', '-' and '.'")
        }
        return name
    }

    private static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
            }
    }

    static func mismatch(_ cursor: JSONCursor, _ expected: String) -> JSONError {
        cursor.failure("found \(found(cursor.value)), expected \(expected)")
    }

    /// A value as messages quote it: text and numbers themselves, of others their kind.
    static func found(_ value: JSONValue) -> String {
        switch value {
        case .null: return "null"
        case .bool(let bool): return String(bool)
        case .integer(let integer): return String(integer)
        case .real(let real): return text(real)
        case .string(let string):
            let scalars = string.unicodeScalars.prefix(64).map { scalar in
                scalar.properties.generalCategory == .control ? "\u{FFFD}" : scalar
            }
            var shown = String.UnicodeScalarView()
            shown.append(contentsOf: scalars)
            return "\"\(String(shown))\(string.unicodeScalars.count > 64 ? "…" : "")\""
        case .array(let elements): return "an array of \(elements.count)"
        case .object: return "an object"
        }
    }

    /// A number without a fraction that is zero.
    static func text(_ number: Double) -> String {
        Int(exactly: number).map(String.init) ?? String(number)
    }
}
