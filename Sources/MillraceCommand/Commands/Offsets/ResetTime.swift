import Serving

/// The times that `offsets reset` takes.
enum ResetTime {
    private static let form = "YYYY-MM-DDTHH:mm:ss.sss followed by Z or an offset such as +01:00"

    /// Milliseconds since 1970-01-01 UTC of a time with its zone.
    ///
    /// What has no zone is refused: its zone would be a guess. So is a fraction that is not of three digits, which
    /// readers disagree about.
    static func milliseconds(dateTime text: String) throws(CommandFailure) -> Int64 {
        guard let match = text.wholeMatch(of: /([0-9-]{10}T[0-9:]{8}(?:\.[0-9]{3})?)(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?/)
        else { throw failure(text, "expected \(form)") }
        guard let zone = match.output.2 else {
            throw failure(text, "it has no zone; expected \(form), for example \(text)Z for UTC")
        }
        // RFC 3339 has minutes and a colon in every offset.
        let digits = zone.filter { $0.isNumber }
        let offset =
            zone == "Z" ? "Z" : "\(zone.prefix(1))\(digits.prefix(2)):\(digits.count == 4 ? digits.suffix(2) : "00")"
        let seconds = text.dropFirst(17).prefix(2)
        guard seconds != "60",
            let time = Serving.Timestamp.milliseconds(rfc3339: Array("\(match.output.1)\(offset)".utf8))
        else { throw failure(text, "there is no such date or time") }
        return time
    }

    /// Milliseconds of an ISO 8601 duration of days, hours, minutes and seconds, `P1DT2H30M0.5S`: what
    /// `java.time.Duration` reads, without signs.
    static func milliseconds(duration text: String) throws(CommandFailure) -> Int64 {
        func refuse(_ reason: String) -> CommandFailure {
            CommandFailure(.usage, "--by-duration: found \"\(text)\", \(reason)")
        }
        let expected = "expected PnDTnHnMnS, such as P7D, PT90M or P1DT12H"
        let form = /P(?:([0-9]+)D)?(?:T(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)(?:[.,]([0-9]{0,9}))?S)?)?/
        guard let match = text.uppercased().wholeMatch(of: form), text.last?.uppercased() != "T" else {
            throw refuse(expected)
        }
        let parts = [match.output.1, match.output.2, match.output.3, match.output.4]
        guard parts.contains(where: { $0 != nil }) else { throw refuse(expected) }
        var total: Int64 = 0
        for (digits, unit) in zip(parts, [86_400_000, 3_600_000, 60_000, 1000] as [Int64]) {
            guard let digits else { continue }
            guard let number = Int64(digits) else { throw refuse("it is too long") }
            let (part, partOverflow) = number.multipliedReportingOverflow(by: unit)
            let (sum, sumOverflow) = total.addingReportingOverflow(part)
            if partOverflow || sumOverflow { throw refuse("it is too long") }
            total = sum
        }
        let fraction = (match.output.5.map(String.init) ?? "").prefix(3)
        let padded = fraction + String(repeating: "0", count: 3 - fraction.count)
        let (sum, overflow) = total.addingReportingOverflow(Int64(padded) ?? 0)
        if overflow { throw refuse("it is too long") }
        return sum
    }

    private static func failure(_ text: String, _ reason: String) -> CommandFailure {
        CommandFailure(.usage, "--to-datetime: found \"\(text)\", \(reason)")
    }
}
