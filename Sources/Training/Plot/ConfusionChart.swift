/// A confusion matrix as an SVG document: a cell for each pair of classes, the darker the larger its part of the actual
/// class's rows.
public enum ConfusionChart {
    /// Classes whose cells have their numbers written in them.
    static let maximumWrittenClasses = 30

    /// - Parameter classNames: in the order of the classes; those that are missing are numbered.
    public static func svg(
        _ matrix: ConfusionMatrix, classNames: [String], title: String = "Confusion matrix"
    ) -> String {
        let count = matrix.classCount
        let names = (0..<count).map { classNames.indices.contains($0) ? classNames[$0] : String($0) }
        let cell = count <= 12 ? 48.0 : count <= maximumWrittenClasses ? 32.0 : max(2, 900 / Double(count))
        let isWritten = count <= maximumWrittenClasses
        // Seven pixels a character, within reason.
        let longest = isWritten ? Double(names.map(\.count).max() ?? 0) : 0
        let margin = (left: 40 + min(7 * longest, 200), top: 44 + (isWritten ? min(7 * longest, 200) : 8))
        let side = cell * Double(count)
        var drawing = SVGDocument(width: margin.left + side + 16, height: margin.top + side + 36, title: title)
        drawing.text(title, x: (margin.left + side + 16) / 2, y: 20, size: 15, anchor: "middle")
        for actual in 0..<count {
            let support = matrix.support(actual)
            for predicted in 0..<count {
                let part = ConfusionMatrix.ratio(matrix[actual, predicted], support)
                let (x, y) = (margin.left + cell * Double(predicted), margin.top + cell * Double(actual))
                let value = ChartText.short(matrix[actual, predicted])
                drawing.rectangle(
                    x: x, y: y, width: cell, height: cell, fill: color(part),
                    title: "\(names[actual]) taken for \(names[predicted]): \(value) (\(ChartText.short(100 * part)) %)"
                )
                guard isWritten else { continue }
                drawing.text(
                    value, x: x + cell / 2, y: y + cell / 2, anchor: "middle", isCentered: true,
                    fill: part > 0.5 ? "#fff" : "#333")
            }
            guard isWritten else { continue }
            let middle = cell * (Double(actual) + 0.5)
            drawing.text(
                shortened(names[actual]), x: margin.left - 6, y: margin.top + middle, anchor: "end", isCentered: true)
            drawing.text(
                shortened(names[actual]), x: margin.left + middle + 4, y: margin.top - 6, anchor: "start", turned: true)
        }
        drawing.text("predicted", x: margin.left + side / 2, y: margin.top + side + 22, size: 12, anchor: "middle")
        drawing.text("actual", x: 14, y: margin.top + side / 2, size: 12, anchor: "middle", turned: true)
        return drawing.finished()
    }

    private static func shortened(_ name: String) -> String { name.count > 28 ? name.prefix(27) + "…" : name }

    /// White to the charts' blue.
    private static func color(_ part: Double) -> String {
        func channel(_ end: Double) -> Int { Int((255 + (end - 255) * min(max(part, 0), 1)).rounded()) }
        return "rgb(\(channel(0)),\(channel(114)),\(channel(178)))"
    }
}
