/// The bytes of many records in one array, and where the parts of each lie in it.
///
/// ``KafkaRecord`` and ``ProducerRecord`` are views of it: passing one on counts one reference instead of one for each of
/// its topic, key, value and headers.
final class RecordStorage: Sendable {
    /// Bytes of the array; a negative count is null, which is not the same as empty.
    struct Span: Sendable {
        static let null = Span(start: 0, count: -1)

        var start: Int
        var count: Int

        var isNull: Bool { count < 0 }
    }

    struct Header: Sendable {
        /// Never null.
        var name: Span
        var value: Span
    }

    struct Entry: Sendable {
        /// Index into ``topics``.
        var topic: Int
        /// -1: left to the partitioner.
        var partition: Int32
        /// -1: not written yet.
        var offset: Int64 = -1
        var timestamp: Int64?
        var key = Span.null
        var value = Span.null
        var headers: Range<Int>
        /// Index into ``headerSets``: headers that come before the record's own.
        var headerSet: Int?
    }

    let bytes: [UInt8]
    let topics: [String]
    let entries: [Entry]
    let headers: [Header]
    let headerSets: [KafkaHeaderSet]

    init(
        bytes: [UInt8], topics: [String], entries: [Entry], headers: [Header], headerSets: [KafkaHeaderSet] = []
    ) {
        self.bytes = bytes
        self.topics = topics
        self.entries = entries
        self.headers = headers
        self.headerSets = headerSets
    }

    func slice(_ span: Span) -> ArraySlice<UInt8>? {
        span.isNull ? nil : bytes[span.start..<(span.start + span.count)]
    }

    /// A record's headers in order, those of its set first.
    func headerList(_ index: Int) -> [KafkaHeader] {
        let entry = entries[index]
        let shared = entry.headerSet.map { headerSets[$0].headers } ?? []
        return shared
            + headers[entry.headers].map { header in
                KafkaHeader(
                    name: String(decoding: slice(header.name) ?? [], as: UTF8.self), value: slice(header.value))
            }
    }
}

/// Headers that many records have in common, kept once.
public final class KafkaHeaderSet: Sendable {
    public let headers: [KafkaHeader]
    let bytes: [UInt8]
    let spans: [RecordStorage.Header]

    public init(_ headers: [KafkaHeader]) {
        var writer = RecordStorageWriter()
        let spans = headers.map { writer.append($0) }
        self.headers = headers
        self.bytes = writer.bytes
        self.spans = spans
    }
}

/// Gathers records for a ``RecordStorage``.
struct RecordStorageWriter {
    typealias Span = RecordStorage.Span

    var bytes: [UInt8] = []
    private(set) var topics: [String] = []
    private(set) var entries: [RecordStorage.Entry] = []
    private(set) var headers: [RecordStorage.Header] = []
    private var headerSets: [KafkaHeaderSet] = []

    init(reservingBytes byteCount: Int = 0, records: Int = 0) {
        bytes.reserveCapacity(byteCount)
        entries.reserveCapacity(records)
    }

    var count: Int { entries.count }

    mutating func append(_ content: UnsafeRawBufferPointer) -> Span {
        let start = bytes.count
        bytes.append(contentsOf: content)
        return Span(start: start, count: content.count)
    }

    mutating func append(_ content: ArraySlice<UInt8>?) -> Span {
        guard let content else { return .null }
        return content.withUnsafeBytes { append($0) }
    }

    mutating func append(_ text: String) -> Span {
        var text = text
        return text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    mutating func append(_ header: KafkaHeader) -> RecordStorage.Header {
        RecordStorage.Header(name: append(header.name), value: append(header.value))
    }

    /// Adds a header of the record that is appended next.
    mutating func addHeader(_ header: RecordStorage.Header) { headers.append(header) }

    /// The first header of the record that is appended next.
    var headerStart: Int { headers.count }

    mutating func append(_ entry: RecordStorage.Entry) { entries.append(entry) }

    /// Neighbours mostly share their topic.
    mutating func index(ofTopic topic: String) -> Int {
        if let index = topics.lastIndex(of: topic) { return index }
        topics.append(topic)
        return topics.count - 1
    }

    mutating func index(of set: KafkaHeaderSet) -> Int {
        if let index = headerSets.lastIndex(where: { $0 === set }) { return index }
        headerSets.append(set)
        return headerSets.count - 1
    }

    /// Forgets everything from a place on.
    mutating func truncate(bytes byteCount: Int, headers headerCount: Int) {
        bytes.removeLast(bytes.count - byteCount)
        headers.removeLast(headers.count - headerCount)
    }

    consuming func finish() -> RecordStorage {
        RecordStorage(bytes: bytes, topics: topics, entries: entries, headers: headers, headerSets: headerSets)
    }
}
