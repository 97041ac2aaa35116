/// Curves over epochs or steps, as an SVG document: loss and metrics of training and validation.
public struct LineChart: Sendable, Hashable {
    public struct Series: Sendable, Hashable {
        public var name: String
        public var points: [Point]
        public var isDashed: Bool

        public init(_ name: String, points: [Point], isDashed: Bool = false) {
            self.name = name
            self.points = points
            self.isDashed = isDashed
        }

        /// One value an epoch, from 1.
        public init(_ name: String, values: [Double], isDashed: Bool = false) {
            self.init(
                name, points: values.enumerated().map { Point(x: Double($0 + 1), y: $1) }, isDashed: isDashed)
        }
    }

    public struct Point: Sendable, Hashable {
        public var x: Double
        /// What is not finite is a gap.
        public var y: Double

        public init(x: Double, y: Double) {
            self.x = x
            self.y = y
        }
    }

    public var title: String
    public var xLabel: String
    public var yLabel: String
    public var series: [Series]
    /// Whether the values' axis is logarithmic; values of 0 and below are gaps then.
    public var isLogarithmic = false

    public init(title: String, xLabel: String = "epoch", yLabel: String = "", series: [Series]) {
        self.title = title
        self.xLabel = xLabel
        self.yLabel = yLabel
        self.series = series
    }

    /// Points drawn of one series; of more, the least and the largest of each stretch.
    static let maximumPoints = 2000
    /// Told apart also by those who see colors differently (Okabe and Ito, 2008).
    static let colors = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"]

    private static let margin = (left: 64.0, right: 16.0, top: 40.0, bottom: 48.0)

    /// - Parameters:
    ///   - width, height: in pixels, at least 200 and 150.
    public func svg(width: Int = 640, height: Int = 400) -> String {
        let (width, height) = (Double(max(width, 200)), Double(max(height, 150)))
        let margin = Self.margin
        let (plotWidth, plotHeight) = (width - margin.left - margin.right, height - margin.top - margin.bottom)
        let reduced = series.map { Self.reduced($0.points) }
        let xAxis = ChartAxis(reduced.lazy.flatMap { $0 }.map(\.x), tickCount: 7)
        let yAxis = ChartAxis(reduced.lazy.flatMap { $0 }.map(\.y), isLogarithmic: isLogarithmic)
        func x(_ value: Double) -> String? {
            xAxis.position(value).map { ChartText.fixed(margin.left + $0 * plotWidth) }
        }
        func y(_ value: Double) -> String? {
            yAxis.position(value).map { ChartText.fixed(margin.top + (1 - $0) * plotHeight) }
        }
        var drawing = SVGDocument(width: width, height: height, title: title)
        drawing.text(title, x: width / 2, y: 22, size: 15, anchor: "middle")
        let (right, bottom) = (ChartText.fixed(width - margin.right), ChartText.fixed(height - margin.bottom))
        for tick in xAxis.ticks {
            guard let x = x(tick) else { continue }
            drawing.line(x, ChartText.fixed(margin.top), x, bottom, stroke: "#e5e5e5")
            drawing.text(
                ChartText.short(tick), x: x, y: ChartText.fixed(height - margin.bottom + 16), anchor: "middle")
        }
        for tick in yAxis.ticks {
            guard let y = y(tick) else { continue }
            drawing.line(ChartText.fixed(margin.left), y, right, y, stroke: "#e5e5e5")
            drawing.text(
                ChartText.short(tick), x: ChartText.fixed(margin.left - 6), y: y, anchor: "end", isCentered: true)
        }
        drawing.line(ChartText.fixed(margin.left), bottom, right, bottom, stroke: "#333")
        drawing.line(
            ChartText.fixed(margin.left), ChartText.fixed(margin.top), ChartText.fixed(margin.left), bottom,
            stroke: "#333")
        drawing.text(xLabel, x: margin.left + plotWidth / 2, y: height - 10, size: 12, anchor: "middle")
        drawing.text(yLabel, x: 14, y: margin.top + plotHeight / 2, size: 12, anchor: "middle", turned: true)
        for (index, points) in reduced.enumerated() {
            let color = Self.colors[index % Self.colors.count]
            drawing.path(
                Self.path(points, x, y), stroke: color, isDashed: series[index].isDashed, title: series[index].name)
        }
        drawLegend(&drawing, right: width - margin.right - 8, top: margin.top + 14)
        return drawing.finished()
    }

    /// The lines between points, broken at gaps; a point by itself is a dot.
    private static func path(_ points: [Point], _ x: (Double) -> String?, _ y: (Double) -> String?) -> String {
        var path = ""
        var isOpen = false
        for point in points {
            guard let x = x(point.x), let y = y(point.y) else {
                isOpen = false
                continue
            }
            // A line of no length has round ends.
            path += isOpen ? "L\(x) \(y)" : "M\(x) \(y)h0"
            isOpen = true
        }
        return path
    }

    private func drawLegend(_ drawing: inout SVGDocument, right: Double, top: Double) {
        for (index, series) in series.enumerated() {
            let y = top + 18 * Double(index)
            let color = Self.colors[index % Self.colors.count]
            drawing.text(series.name, x: right - 30, y: y, size: 12, anchor: "end", isCentered: true)
            drawing.path(
                "M\(ChartText.fixed(right - 24)) \(ChartText.fixed(y))H\(ChartText.fixed(right))", stroke: color,
                isDashed: series.isDashed, title: nil)
        }
    }

    static func reduced(_ points: [Point]) -> [Point] {
        guard points.count > maximumPoints else { return points }
        let stretches = maximumPoints / 2
        return (0..<stretches).flatMap { stretch -> [Point] in
            let range = stretch * points.count / stretches..<(stretch + 1) * points.count / stretches
            let finite = range.filter { points[$0].y.isFinite }
            guard let least = finite.min(by: { points[$0].y < points[$1].y }),
                let most = finite.max(by: { points[$0].y < points[$1].y })
            else { return [points[range.lowerBound]] }
            return Set([least, most]).sorted().map { points[$0] }
        }
    }
}
