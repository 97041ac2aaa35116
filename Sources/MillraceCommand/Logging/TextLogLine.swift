import Logging

/// A log line for people: `2025-03-01T12:00:00.000Z INFO  gateway: listening port=8080`.
enum TextLogLine {
    static func render(
        _ time: Timestamp, _ level: Logger.Level, _ label: String, _ message: String, _ metadata: Logger.Metadata
    ) -> String {
        let name = level.rawValue.uppercased()
        var line = "\(time) \(name)\(String(repeating: " ", count: max(1, 9 - name.count)))\(label): "
        append(message, to: &line)
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            line += " "
            append(key, to: &line)
            line += "="
            appendValue("\(value)", to: &line)
        }
        return line + "\n"
    }

    /// Quotes a value that would otherwise not be told from its surroundings.
    private static func appendValue(_ value: String, to line: inout String) {
        let needsQuotes = value.isEmpty || value.unicodeScalars.contains { $0 == " " || $0 == "\"" || $0 == "=" }
        guard needsQuotes else {
            append(value, to: &line)
            return
        }
        line += "\""
        append(value.replacing("\"", with: "\\\""), to: &line)
        line += "\""
    }

    /// Control characters are escaped: outside data must not forge lines or drive the terminal.
    private static func append(_ text: String, to line: inout String) {
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": line += "\\n"
            case "\r": line += "\\r"
            case "\t": line += "\\t"
            case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value):
                line += "\\u{\(String(scalar.value, radix: 16))}"
            default: line.unicodeScalars.append(scalar)
            }
        }
    }
}
