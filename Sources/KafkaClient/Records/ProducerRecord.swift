/// A record to be produced: a view of storage that it may share with others, see ``ProducerRecordWriter``.
public struct ProducerRecord: Sendable {
    let storage: RecordStorage
    let index: Int

    init(storage: RecordStorage, index: Int) {
        self.storage = storage
        self.index = index
    }

    /// A record with bytes of its own.
    ///
    /// - Parameters:
    ///   - partition: `nil` leaves the choice to the partitioner: by key, or at random without one.
    ///   - key: `nil` is null, which is not the same as empty.
    ///   - value: `nil` is null: a tombstone on a compacted topic.
    ///   - timestamp: milliseconds since 1970-01-01 UTC; `nil` (and 0, by the protocol) is the time of the call.
    public init(
        topic: String, partition: Int32? = nil, key: ArraySlice<UInt8>? = nil, value: ArraySlice<UInt8>?,
        headers: [KafkaHeader] = [], timestamp: Int64? = nil
    ) {
        var writer = ProducerRecordWriter()
        writer.append(
            topic: topic, partition: partition, key: key, value: value, headers: headers, timestamp: timestamp)
        self = writer.finish()[0]
    }

    private var entry: RecordStorage.Entry { storage.entries[index] }

    public var topic: String { storage.topics[entry.topic] }
    public var partition: Int32? { entry.partition == ProducerRecordWriter.anyPartition ? nil : entry.partition }
    public var key: ArraySlice<UInt8>? { storage.slice(entry.key) }
    public var value: ArraySlice<UInt8>? { storage.slice(entry.value) }
    public var headers: [KafkaHeader] { storage.headerList(index) }
    public var timestamp: Int64? { entry.timestamp }
}

/// Neighbouring records of one storage.
public struct ProducerRecords: RandomAccessCollection, Sendable {
    let storage: RecordStorage
    public let startIndex: Int
    public let endIndex: Int

    public subscript(index: Int) -> ProducerRecord {
        precondition(index >= startIndex && index < endIndex, "record \(index) of \(startIndex)..<\(endIndex)")
        return ProducerRecord(storage: storage, index: index)
    }

    /// The records from the `range.lowerBound`th on, counted from the first one written.
    public func part(_ range: Range<Int>) -> ProducerRecords {
        precondition(range.lowerBound >= startIndex && range.upperBound <= endIndex, "records \(range)")
        return ProducerRecords(storage: storage, startIndex: range.lowerBound, endIndex: range.upperBound)
    }
}

/// Writes many records into one storage: no allocation for each.
///
/// ```swift
/// var writer = ProducerRecordWriter(reservingBytes: 64 << 10)
/// let value = try writer.write { bytes in try encode(answer, into: &bytes) }
/// writer.addHeader("ce_id", text: "requests/0/17")
/// writer.append(topic: "results", partition: 0, key: request.key, writtenValue: value, sharing: headers)
/// let records = writer.finish()
/// ```
public struct ProducerRecordWriter: Sendable {
    /// Bytes that were written for a part of the next record.
    public struct Written: Sendable {
        let span: RecordStorage.Span
        public var count: Int { span.count }
    }

    static let anyPartition: Int32 = -1

    private var writer: RecordStorageWriter
    private var headerStart = 0
    /// Names are written once for all records.
    private var headerNames: [(name: String, written: Written)] = []

    public init(reservingBytes byteCount: Int = 0, records: Int = 0) {
        writer = RecordStorageWriter(reservingBytes: byteCount, records: records)
    }

    public var count: Int { writer.count }

    /// What `body` appends to the bytes; when it throws, they are as before.
    public mutating func write<Failure: Error>(
        _ body: (inout [UInt8]) throws(Failure) -> Void
    ) throws(Failure) -> Written {
        let start = writer.bytes.count
        do {
            try body(&writer.bytes)
        } catch {
            writer.bytes.removeLast(writer.bytes.count - start)
            throw error
        }
        return Written(span: .init(start: start, count: writer.bytes.count - start))
    }

    /// Adds a header to the record that is appended next.
    public mutating func addHeader(_ name: String, _ value: Written) {
        let name = written(name: name)
        writer.addHeader(.init(name: name.span, value: value.span))
    }

    public mutating func addHeader(_ name: String, bytes value: ArraySlice<UInt8>?) {
        addHeader(name, Written(span: writer.append(value)))
    }

    /// Forgets the headers added since the last record.
    public mutating func dropHeaders() {
        writer.truncate(bytes: writer.bytes.count, headers: headerStart)
    }

    /// - Parameters:
    ///   - value: what ``write(_:)`` gave.
    ///   - headers: come before those added with ``addHeader(_:_:)``.
    public mutating func append(
        topic: String, partition: Int32?, key: ArraySlice<UInt8>?, writtenValue value: Written,
        sharing headers: KafkaHeaderSet?
    ) {
        let topic = writer.index(ofTopic: topic)
        let key = writer.append(key)
        append(topic, partition, key, value.span, nil, headers.map { writer.index(of: $0) })
    }

    public mutating func append(
        topic: String, partition: Int32? = nil, key: ArraySlice<UInt8>?, value: ArraySlice<UInt8>?,
        headers: [KafkaHeader], timestamp: Int64? = nil
    ) {
        dropHeaders()
        let topic = writer.index(ofTopic: topic)
        let (key, value) = (writer.append(key), writer.append(value))
        for header in headers { writer.addHeader(writer.append(header)) }
        append(topic, partition, key, value, timestamp, nil)
    }

    private mutating func append(
        _ topic: Int, _ partition: Int32?, _ key: RecordStorage.Span, _ value: RecordStorage.Span,
        _ timestamp: Int64?, _ headerSet: Int?
    ) {
        // -1 means any: a partition that is negative for real is refused when it is produced.
        let number = partition.map { $0 == Self.anyPartition ? .min : $0 } ?? Self.anyPartition
        writer.append(
            RecordStorage.Entry(
                topic: topic, partition: number, timestamp: timestamp, key: key, value: value,
                headers: headerStart..<writer.headerStart, headerSet: headerSet))
        headerStart = writer.headerStart
    }

    private mutating func written(name: String) -> Written {
        if let known = headerNames.first(where: { $0.name == name }) { return known.written }
        let written = Written(span: writer.append(name))
        headerNames.append((name, written))
        return written
    }

    public consuming func finish() -> ProducerRecords {
        let storage = writer.finish()
        return ProducerRecords(storage: storage, startIndex: 0, endIndex: storage.entries.count)
    }
}
