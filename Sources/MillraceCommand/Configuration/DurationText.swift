/// Durations as an operator writes them: a whole number and a unit, `500us`, `2ms`, `20s`, `5m`, `1h`.
enum DurationText {
    private static let units: [(suffix: String, microseconds: Int64)] = [
        ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1000), ("us", 1),
    ]

    /// The duration, or nil when the text is none; a number without a unit is none, because its unit would be a guess.
    static func parse(_ text: String) -> Duration? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard !digits.isEmpty, let number = Int64(digits) else { return nil }
        let suffix = text.dropFirst(digits.count).trimmingSpaces()
        guard let unit = units.first(where: { $0.suffix == suffix }) else { return nil }
        let (microseconds, overflow) = number.multipliedReportingOverflow(by: unit.microseconds)
        return overflow ? nil : .microseconds(microseconds)
    }

    /// The spelling with the largest unit that is exact, to the microsecond.
    static func format(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        guard !overflow else { return "\(seconds)s" }
        let microseconds = whole &+ attoseconds / 1_000_000_000_000
        guard microseconds != 0 else { return "0ms" }
        for unit in units where microseconds % unit.microseconds == 0 {
            return "\(microseconds / unit.microseconds)\(unit.suffix)"
        }
        return "\(microseconds)us"
    }
}
