/// Appends the elements of an SVG document (SVG 1.1) that charts need.
struct SVGDocument {
    private var text: String

    init(width: Double, height: Double, title: String) {
        let (width, height) = (ChartText.short(width), ChartText.short(height))
        text = """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" height="\(height)" \
            viewBox="0 0 \(width) \(height)" role="img" font-family="sans-serif" font-size="11" fill="#333">
            <title>\(ChartText.escaped(title))</title>
            <rect width="100%" height="100%" fill="#fff"/>

            """
    }

    mutating func line(_ x1: String, _ y1: String, _ x2: String, _ y2: String, stroke: String) {
        text += "<line x1=\"\(x1)\" y1=\"\(y1)\" x2=\"\(x2)\" y2=\"\(y2)\" stroke=\"\(stroke)\"/>\n"
    }

    mutating func path(_ path: String, stroke: String, isDashed: Bool, title: String?) {
        guard !path.isEmpty else { return }
        let dashes = isDashed ? " stroke-dasharray=\"6 4\"" : ""
        text += "<path d=\"\(path)\" fill=\"none\" stroke=\"\(stroke)\" stroke-width=\"2\" "
        text += "stroke-linecap=\"round\" stroke-linejoin=\"round\"\(dashes)"
        text += title.map { "><title>\(ChartText.escaped($0))</title></path>\n" } ?? "/>\n"
    }

    mutating func rectangle(x: Double, y: Double, width: Double, height: Double, fill: String, title: String) {
        text += "<rect x=\"\(ChartText.fixed(x))\" y=\"\(ChartText.fixed(y))\" width=\"\(ChartText.fixed(width))\" "
        text +=
            "height=\"\(ChartText.fixed(height))\" fill=\"\(fill)\"><title>\(ChartText.escaped(title))</title></rect>\n"
    }

    mutating func text(
        _ content: String, x: Double, y: Double, size: Int = 11, anchor: String, isCentered: Bool = false,
        turned: Bool = false, fill: String? = nil
    ) {
        text(
            content, x: ChartText.fixed(x), y: ChartText.fixed(y), size: size, anchor: anchor, isCentered: isCentered,
            turned: turned, fill: fill)
    }

    /// - Parameter turned: read from below.
    mutating func text(
        _ content: String, x: String, y: String, size: Int = 11, anchor: String, isCentered: Bool = false,
        turned: Bool = false, fill: String? = nil
    ) {
        guard !content.isEmpty else { return }
        text += "<text x=\"\(x)\" y=\"\(y)\" text-anchor=\"\(anchor)\""
        if size != 11 { text += " font-size=\"\(size)\"" }
        if isCentered { text += " dominant-baseline=\"middle\"" }
        if turned { text += " transform=\"rotate(-90 \(x) \(y))\"" }
        if let fill { text += " fill=\"\(fill)\"" }
        text += ">\(ChartText.escaped(content))</text>\n"
    }

    func finished() -> String { text + "</svg>\n" }
}
