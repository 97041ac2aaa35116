/// Curves in a terminal, of Unicode's Braille patterns: two by four dots a character.
public enum TerminalChart {
    /// One series' curves, the values side by side.
    public struct Series: Sendable, Hashable {
        public var name: String
        /// What is not finite is a gap.
        public var values: [Double]

        public init(_ name: String, _ values: [Double]) {
            self.name = name
            self.values = values
        }
    }

    /// ANSI's codes for the colors of the series.
    private static let colors = [36, 33, 35, 32, 34, 31]

    /// A chart of `width` by `height` characters or a little more: the range of the values to the left, the names
    /// below. Where series cross in one character, the later one's color shows.
    /// - Parameters:
    ///   - width: at least 20; ten of them are the axis.
    ///   - height: at least 3; one of them is the legend.
    ///   - usesColor: whether to write ANSI's escape sequences.
    public static func lines(_ series: [Series], width: Int, height: Int, usesColor: Bool = false) -> [String] {
        let (columns, rows) = (max(width, 20) - 10, max(height, 3) - 1)
        let finite = series.flatMap(\.values).filter(\.isFinite)
        let (least, most) = (finite.min() ?? 0, finite.max() ?? 1)
        let count = series.map(\.values.count).max() ?? 0
        var dots = [UInt8](repeating: 0, count: columns * rows)
        var owners = [Int](repeating: -1, count: columns * rows)
        func set(_ x: Int, _ y: Int, _ owner: Int) {
            let place = y / 4 * columns + x / 2
            // The bits of Braille's dots, column by column (Unicode, "Braille Patterns").
            dots[place] |= [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]][x % 2][y % 4]
            owners[place] = owner
        }
        for (index, series) in series.enumerated() {
            var previous: (x: Int, y: Int)?
            for (step, value) in series.values.enumerated() {
                guard value.isFinite else {
                    previous = nil
                    continue
                }
                let x = count > 1 ? Int((Double(step) / Double(count - 1) * Double(2 * columns - 1)).rounded()) : 0
                let part = position(value, least, most) ?? 0.5
                let y = Int(((1 - part) * Double(4 * rows - 1)).rounded())
                let steps = previous.map { max(abs(x - $0.x), abs(y - $0.y)) } ?? 0
                for step in 0...steps {
                    let from = previous ?? (x, y)
                    let way = steps == 0 ? 1 : Double(step) / Double(steps)
                    set(
                        from.x + Int((way * Double(x - from.x)).rounded()),
                        from.y + Int((way * Double(y - from.y)).rounded()), index)
                }
                previous = (x, y)
            }
        }
        var lines: [String] = []
        for row in 0..<rows {
            let label =
                finite.isEmpty ? "" : row == 0 ? ChartText.short(most) : row == rows - 1 ? ChartText.short(least) : ""
            var line = String(repeating: " ", count: max(0, 9 - label.count)) + label + "│"
            for column in 0..<columns {
                let place = row * columns + column
                line += painted(cell(dots[place]), owners[place], usesColor)
            }
            lines.append(line)
        }
        lines.append(legend(series, usesColor))
        return lines
    }

    /// Where a value lies between the least, 0, and the most, 1; nil where these are the same. Halves do not overflow.
    private static func position(_ value: Double, _ least: Double, _ most: Double) -> Double? {
        let range = most / 2 - least / 2
        return range > 0 ? min(max((value / 2 - least / 2) / range, 0), 1) : nil
    }

    private static func cell(_ dots: UInt8) -> String {
        Unicode.Scalar(0x2800 + UInt32(dots)).map { String(Character($0)) } ?? " "
    }

    private static func painted(_ text: String, _ owner: Int, _ usesColor: Bool) -> String {
        usesColor && owner >= 0 ? "\u{1B}[\(colors[owner % colors.count])m\(text)\u{1B}[0m" : text
    }

    private static func legend(_ series: [Series], _ usesColor: Bool) -> String {
        let entries = series.enumerated().map { index, series in
            let last = series.values.last { $0.isFinite }.map { " \(ChartText.short($0))" } ?? ""
            return painted("━", index, usesColor) + " \(series.name)\(last)"
        }
        return String(repeating: " ", count: 10) + entries.joined(separator: "   ")
    }

    /// Values in one line of eight heights; more than `width` are averaged, gaps are blanks.
    public static func sparkline(_ values: [Double], width: Int) -> String {
        guard !values.isEmpty, width > 0 else { return "" }
        let count = min(values.count, width)
        let means = (0..<count).map { index -> Double in
            let part = values[index * values.count / count..<(index + 1) * values.count / count].filter(\.isFinite)
            return part.isEmpty ? .nan : part.reduce(0) { $0 + $1 / Double(part.count) }
        }
        let finite = means.filter(\.isFinite)
        guard let least = finite.min(), let most = finite.max() else { return String(repeating: " ", count: count) }
        let blocks = Array("▁▂▃▄▅▆▇█")
        return String(
            means.map { value in
                guard value.isFinite else { return " " }
                let part = position(value, least, most) ?? 0
                return blocks[min(Int(part * 8), 7)]
            })
    }
}
