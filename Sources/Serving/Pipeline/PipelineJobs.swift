import Glibc
import KafkaClient
import ModelRegistry
import Synchronization
import TensorEngine

/// What the pipeline's jobs report to the task that owns the consumer.
enum PipelineMessage: Sendable {
    case decoded([DecodedRecord])
    case answered([SliceAnswer])
    case published(PublishOutcome)
    /// A job could not run at all.
    case failed(String)
}

/// An admitted record and what its bytes turned out to be.
struct DecodedRecord: Sendable {
    enum Outcome: Sendable {
        case bound(BoundRequest)
        case refused(ProducerRecords)
        /// Its model is being loaded; the error is its answer if that takes too long.
        case parked(RequestError)
    }

    let ticket: Ticket
    let record: KafkaRecord
    let outcome: Outcome
}

/// What a batch, or the joining of a split request, gave for one of its slices.
enum SliceAnswer: Sendable {
    /// The whole request is answered.
    case whole(Ticket, ProducerRecords, isError: Bool)
    /// Some rows of a split request have their outputs.
    case part(Ticket, rows: Range<Int>, Result<[Tensor], RequestError>)
    /// A request that is answered, for the version that answers beside.
    case shadowed(ShadowWork)
}

/// Gathers the answers of one batch, whose records share a storage.
private struct BatchAnswers {
    private var writer: AnswerWriter
    private var whole: [(ticket: Ticket, records: Range<Int>, isError: Bool)] = []
    private var parts: [SliceAnswer] = []

    init(_ encoder: AnswerEncoder, count: Int) {
        writer = encoder.makeWriter(count: count)
        whole.reserveCapacity(count)
    }

    mutating func add(_ outputs: InferenceEngine.Outputs, of item: RecordSlice) {
        let slice = item.slice
        guard slice.rows.count == slice.request.rowCount else {
            return parts.append(.part(slice.ticket, rows: slice.rows, Self.copied(outputs)))
        }
        switch outputs {
        case .success(let outputs):
            let records = writer.addPrediction(outputs, of: slice.request, record: item.record)
            whole.append((slice.ticket, records, false))
            if let shadow = slice.request.shadow {
                parts.append(.shadowed(ShadowWork(item, outputs: outputs, shadow: shadow)))
            }
        case .failure(let error):
            whole.append((slice.ticket, writer.addFailure(error, record: item.record), true))
        }
    }

    consuming func finish() -> [SliceAnswer] {
        let records = writer.finish()
        return whole.map { .whole($0.ticket, records.part($0.records), isError: $0.isError) } + parts
    }

    private static func copied(_ outputs: InferenceEngine.Outputs) -> Result<[Tensor], RequestError> {
        outputs.flatMap { rows in
            Result { () throws(TensorError) in try rows.tensors() }
                .mapError { RequestError(.internal, "outputs: \($0)", requestID: nil) }
        }
    }
}

/// A bound slice and the record that it came from.
struct RecordSlice: Sendable {
    let slice: BoundSlice
    let record: KafkaRecord
}

/// The work of the compute threads: pure functions from records to answers, without the pipeline's state.
struct PipelineJobs: Sendable {
    let codec: RequestCodec
    let encoder: AnswerEncoder
    let registry: Registry
    let bindings: [String: ModelReference]
    let willCompute: (@Sendable (RecordPosition) -> Void)?
    let precedent: (@Sendable (KafkaRecord) -> Precedent?)?
    private let scratches = ScratchPool()

    init(
        codec: RequestCodec, encoder: AnswerEncoder, registry: Registry, bindings: [String: ModelReference],
        willCompute: (@Sendable (RecordPosition) -> Void)?, precedent: (@Sendable (KafkaRecord) -> Precedent?)? = nil
    ) {
        self.codec = codec
        self.encoder = encoder
        self.registry = registry
        self.bindings = bindings
        self.willCompute = willCompute
        self.precedent = precedent
    }

    /// Decodes records and binds them to their models.
    func decode(_ records: [(ticket: Ticket, record: KafkaRecord)]) -> [DecodedRecord] {
        let scratch = scratches.take()
        defer { scratches.giveBack(scratch) }
        return records.map { ticket, record in
            do throws(RequestError) {
                let precedent = precedent?(record)
                if case .error(let error) = precedent { throw error }
                var request = try codec.decode(value: record.value, headers: record, using: scratch)
                if let precedent { request.follow(precedent) }
                let fallback = bindings[record.topicPartition.topic]
                let bound = try BoundRequest(
                    binding: request, in: registry, fallback: fallback, key: record.key,
                    position: "\(record.topicPartition)/\(record.offset)")
                try checkDeadline(of: bound)
                return DecodedRecord(ticket: ticket, record: record, outcome: .bound(bound))
            } catch let error {
                guard !error.awaitsModel else {
                    return DecodedRecord(ticket: ticket, record: record, outcome: .parked(error))
                }
                let answer = encoder.failure(error, record: record)
                return DecodedRecord(ticket: ticket, record: record, outcome: .refused(answer))
            }
        }
    }

    /// Runs a batch and encodes the answers of the requests that are whole in it.
    func run(_ batch: [RecordSlice], on context: ExecutionContext) -> [SliceAnswer] {
        var job = BatchAnswers(encoder, count: batch.count)
        var live: [RecordSlice] = []
        live.reserveCapacity(batch.count)
        for item in batch {
            do throws(RequestError) {
                try checkDeadline(of: item.slice.request)
                live.append(item)
            } catch let error {
                job.add(.failure(error), of: item)
            }
        }
        if let willCompute { live.forEach { willCompute($0.record.position) } }
        let outputs = InferenceEngine.run(live.map(\.slice), on: context)
        for (item, outputs) in zip(live, outputs) { job.add(outputs, of: item) }
        return job.finish()
    }

    /// Joins the outputs of a split request, its parts in row order, and encodes them.
    func join(_ parts: [[Tensor]], of request: BoundRequest, ticket: Ticket, record: KafkaRecord) -> [SliceAnswer] {
        do {
            var outputs: [Tensor] = []
            for index in request.model.graph.outputs.indices {
                outputs.append(try Tensor.joiningRows(parts.map { $0[index] }))
            }
            var answers = BatchAnswers(encoder, count: 1)
            let whole = BoundSlice(ticket: ticket, request: request, rows: 0..<request.rowCount)
            answers.add(.success(.init(batch: outputs, rows: nil)), of: RecordSlice(slice: whole, record: record))
            return answers.finish()
        } catch let error {
            return [
                failure(
                    RequestError(.internal, "joining outputs: \(error)", requestID: request.request.id),
                    ticket: ticket, record: record)
            ]
        }
    }

    func failure(_ error: RequestError, ticket: Ticket, record: KafkaRecord) -> SliceAnswer {
        .whole(ticket, encoder.failure(error, record: record), isError: true)
    }

    private func checkDeadline(of request: BoundRequest) throws(RequestError) {
        guard let deadline = request.request.deadline else { return }
        let now = UnixTime.milliseconds()
        guard now > deadline else { return }
        throw RequestError(
            .deadlineExceeded, "ce_expirytime: the request expired \(now - deadline) ms ago",
            requestID: request.request.id)
    }
}

extension InferenceRequest {
    fileprivate mutating func follow(_ precedent: Precedent) {
        deadline = nil
        if case .version(let reference) = precedent { model = reference }
    }
}

/// The decoders' reusable memory: as many as there were decoding threads at once.
private final class ScratchPool: @unchecked Sendable {
    // Guarded by `lock`; a scratch that was taken is its taker's alone.
    private var idle: [DecodeScratch] = []
    private let lock = Mutex(())

    func take() -> DecodeScratch { lock.withLock { _ in idle.popLast() } ?? DecodeScratch() }
    func giveBack(_ scratch: DecodeScratch) { lock.withLock { _ in idle.append(scratch) } }
}

/// Wall-clock time as records carry it.
enum UnixTime {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    static func milliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
