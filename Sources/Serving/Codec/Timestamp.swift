/// A point in time as RFC 3339 writes it.
package enum Timestamp {
    /// Milliseconds since 1970-01-01T00:00:00Z of a text such as `2026-11-23T19:04:05.25+01:00`, rounded down; nil when
    /// it is not RFC 3339 (section 5.6). A leap second counts as the second after it.
    package static func milliseconds(rfc3339 text: some Collection<UInt8>) -> Int64? {
        var rest = text[...]

        func number(_ digits: Int, _ range: ClosedRange<Int64>) -> Int64? {
            var value: Int64 = 0
            for _ in 0..<digits {
                guard let byte = rest.popFirst(), let digit = decimal(byte) else { return nil }
                value = value * 10 + digit
            }
            return range.contains(value) ? value : nil
        }
        func skip(_ characters: Unicode.Scalar...) -> Bool {
            guard let byte = rest.popFirst() else { return false }
            return characters.contains(Unicode.Scalar(byte))
        }

        guard let year = number(4, 0...9999), skip("-"), let month = number(2, 1...12), skip("-"),
            let day = number(2, 1...31), day <= days(of: month, in: year), skip("T", "t", " "),
            let hour = number(2, 0...23), skip(":"), let minute = number(2, 0...59), skip(":"),
            let second = number(2, 0...60)
        else { return nil }

        var millisecond: Int64 = 0
        if rest.first == UInt8(ascii: ".") {
            rest.removeFirst()
            var weight: Int64 = 100
            var digits = 0
            while let byte = rest.first, let digit = decimal(byte) {
                millisecond += digit * weight
                weight /= 10
                digits += 1
                rest.removeFirst()
            }
            guard digits > 0 else { return nil }
        }

        var offset: Int64 = 0
        switch rest.popFirst().map({ Unicode.Scalar($0) }) {
        case "Z", "z": break
        case let sign? where sign == "+" || sign == "-":
            guard let hours = number(2, 0...23), skip(":"), let minutes = number(2, 0...59) else { return nil }
            offset = (hours * 60 + minutes) * (sign == "-" ? -1 : 1)
        default: return nil
        }
        guard rest.isEmpty else { return nil }
        let minutes = daysSinceEpoch(year, month, day) * 1440 + hour * 60 + minute - offset
        return (minutes * 60 + second) * 1000 + millisecond
    }

    private static func decimal(_ byte: UInt8) -> Int64? {
        let digit = byte &- UInt8(ascii: "0")
        return digit < 10 ? Int64(digit) : nil
    }

    private static func days(of month: Int64, in year: Int64) -> Int64 {
        switch month {
        case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Proleptic Gregorian days since 1970-01-01; years start in March here, so that the leap day is their last.
    private static func daysSinceEpoch(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let marchYear = month > 2 ? year : year - 1
        let marchMonth = (month + 9) % 12
        func floor(_ a: Int64, _ b: Int64) -> Int64 { a >= 0 ? a / b : -((b - 1 - a) / b) }
        let leapDays = floor(marchYear, 4) - floor(marchYear, 100) + floor(marchYear, 400)
        return 365 * marchYear + leapDays + (153 * marchMonth + 2) / 5 + day - 1 - 719_468
    }
}
