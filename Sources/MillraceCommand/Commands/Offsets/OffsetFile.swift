import KafkaClient

/// Offsets as comma-separated values (RFC 4180), in the two forms of Apache Kafka's tool: `topic,partition,offset` for one
/// group, `group,topic,partition,offset` for several. There is no heading.
struct OffsetFile: Sendable, Equatable {
    struct Row: Sendable, Equatable {
        /// Nil in the form for one group.
        var group: String?
        var partition: TopicPartition
        var offset: Int64
    }

    static let maximumBytes = 64 << 20

    var rows: [Row]

    init(rows: [Row]) { self.rows = rows }

    /// - Parameter name: what errors call the file.
    /// - Throws: ``CommandFailure`` with the line's number.
    init(parsing bytes: [UInt8], name: String) throws(CommandFailure) {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CommandFailure(.usage, "\(name): it is no UTF-8 text")
        }
        var rows: [Row] = []
        var lines: [Key: Int] = [:]
        // A line break is one character, CR LF too; no field can hold one.
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let number = index + 1
            let line = number == 1 && line.first == "\u{FEFF}" ? line.dropFirst() : line
            if line.allSatisfy(\.isWhitespace) { continue }
            let row = try Self.row(line, "\(name):\(number)")
            if let first = rows.first, (first.group == nil) != (row.group == nil) {
                throw CommandFailure(.usage, "\(name):\(number): expected as many fields as in the lines before")
            }
            if let before = lines.updateValue(number, forKey: Key(group: row.group, partition: row.partition)) {
                throw CommandFailure(
                    .usage, "\(name):\(number): \(row.partition) has an offset in line \(before) already")
            }
            rows.append(row)
        }
        guard !rows.isEmpty else { throw CommandFailure(.usage, "\(name): it holds no offsets") }
        self.rows = rows
    }

    private struct Key: Hashable {
        var group: String?
        var partition: TopicPartition
    }

    /// What the file says of one group; a file for one group is about whichever is asked for.
    func offsets(ofGroup group: String) -> [TopicPartition: Int64] {
        var offsets: [TopicPartition: Int64] = [:]
        for row in rows where row.group == nil || row.group == group { offsets[row.partition] = row.offset }
        return offsets
    }

    /// Empty in the form for one group.
    var groups: Set<String> { Set(rows.compactMap(\.group)) }

    func render() -> String {
        rows.map { row in
            let fields = [row.partition.topic, String(row.partition.partition), String(row.offset)]
            return ((row.group.map { [$0] } ?? []) + fields).map(Self.quoted).joined(separator: ",")
        }.joined(separator: "\n")
    }

    private static func row(_ line: Substring, _ place: String) throws(CommandFailure) -> Row {
        guard let fields = fields(of: line) else {
            throw CommandFailure(.usage, "\(place): a quotation mark is not closed or not at a field's end")
        }
        guard (3...4).contains(fields.count) else {
            throw CommandFailure(
                .usage,
                "\(place): found \(fields.count) fields, expected topic,partition,offset or group,topic,partition,offset"
            )
        }
        let (topic, partition, offset) = (fields[fields.count - 3], fields[fields.count - 2], fields[fields.count - 1])
        if let empty = zip(["group", "topic"].suffix(fields.count - 2), fields).first(where: { $1.isEmpty }) {
            throw CommandFailure(.usage, "\(place): the \(empty.0) is empty")
        }
        guard let number = Int32(partition), number >= 0 else {
            throw CommandFailure(.usage, "\(place): found \"\(partition)\" as partition, expected a number from 0")
        }
        guard let value = Int64(offset) else {
            throw CommandFailure(.usage, "\(place): found \"\(offset)\" as offset, expected a whole number")
        }
        return Row(
            group: fields.count == 4 ? fields[0] : nil,
            partition: TopicPartition(topic: topic, partition: number), offset: value)
    }

    private enum Place { case start, bare, quoted, afterQuote }

    /// Nil when quotation marks do not match.
    private static func fields(of line: Substring) -> [String]? {
        var fields: [String] = []
        var field = ""
        var place = Place.start
        for character in line {
            switch (place, character) {
            case (.start, "\""): place = .quoted
            case (.start, ","), (.bare, ","), (.afterQuote, ","):
                fields.append(place == .bare ? field.trimmingSpaces() : field)
                (field, place) = ("", .start)
            case (.start, _), (.bare, _):
                field.append(character)
                place = .bare
            case (.quoted, "\""): place = .afterQuote
            case (.afterQuote, "\""), (.quoted, _):
                field.append(character)
                place = .quoted
            case (.afterQuote, _): return nil
            }
        }
        guard place != .quoted else { return nil }
        return fields + [place == .bare ? field.trimmingSpaces() : field]
    }

    private static func quoted(_ field: String) -> String {
        guard field.contains(where: { ",\" ".contains($0) || $0.isNewline }) else { return field }
        return "\"\(field.replacing("\"", with: "\"\""))\""
    }
}
