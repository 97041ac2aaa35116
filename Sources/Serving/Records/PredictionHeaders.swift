import KafkaClient
import ModelFormats
import ModelRegistry
import Synchronization
import TensorEngine

/// The headers that all predictions of one model version have in common, made once instead of for every answer.
final class PredictionHeaders: Sendable {
    private struct Entry {
        let model: LoadedModel
        let headers: [KafkaHeader]
    }

    let eventSource: String
    /// The model that answered last; traffic that alternates between models makes them anew.
    private let last = Mutex<Entry?>(nil)

    init(applicationID: String) {
        eventSource = "/millrace/\(applicationID)"
    }

    func of(_ model: LoadedModel) -> [KafkaHeader] {
        last.withLock { last in
            if let last, last.model === model { return last.headers }
            let headers = make(model)
            last = Entry(model: model, headers: headers)
            return headers
        }
    }

    private func make(_ model: LoadedModel) -> [KafkaHeader] {
        [
            KafkaHeader(RecordHeaderName.eventSpecificationVersion, "1.0"),
            KafkaHeader(RecordHeaderName.eventType, RecordHeaderName.predictionEventType),
            KafkaHeader(RecordHeaderName.eventSource, eventSource),
            KafkaHeader(RecordHeaderName.status, "ok"),
            KafkaHeader(RecordHeaderName.model, model.version.identity.name),
            KafkaHeader(RecordHeaderName.version, String(model.version.identity.number)),
            KafkaHeader(RecordHeaderName.weights, model.manifest.weightsSHA256),
            KafkaHeader(RecordHeaderName.engine, model.graph.engineIdentity),
        ]
    }
}
