import JSONDocuments
import KafkaClient
import ModelRegistry
import Serving
import Training

/// A training event as it lies on its topic.
struct TrainingEventRecord: Sendable {
    let event: TrainingEvent
    /// As it is in the record, with what a later program added.
    let document: JSONValue
    /// `topic/partition/offset` of the job's request.
    let source: String?

    var job: String { event.job }
    var model: String { event.model }
    var isLast: Bool { event.isLast }
    /// RFC 3339.
    var time: String { EventTime.text(event.time) }

    /// - Throws: ``JSONError`` with the path of what is missing or wrong.
    init(_ record: KafkaRecord) throws(JSONError) {
        let json = try JSONValue(parsing: record.value ?? [])
        event = try TrainingEvent(JSONCursor(json))
        document = json
        source = record.firstHeaderValue(ignoringCase: "millrace-source").map { String(decoding: $0, as: UTF8.self) }
    }
}

extension TrainingEvent.Completion {
    /// Nil where there is none, or none that can be drawn.
    var confusionMatrix: ConfusionMatrix? { confusion.flatMap { try? ConfusionMatrix(JSONCursor($0)) } }
}

/// An event as a line.
extension TrainingEventRecord {
    static let columns: [(title: String, alignment: TextTable.Alignment)] = [
        ("TIME", .left), ("EVENT", .left), ("FIT", .left), ("DETAILS", .left),
    ]

    var cells: [String] { [time, event.change.name, fit, details] }

    private var fit: String {
        switch event.change {
        case .started(let start): start.fit.description
        case .progress(let progress): progress.fit.description
        case .released(let fit): fit?.description ?? ""
        case .evaluated(let fit, _): fit.description
        case .accepted, .completed, .failed, .cancelled: ""
        }
    }

    private var details: String {
        switch event.change {
        case .accepted(let acceptance): acceptance.folds > 1 ? "\(acceptance.folds) folds" : ""
        case .started(let start): "attempt \(start.attempt) on \(start.instance)"
        case .progress(let progress): Self.details(progress)
        case .evaluated(_, .report(let report)): Self.metrics(report.values)
        case .evaluated(_, .error(let message)): message
        case .completed(let completion):
            "version \(completion.version)\(completion.promoted ? ", promoted" : ""), "
                + Self.metrics(completion.metrics)
        case .failed(let failure): failure.description
        case .released, .cancelled: ""
        }
    }

    private static func details(_ progress: TrainingEvent.Progress) -> String {
        var text = "epoch \(progress.epoch + 1), step \(progress.step)/\(progress.steps), "
        text += "loss \(MetricText.short(progress.loss))"
        if let record = progress.history, !record.validation.isEmpty {
            text += ", validation \(metrics(record.validation))"
        }
        return text
    }

    static func metrics(_ values: [Metric: Double]) -> String {
        Metric.allCases.compactMap { metric in
            metric == .loss || metric == TrainingHistory.headline(values)
                ? values[metric].map { "\(metric.rawValue) \(MetricText.short($0))" } : nil
        }.joined(separator: ", ")
    }
}
