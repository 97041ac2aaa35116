/// Rows of text in aligned columns, with a heading: how lists look on a terminal.
struct TextTable {
    enum Alignment { case left, right }

    let columns: [(title: String, alignment: Alignment)]
    private(set) var rows: [[String]] = []

    init(_ columns: [(title: String, alignment: Alignment)]) {
        self.columns = columns
    }

    /// Cells beyond the columns are dropped, missing ones are empty.
    mutating func append(_ cells: String...) { rows.append(cells) }

    mutating func append(cells: [String]) { rows.append(cells) }

    func render() -> String {
        let widths = columns.indices.map { index in
            rows.map { index < $0.count ? $0[index].count : 0 }.reduce(columns[index].title.count, max)
        }
        return ([columns.map(\.title)] + rows).map { row in
            let cells = columns.indices.map { index in
                let text = index < row.count ? row[index] : ""
                let padding = String(repeating: " ", count: widths[index] - text.count)
                return columns[index].alignment == .left ? text + padding : padding + text
            }
            var line = cells.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }.joined(separator: "\n")
    }
}
