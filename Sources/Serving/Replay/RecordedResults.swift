import KafkaClient

/// The results of the requests of one partition, read beside them in the order of the requests' offsets.
///
/// Results of an input partition appear in the order of its offsets, so that joining the two takes one look at each record
/// and no memory. What breaks the order is reported as it is met: a second result of the same request, or one that comes
/// after those of later requests.
struct RecordedResults {
    /// Something about the results themselves that is not as it should be.
    enum Irregularity: Sendable {
        case duplicate(RecordedResult)
        case outOfOrder(RecordedResult)
    }

    /// Answers before the first request by its own clock are looked for this long: clocks of clients differ.
    static let clockMargin: Int64 = 600_000

    private let requests: TopicPartition
    private let range: Range<Int64>
    private var cursors: [Cursor]
    private var missing: Set<Int64> = []
    private var lastMatched: Int64?
    /// Reading began where the log does, and earlier results have been deleted.
    private var isCutOff = false
    private(set) var irregularities: [Irregularity] = []

    /// - Parameters:
    ///   - partitions: where the results may lie: one, unless the results topic has fewer partitions than the requests'.
    ///   - firstTimestamp: of the first request.
    static func open(
        of requests: TopicPartition, in range: Range<Int64>, partitions: [TopicPartition], firstTimestamp: Int64?,
        admin: KafkaAdmin, makeReader: @Sendable () throws -> RangeReader
    ) async throws -> RecordedResults {
        let earliest = try await admin.offsets(of: partitions, at: .earliest)
        let latest = try await admin.offsets(of: partitions, at: .latest)
        var likely: [TopicPartition: Int64?] = [:]
        if let firstTimestamp {
            // Only to save reading: brokers that answer no times cost the whole topic.
            likely = (try? await admin.offsets(of: partitions, at: .timestamp(firstTimestamp - clockMargin))) ?? [:]
        }
        var results = RecordedResults(requests: requests, range: range)
        for partition in partitions {
            let low = (earliest[partition] ?? nil) ?? 0
            let high = max(low, (latest[partition] ?? nil) ?? low)
            let start = min(max(low, likely[partition].flatMap { $0 } ?? low), high)
            var cursor = try await Cursor(partition, start..<high, of: requests, makeReader)
            if start > low, let head = try await cursor.head(), head.source.offset > range.lowerBound {
                // The results of the first requests may lie before it.
                await cursor.close()
                cursor = try await Cursor(partition, low..<high, of: requests, makeReader)
            }
            if low > 0, cursor.start == low { results.isCutOff = true }
            results.cursors.append(cursor)
        }
        return results
    }

    private init(requests: TopicPartition, range: Range<Int64>) {
        self.requests = requests
        self.range = range
        cursors = []
    }

    /// The result of a request; ask in the order of offsets.
    ///
    /// - Returns: nil when there is none where it should be.
    mutating func result(of offset: Int64) async throws -> RecordedResult? {
        while let (index, head) = try await next() {
            guard head.source.offset <= offset else {
                if isCutOff { throw ReplayError.resultsGone(requests, first: offset, oldest: head.source) }
                break
            }
            cursors[index].advance()
            // Of this request or an earlier one: nothing that is needed has been deleted.
            isCutOff = false
            if head.source.offset == offset {
                lastMatched = offset
                return head
            }
            judge(head)
        }
        if isCutOff { throw ReplayError.resultsGone(requests, first: offset, oldest: nil) }
        // Bounded: a results topic of something else would fill it.
        if missing.count < 100_000 { missing.insert(offset) }
        return nil
    }

    /// Looks at what is left: a second result may come at any time.
    mutating func finish() async throws {
        while let (index, head) = try await next() {
            cursors[index].advance()
            judge(head)
        }
    }

    /// Every result of the range that is left, repetitions included.
    mutating func everything() async throws -> [RecordedResult] {
        var found: [RecordedResult] = []
        while let (index, head) = try await next() {
            cursors[index].advance()
            if range.contains(head.source.offset) { found.append(head) }
        }
        return found
    }

    mutating func takeIrregularities() -> [Irregularity] {
        defer { irregularities = [] }
        return irregularities
    }

    func close() async {
        for cursor in cursors { await cursor.close() }
    }

    /// A result that was not expected here.
    private mutating func judge(_ result: RecordedResult) {
        let offset = result.source.offset
        guard range.contains(offset) else { return }
        if missing.remove(offset) != nil {
            irregularities.append(.outOfOrder(result))
        } else if let lastMatched, offset <= lastMatched {
            irregularities.append(.duplicate(result))
        }
    }

    private mutating func next() async throws -> (cursor: Int, result: RecordedResult)? {
        var first: (cursor: Int, result: RecordedResult)?
        for index in cursors.indices {
            guard let head = try await cursors[index].head() else { continue }
            if let first, first.result.source.offset <= head.source.offset { continue }
            first = (index, head)
        }
        return first
    }
}

/// Reads one results partition and keeps what answers one partition of requests.
private struct Cursor {
    private static let batch = 2000

    let start: Int64
    private let requests: TopicPartition
    private let reader: RangeReader
    private var records: ArraySlice<KafkaRecord> = []
    private var current: RecordedResult?
    private var isAtEnd = false

    init(
        _ partition: TopicPartition, _ range: Range<Int64>, of requests: TopicPartition,
        _ makeReader: @Sendable () throws -> RangeReader
    ) async throws {
        start = range.lowerBound
        self.requests = requests
        reader = try makeReader()
        do {
            try await reader.start([partition: range])
        } catch {
            await reader.close()
            throw error
        }
    }

    mutating func head() async throws -> RecordedResult? {
        if let current { return current }
        while !isAtEnd {
            while let record = records.popFirst() {
                guard let result = RecordedResult(record), result.source.topicPartition == requests else { continue }
                current = result
                return result
            }
            if let next = try await reader.next(maximumRecords: Self.batch) {
                records = next[...]
            } else {
                isAtEnd = true
            }
        }
        return nil
    }

    mutating func advance() { current = nil }

    func close() async { await reader.close() }
}
