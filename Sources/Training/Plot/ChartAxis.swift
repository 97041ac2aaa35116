import Glibc

/// One axis of a chart: a range that ends at round numbers, and the ticks in it (Heckbert, "Nice numbers for graph
/// labels", 1990).
struct ChartAxis: Sendable, Hashable {
    let lower: Double
    let upper: Double
    let ticks: [Double]
    private let isLogarithmic: Bool

    /// - Parameters:
    ///   - values: what is to be shown; those that are not finite, or not positive where the axis is logarithmic, are
    ///     left out.
    ///   - tickCount: about how many.
    init(_ values: some Sequence<Double>, tickCount: Int = 5, isLogarithmic: Bool = false) {
        self.isLogarithmic = isLogarithmic
        // Beyond this, differences overflow.
        let shown = values.filter { abs($0) < 1e300 && !$0.isNaN && (!isLogarithmic || $0 > 1e-300) }
        var (least, most) = (shown.min() ?? (isLogarithmic ? 1 : 0), shown.max() ?? 1)
        guard !isLogarithmic else {
            let (first, last) = (log10(least).rounded(.down), log10(most).rounded(.up))
            let decades = Int(max(last, first + 1) - first)
            let step = max(1, (decades + tickCount - 1) / max(tickCount, 1))
            let exponents = Array(stride(from: Int(first), through: Int(first) + decades, by: step))
            (lower, upper) = (pow(10, first), pow(10, first + Double(decades)))
            ticks = exponents.map { pow(10, Double($0)) }
            return
        }
        // Less is rounding, and below what can be divided.
        if most - least <= max(abs(least), abs(most)) * 1e-12 || most - least < 1e-290 {
            let margin = abs(least) < 1e-280 ? 1 : abs(least) / 10
            (least, most) = (least - margin, most + margin)
        }
        let step = Self.nice((most - least) / Double(max(tickCount - 1, 1)))
        let (first, last) = ((least / step).rounded(.down), (most / step).rounded(.up))
        (lower, upper) = (first * step, last * step)
        ticks = (0...Int(last - first)).map { tick in
            let value = (first + Double(tick)) * step
            return abs(value) < step / 1e6 ? 0 : value
        }
    }

    /// 1, 2 or 5 times a power of ten, near the number.
    private static func nice(_ x: Double) -> Double {
        let power = pow(10, log10(x).rounded(.down))
        let fraction = x / power
        return (fraction < 1.5 ? 1 : fraction < 3 ? 2 : fraction < 7 ? 5 : 10) * power
    }

    /// Where the value lies: 0 at the lower end, 1 at the upper; nil for what cannot be shown.
    func position(_ value: Double) -> Double? {
        guard value.isFinite, !isLogarithmic || value > 0 else { return nil }
        let position =
            isLogarithmic
            ? (log10(value) - log10(lower)) / (log10(upper) - log10(lower)) : (value - lower) / (upper - lower)
        return min(max(position, 0), 1)
    }
}

/// Numbers as text.
enum ChartText {
    /// At most four significant digits, as C's `%.4g`.
    static func short(_ number: Double) -> String { format("%.4g", number) }
    /// Two digits after the point, for coordinates.
    static func fixed(_ number: Double) -> String { format("%.2f", number) }

    private static func format(_ format: String, _ number: Double) -> String {
        var buffer = [CChar](repeating: 0, count: 400)
        let count = withVaList([number]) { vsnprintf(&buffer, buffer.count, format, $0) }
        return String(decoding: buffer.prefix(max(0, Int(count))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Text for XML; characters that XML 1.0 does not have become U+FFFD.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "\t", "\n", "\r": result += " "
            case "\u{0}"..."\u{1F}", "\u{FFFE}", "\u{FFFF}": result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
