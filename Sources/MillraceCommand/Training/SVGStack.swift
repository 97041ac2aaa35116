/// SVG documents below each other in one.
enum SVGStack {
    private static let gap = 16.0

    /// - Parameter documents: each with its width and height in pixels, as the charts have them.
    static func svg(_ documents: [String], title: String) -> String {
        guard documents.count != 1 else { return documents[0] }
        var body = ""
        var (width, height) = (0.0, 0.0)
        for document in documents {
            let extent = (width: number("width", of: document), height: number("height", of: document))
            if height > 0 { height += gap }
            body += document.replacing(
                "<svg ", with: "<svg y=\"\(NumberText.fixed(height, digits: 2))\" ", maxReplacements: 1)
            width = max(width, extent.width)
            height += extent.height
        }
        let size = (NumberText.fixed(width, digits: 2), NumberText.fixed(height, digits: 2))
        let name = title.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
        return """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(size.0)" height="\(size.1)" \
            viewBox="0 0 \(size.0) \(size.1)" role="img">
            <title>\(name)</title>
            <rect width="100%" height="100%" fill="#fff"/>
            \(body)</svg>

            """
    }

    /// An attribute of the outermost element.
    private static func number(_ attribute: String, of document: String) -> Double {
        guard let start = document.firstRange(of: " \(attribute)=\"")?.upperBound else { return 0 }
        return Double(document[start...].prefix { $0 != "\"" }) ?? 0
    }
}
