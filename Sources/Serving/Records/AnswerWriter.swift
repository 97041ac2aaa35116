import JSONDocuments
package import KafkaClient
import ModelRegistry
import TensorEngine

/// Writes the answers of one job into one storage: results and dead letters, each answer's records next to each other.
package struct AnswerWriter {
    /// What the results of requests for the same outputs of the same model have in common.
    private final class Prepared {
        let model: LoadedModel
        let activation: Int64?
        let outputIndices: [Int]
        let contentType: String
        let template: ResponseTemplate
        let headers: KafkaHeaderSet

        init(
            model: LoadedModel, activation: Int64?, outputIndices: [Int], contentType: String,
            template: ResponseTemplate,
            headers: KafkaHeaderSet
        ) {
            self.model = model
            self.activation = activation
            self.outputIndices = outputIndices
            self.contentType = contentType
            self.template = template
            self.headers = headers
        }
    }

    private let encoder: AnswerEncoder
    private var records: ProducerRecordWriter
    private var prepared: Prepared?

    init(_ encoder: AnswerEncoder, count: Int) {
        self.encoder = encoder
        // Enough for small answers; larger ones grow it.
        records = ProducerRecordWriter(reservingBytes: count * 512, records: count)
    }

    /// - Returns: which of the records answer the request.
    package mutating func addPrediction(
        _ outputs: InferenceEngine.OutputRows, of request: BoundRequest, record: KafkaRecord
    ) -> Range<Int> {
        do throws(RequestError) {
            switch request.request.encoding {
            case .json, .jsonWithBinary: return try addJSON(outputs, of: request, record: record)
            case .protobuf, .rawBody: return try addOther(outputs, of: request, record: record)
            }
        } catch let error {
            return addFailure(error, record: record)
        }
    }

    /// - Returns: which of the records answer the request: a result, and a dead letter for what is no request at all.
    package mutating func addFailure(_ error: RequestError, record: KafkaRecord) -> Range<Int> {
        let start = records.count
        let message = encoder.codec.encode(error)
        let value = records.write { $0.append(contentsOf: message.value) }
        addResult(value, headers: encoder.headers.failure(error.code, contentType: message.contentType), record: record)
        if !error.isAttributable {
            let topic = record.topicPartition.topic + encoder.routing.deadLetterSuffix
            DeadLetter.write(
                record, error: error, topic: topic, maximumBytes: encoder.routing.maximumRecordBytes[topic],
                to: &records)
        }
        return start..<records.count
    }

    package consuming func finish() -> ProducerRecords { records.finish() }

    // MARK: Predictions

    private mutating func addJSON(
        _ outputs: InferenceEngine.OutputRows, of request: BoundRequest, record: KafkaRecord
    ) throws(RequestError) -> Range<Int> {
        let prepared = prepare(for: request, outputs.batch)
        var jsonLength: Int?
        let value = try records.write { bytes throws(RequestError) in
            let start = bytes.count
            jsonLength = try prepared.template.append(
                SelectedTensors(base: outputs.batch, positions: prepared.outputIndices), rows: outputs.rows,
                id: request.request.id, encoding: request.request.encoding, to: &bytes)
            try encoder.checkSize(bytes.count - start, of: request, record: record)
        }
        if let jsonLength {
            let length = records.write { JSONWriter.appendDigits(jsonLength, to: &$0) }
            records.addHeader(HeaderName.inferenceHeaderContentLength, length)
        }
        return addResult(value, headers: prepared.headers, record: record)
    }

    private mutating func addOther(
        _ outputs: InferenceEngine.OutputRows, of request: BoundRequest, record: KafkaRecord
    ) throws(RequestError) -> Range<Int> {
        let version = request.model.version
        let declared = request.model.graph.outputs
        let tensors: [Tensor]
        do {
            tensors = try outputs.tensors()
        } catch {
            throw RequestError(.internal, "outputs: \(error)", requestID: request.request.id)
        }
        let message = try encoder.codec.encode(
            InferenceResponse(
                modelName: version.identity.name, modelVersion: version.identity.number, id: request.request.id,
                outputs: request.match.outputIndices.map { NamedTensor(name: declared[$0].name, tensor: tensors[$0]) }),
            as: request.request.encoding)
        try encoder.checkSize(message.value.count, of: request, record: record)
        let value = records.write { $0.append(contentsOf: message.value) }
        for header in message.headers { records.addHeader(header.name, bytes: header.value[...]) }
        let headers = encoder.headers.prediction(
            request.model, activation: request.activation, contentType: message.contentType)
        return addResult(value, headers: headers, record: record)
    }

    private mutating func prepare(for request: BoundRequest, _ outputs: [Tensor]) -> Prepared {
        let contentType = request.request.encoding == .json ? MediaType.json : MediaType.octetStream
        if let prepared, prepared.model === request.model, prepared.activation == request.activation,
            prepared.contentType == contentType, prepared.outputIndices == request.match.outputIndices
        {
            return prepared
        }
        let identity = request.model.version.identity
        let declared = request.model.graph.outputs
        let made = Prepared(
            model: request.model, activation: request.activation, outputIndices: request.match.outputIndices,
            contentType: contentType,
            template: ResponseTemplate(
                modelName: identity.name, modelVersion: identity.number,
                outputs: request.match.outputIndices.map { index in
                    (declared[index].name, Datatype(outputs[index].elementType))
                }, limits: encoder.codec.limits),
            headers: encoder.headers.prediction(
                request.model, activation: request.activation, contentType: contentType))
        prepared = made
        return made
    }

    @discardableResult
    private mutating func addResult(
        _ value: ProducerRecordWriter.Written, headers: KafkaHeaderSet, record: KafkaRecord
    ) -> Range<Int> {
        let start = records.count
        let position = record.topicPartition
        // Where the answer comes from, under two names.
        let source = records.write { bytes in
            bytes.append(contentsOf: position.topic.utf8)
            bytes.append(UInt8(ascii: "/"))
            JSONWriter.appendDigits(position.partition, to: &bytes)
            bytes.append(UInt8(ascii: "/"))
            JSONWriter.appendDigits(record.offset, to: &bytes)
        }
        records.addHeader(RecordHeaderName.eventID, source)
        records.addHeader(RecordHeaderName.source, source)
        if let traceparent = record.firstHeaderValue(ignoringCase: RecordHeaderName.traceparent) {
            records.addHeader(RecordHeaderName.traceparent, bytes: traceparent)
        }
        let hasPartition = Int(position.partition) < encoder.routing.resultsPartitionCount
        records.append(
            topic: encoder.routing.resultsTopic, partition: hasPartition ? position.partition : nil, key: record.key,
            writtenValue: value, sharing: headers)
        return start..<records.count
    }
}

/// Some tensors of an array, without an array of their own.
private struct SelectedTensors: RandomAccessCollection {
    let base: [Tensor]
    let positions: [Int]

    var startIndex: Int { 0 }
    var endIndex: Int { positions.count }
    subscript(index: Int) -> Tensor { base[positions[index]] }
}
