public import KafkaClient
import ModelFormats
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

    package init(codec: RequestCodec, routing: AnswerRouting) {
        self.codec = codec
        self.routing = routing
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
            var headers = provenance(status: "ok", type: RecordHeaderName.predictionEventType, of: record)
            headers += [
                KafkaHeader(RecordHeaderName.model, version.identity.name),
                KafkaHeader(RecordHeaderName.version, String(version.identity.number)),
                KafkaHeader(RecordHeaderName.weights, request.model.manifest.weightsSHA256),
                KafkaHeader(RecordHeaderName.engine, request.model.graph.engineIdentity),
            ]
            return [result(message, headers: headers, record: record)]
        } catch let error {
            return failure(error, record: record)
        }
    }

    package func failure(_ error: RequestError, record: KafkaRecord) -> [ProducerRecord] {
        let headers = provenance(status: error.code.rawValue, type: RecordHeaderName.errorEventType, of: record)
        let result = result(codec.encode(error), headers: headers, record: record)
        if error.isAttributable { return [result] }
        return [result, DeadLetter.record(for: record, error: error, topicSuffix: routing.deadLetterSuffix)]
    }

    private func result(
        _ message: EncodedMessage, headers: [KafkaHeader], record: KafkaRecord
    ) -> ProducerRecord {
        let partition = record.topicPartition.partition
        return ProducerRecord(
            topic: routing.resultsTopic,
            partition: Int(partition) < routing.resultsPartitionCount ? partition : nil,
            key: record.key, value: message.value[...],
            headers: [KafkaHeader(RecordHeaderName.contentType, message.contentType)]
                + message.headers.map { KafkaHeader(name: $0.name, value: $0.value[...]) } + headers)
    }

    private func provenance(status: String, type: String, of record: KafkaRecord) -> [KafkaHeader] {
        let position = "\(record.topicPartition.topic)/\(record.topicPartition.partition)/\(record.offset)"
        var headers = [
            KafkaHeader(RecordHeaderName.eventSpecificationVersion, "1.0"),
            KafkaHeader(RecordHeaderName.eventID, position),
            KafkaHeader(RecordHeaderName.eventType, type),
            KafkaHeader(RecordHeaderName.eventSource, "/millrace/\(routing.applicationID)"),
            KafkaHeader(RecordHeaderName.status, status),
            KafkaHeader(RecordHeaderName.source, position),
        ]
        if let traceparent = record.headers.first(where: { $0.name == RecordHeaderName.traceparent }) {
            headers.append(traceparent)
        }
        return headers
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
        headers.first { $0.name.utf8.count == name.utf8.count && $0.name.lowercased() == name.lowercased() }?.value
    }
}
