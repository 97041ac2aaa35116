public import KafkaClient

/// Where results and dead letters go and what they say of their origin.
package struct AnswerRouting: Sendable {
    package var resultsTopic: String
    /// Partitions of the results topic; a result goes to its request's partition number when there is one.
    package var resultsPartitionCount: Int
    package var deadLetterSuffix: String
    package var applicationID: String
    /// The largest result record, in bytes of value, that the broker takes.
    package var maximumResultBytes: Int

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

    func checkSize(_ byteCount: Int, of request: BoundRequest) throws(RequestError) {
        guard byteCount > routing.maximumResultBytes else { return }
        throw RequestError(
            .tooLarge, "result: found \(byteCount) bytes, expected at most \(routing.maximumResultBytes)",
            requestID: request.request.id)
    }
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
