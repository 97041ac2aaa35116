/// Numbers as reports show them.
enum NumberText {
    /// Rounded to so many digits after the point.
    static func fixed(_ value: Double, digits: Int) -> String {
        guard value.isFinite else { return "\(value)" }
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        guard abs(value) * scale < 1e15 else { return "\(value)" }
        let scaled = Int((abs(value) * scale).rounded())
        let unit = Int(scale)
        let fraction = String(scaled % unit)
        let padded = String(repeating: "0", count: max(0, digits - fraction.count)) + fraction
        let sign = value < 0 && scaled > 0 ? "-" : ""
        return digits == 0 ? "\(sign)\(scaled)" : "\(sign)\(scaled / unit).\(padded)"
    }

    /// Two significant digits: `4.8e-07`.
    static func scientific(_ value: Double) -> String {
        guard value.isFinite, value != 0 else { return "\(value)" }
        var exponent = 0
        var mantissa = abs(value)
        while mantissa >= 10 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
        while mantissa < 1 { (mantissa, exponent) = (mantissa * 10, exponent - 1) }
        let digits = exponent.magnitude < 10 ? "0\(exponent.magnitude)" : "\(exponent.magnitude)"
        return "\(value < 0 ? "-" : "")\(fixed(mantissa, digits: 1))e\(exponent < 0 ? "-" : "+")\(digits)"
    }
}
