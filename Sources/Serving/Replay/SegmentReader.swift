import KafkaClient

/// One partition's requests and, beside them, what was recorded of each: opened, with the first requests read.
struct SegmentReader: Sendable {
    static let chunk = 1000

    /// What is to be read.
    struct Part: Sendable {
        let requests: TopicPartition
        let range: Range<Int64>
        /// Where the results may lie.
        let results: [TopicPartition]
    }

    let requests: RangeReader
    /// Nil when there are no requests.
    let results: RecordedResults?
    let first: [KafkaRecord]?

    static func open(_ part: Part, access: ReplayAccess) async throws -> SegmentReader {
        let requests = try access.makeReader()
        do {
            try await requests.start([part.requests: part.range])
            let first = try await requests.next(maximumRecords: chunk)
            let results = try await open(part, first: first, access: access)
            do {
                try Task.checkCancellation()
            } catch {
                await results?.close()
                throw error
            }
            return SegmentReader(requests: requests, results: results, first: first)
        } catch {
            await requests.close()
            throw error
        }
    }

    private static func open(
        _ part: Part, first: [KafkaRecord]?, access: ReplayAccess
    ) async throws -> RecordedResults? {
        guard let first else { return nil }
        return try await RecordedResults.open(
            of: part.requests, in: part.range, partitions: part.results, firstTimestamp: first.first?.timestamp,
            admin: access.admin, makeReader: access.makeReader)
    }

    func close() async {
        await requests.close()
        await results?.close()
    }
}
