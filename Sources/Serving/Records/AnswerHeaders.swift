import KafkaClient
import ModelFormats
import ModelRegistry
import Synchronization
import TensorEngine

/// The headers that many answers have in common, made once instead of for each.
final class AnswerHeaders: Sendable {
    private struct Entry {
        let model: LoadedModel
        let activation: Int64?
        let contentType: String
        let set: KafkaHeaderSet
    }

    private struct FailureKey: Hashable {
        let code: RequestErrorCode
        let contentType: String
    }

    private struct State {
        /// The models that answered last; a model that is not used any more is not kept for long.
        var predictions: [Entry] = []
        var failures: [FailureKey: KafkaHeaderSet] = [:]
    }

    private static let maximumPredictions = 16

    private let eventSource: String
    private let state = Mutex(State())

    init(applicationID: String) {
        eventSource = "/millrace/\(applicationID)"
    }

    func prediction(_ model: LoadedModel, activation: Int64?, contentType: String) -> KafkaHeaderSet {
        state.withLock { state in
            let known = state.predictions.first {
                $0.model === model && $0.activation == activation && $0.contentType == contentType
            }
            if let known { return known.set }
            if state.predictions.count >= Self.maximumPredictions { state.predictions.removeFirst() }
            let set = make(
                contentType, RecordHeaderName.predictionEventType, status: "ok",
                [
                    KafkaHeader(RecordHeaderName.model, model.version.identity.name),
                    KafkaHeader(RecordHeaderName.version, String(model.version.identity.number)),
                    KafkaHeader(RecordHeaderName.weights, model.manifest.weightsSHA256),
                    KafkaHeader(RecordHeaderName.engine, model.graph.engineIdentity),
                ] + (activation.map { [KafkaHeader(RecordHeaderName.activation, String($0))] } ?? []))
            state.predictions.append(
                Entry(model: model, activation: activation, contentType: contentType, set: set))
            return set
        }
    }

    func failure(_ code: RequestErrorCode, contentType: String) -> KafkaHeaderSet {
        state.withLock { state in
            let key = FailureKey(code: code, contentType: contentType)
            if let known = state.failures[key] { return known }
            let set = make(contentType, RecordHeaderName.errorEventType, status: code.rawValue, [])
            state.failures[key] = set
            return set
        }
    }

    private func make(
        _ contentType: String, _ eventType: String, status: String, _ more: [KafkaHeader]
    ) -> KafkaHeaderSet {
        KafkaHeaderSet(
            [
                KafkaHeader(RecordHeaderName.contentType, contentType),
                KafkaHeader(RecordHeaderName.eventSpecificationVersion, "1.0"),
                KafkaHeader(RecordHeaderName.eventType, eventType),
                KafkaHeader(RecordHeaderName.eventSource, eventSource),
                KafkaHeader(RecordHeaderName.status, status),
            ] + more)
    }
}
