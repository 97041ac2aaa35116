public import KafkaClient

/// Where results and dead letters go and what they say of their origin.
package struct AnswerRouting: Sendable {
    package var resultsTopic: String
    /// Partitions of the results topic; a result goes to its request's partition number when there is one.
    package var resultsPartitionCount: Int
    package var deadLetterSuffix: String
    package var applicationID: String
    /// The largest value of a result.
    package var maximumResultBytes: Int
    /// The largest record that each topic takes (`max.message.bytes`), where that is known.
    package var maximumRecordBytes: [String: Int] = [:]

    package init(
        resultsTopic: String, resultsPartitionCount: Int, deadLetterSuffix: String, applicationID: String,
        maximumResultBytes: Int
    ) {
        self.resultsTopic = resultsTopic
        self.resultsPartitionCount = resultsPartitionCount
        self.deadLetterSuffix = deadLetterSuffix
        self.applicationID = applicationID
        self.maximumResultBytes = maximumResultBytes
    }
}

/// Turns answers into records: one result for every request and, for a record that is not a request at all, also a dead
/// letter with its untouched bytes.
package struct AnswerEncoder: Sendable {
    let codec: RequestCodec
    let routing: AnswerRouting
    let headers: AnswerHeaders

    package init(codec: RequestCodec, routing: AnswerRouting) {
        self.codec = codec
        self.routing = routing
        headers = AnswerHeaders(applicationID: routing.applicationID)
    }

    /// - Parameter count: how many answers to expect.
    package func makeWriter(count: Int) -> AnswerWriter { AnswerWriter(self, count: count) }

    /// The records of a single failure.
    package func failure(_ error: RequestError, record: KafkaRecord) -> ProducerRecords {
        var writer = makeWriter(count: 1)
        _ = writer.addFailure(error, record: record)
        return writer.finish()
    }

    func checkSize(_ byteCount: Int, of request: BoundRequest, record: KafkaRecord) throws(RequestError) {
        let limit = min(routing.maximumResultBytes, roomForValue(of: record))
        guard byteCount > limit else { return }
        throw RequestError(
            .tooLarge, "result: found \(byteCount) bytes, expected at most \(limit)", requestID: request.request.id)
    }

    /// What the results topic leaves for a value beside the request's key and the answer's headers.
    private func roomForValue(of record: KafkaRecord) -> Int {
        guard let limit = routing.maximumRecordBytes[routing.resultsTopic] else { return .max }
        return limit - (record.key?.count ?? 0) - Self.headerBytes
    }

    /// Of a result, at most: names of topics and models have their limits.
    private static let headerBytes = 3072
}

extension KafkaHeader {
    package init(_ name: String, _ value: String) {
        self.init(name: name, value: Array(value.utf8)[...])
    }
}

extension KafkaRecord: HeaderFields {
    /// Kafka's header names are case-sensitive, HTTP's are not, so case is ignored.
    public func firstValue(named name: String) -> ArraySlice<UInt8>? { firstHeaderValue(ignoringCase: name) }
}
