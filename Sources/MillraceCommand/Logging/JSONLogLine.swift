import Logging

/// A log line for machines: one JSON object with `time`, `level`, `logger`, `message` and, when there is any, `metadata`.
enum JSONLogLine {
    static func render(
        _ time: Timestamp, _ level: Logger.Level, _ label: String, _ message: String, _ metadata: Logger.Metadata
    ) -> String {
        var line = "{\"time\":\"\(time)\",\"level\":\"\(level.rawValue)\",\"logger\":"
        appendString(label, to: &line)
        line += ",\"message\":"
        appendString(message, to: &line)
        if !metadata.isEmpty {
            line += ",\"metadata\":"
            append(metadata, to: &line)
        }
        return line + "}\n"
    }

    private static func append(_ dictionary: Logger.Metadata, to line: inout String) {
        line += "{"
        for (index, (key, value)) in dictionary.sorted(by: { $0.key < $1.key }).enumerated() {
            if index > 0 { line += "," }
            appendString(key, to: &line)
            line += ":"
            append(value, to: &line)
        }
        line += "}"
    }

    private static func append(_ value: Logger.MetadataValue, to line: inout String) {
        switch value {
        case .string(let text): appendString(text, to: &line)
        // Numbers stay numbers, so that a log store can compare them.
        case .stringConvertible(let integer as any FixedWidthInteger): line += "\(integer)"
        case .stringConvertible(let boolean as Bool): line += boolean ? "true" : "false"
        case .stringConvertible(let double as Double) where double.isFinite: line += "\(double)"
        case .stringConvertible(let other): appendString("\(other)", to: &line)
        case .dictionary(let dictionary): append(dictionary, to: &line)
        case .array(let elements):
            line += "["
            for (index, element) in elements.enumerated() {
                if index > 0 { line += "," }
                append(element, to: &line)
            }
            line += "]"
        }
    }

    /// A JSON string, RFC 8259 section 7. The line separators that JSON allows and some readers split at are escaped too.
    private static func appendString(_ text: String, to line: inout String) {
        line += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": line += "\\\""
            case "\\": line += "\\\\"
            case "\n": line += "\\n"
            case "\r": line += "\\r"
            case "\t": line += "\\t"
            case _
            where scalar.value < 0x20 || scalar == "\u{7F}" || scalar == "\u{85}" || scalar == "\u{2028}"
                || scalar == "\u{2029}":
                let digits = String(scalar.value, radix: 16)
                line += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: line.unicodeScalars.append(scalar)
            }
        }
        line += "\""
    }
}
