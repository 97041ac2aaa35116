public import KafkaClient
import ModelRegistry
package import TensorEngine

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

/// Turns an answer into records: one result for every request and, for a record that is not a request at all, also a
/// dead letter with its untouched bytes.
package struct AnswerEncoder: Sendable {
    private let codec: RequestCodec
    private let routing: AnswerRouting
    private let predictionHeaders: PredictionHeaders

    package init(codec: RequestCodec, routing: AnswerRouting) {
        self.codec = codec
        self.routing = routing
        predictionHeaders = PredictionHeaders(applicationID: routing.applicationID)
    }

    /// - Parameter outputs: the model's outputs, in its order, for all rows of the request.
    package func prediction(_ outputs: [Tensor], of request: BoundRequest, record: KafkaRecord) -> [ProducerRecord] {
        let version = request.model.version
        let declared = request.model.graph.outputs
        let response = InferenceResponse(
            modelName: version.identity.name, modelVersion: version.identity.number, id: request.request.id,
            outputs: request.match.outputIndices.map { index in
                NamedTensor(name: declared[index].name, tensor: outputs[index])
            })
        do throws(RequestError) {
            let message = try codec.encode(response, as: request.request.encoding)
            guard message.value.count <= routing.maximumResultBytes else {
                throw RequestError(
                    .tooLarge,
                    "result: found \(message.value.count) bytes, "
                        + "expected at most \(routing.maximumResultBytes)",
                    requestID: request.request.id)
            }
            return [result(message, headers: predictionHeaders.of(request.model), record: record)]
        } catch let error {
            return failure(error, record: record)
        }
    }

    package func failure(_ error: RequestError, record: KafkaRecord) -> [ProducerRecord] {
        let headers = [
            KafkaHeader(RecordHeaderName.eventSpecificationVersion, "1.0"),
            KafkaHeader(RecordHeaderName.eventType, RecordHeaderName.errorEventType),
            KafkaHeader(RecordHeaderName.eventSource, predictionHeaders.eventSource),
            KafkaHeader(RecordHeaderName.status, error.code.rawValue),
        ]
        let result = result(codec.encode(error), headers: headers, record: record)
        if error.isAttributable { return [result] }
        return [result, DeadLetter.record(for: record, error: error, topicSuffix: routing.deadLetterSuffix)]
    }

    private func result(
        _ message: EncodedMessage, headers: [KafkaHeader], record: KafkaRecord
    ) -> ProducerRecord {
        let partition = record.topicPartition.partition
        // Room for the content type and the position's two headers, the message's own and a trace.
        var all: [KafkaHeader] = []
        all.reserveCapacity(headers.count + message.headers.count + 4)
        all.append(Self.contentType(message.contentType))
        for header in message.headers { all.append(KafkaHeader(name: header.name, value: header.value[...])) }
        all += headers
        append(positionOf: record, to: &all)
        return ProducerRecord(
            topic: routing.resultsTopic,
            partition: Int(partition) < routing.resultsPartitionCount ? partition : nil,
            key: record.key, value: message.value[...],
            headers: all)
    }

    private static let json = KafkaHeader(RecordHeaderName.contentType, MediaType.json)
    private static let octetStream = KafkaHeader(RecordHeaderName.contentType, MediaType.octetStream)

    private static func contentType(_ type: String) -> KafkaHeader {
        switch type {
        case MediaType.json: json
        case MediaType.octetStream: octetStream
        default: KafkaHeader(RecordHeaderName.contentType, type)
        }
    }

    /// Where the answer comes from, added to headers that many answers have in common.
    private func append(positionOf record: KafkaRecord, to headers: inout [KafkaHeader]) {
        let position = KafkaHeader(
            RecordHeaderName.eventID,
            "\(record.topicPartition.topic)/\(record.topicPartition.partition)/\(record.offset)")
        headers.append(position)
        headers.append(KafkaHeader(name: RecordHeaderName.source, value: position.value))
        if let traceparent = record.headers.first(where: { $0.name == RecordHeaderName.traceparent }) {
            headers.append(traceparent)
        }
    }
}

extension KafkaHeader {
    package init(_ name: String, _ value: String) {
        self.init(name: name, value: Array(value.utf8)[...])
    }
}

extension KafkaRecord: HeaderFields {
    /// The first header of that name; Kafka's header names are case-sensitive, HTTP's are not, so case is ignored.
    public func firstValue(named name: String) -> ArraySlice<UInt8>? {
        for header in headers where header.name.utf8.count == name.utf8.count {
            // Producers nearly always write it as given; comparing equal strings is one comparison of memory.
            if header.name == name || Self.isEqualIgnoringCase(header.name, name) { return header.value }
        }
        return nil
    }

    /// ASCII letters only: header names are tokens of HTTP.
    private static func isEqualIgnoringCase(_ left: String, _ right: String) -> Bool {
        left.utf8.elementsEqual(right.utf8) { lowercased($0) == lowercased($1) }
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}
