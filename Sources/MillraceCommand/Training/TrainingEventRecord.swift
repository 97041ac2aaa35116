import JSONDocuments
import KafkaClient
import Training

/// A record of the topic of training events. Members that a later program adds are passed by.
struct TrainingEventRecord: Sendable {
    enum Change: Sendable {
        case accepted(folds: Int)
        case progress(TrainingProgress)
        case evaluated(fit: String, report: EvaluationReport?, failure: String?)
        case completed(Completion)
        case failed(code: String, message: String)
        case cancelled
    }

    struct Completion: Sendable {
        let version: Int
        let metrics: [Metric: Double]
        let folds: [Metric: FoldSummary]
        let isPromoted: Bool
        let weights: String
        let dataset: String
        let confusion: ConfusionMatrix?
    }

    let position: String
    let job: String
    let model: String
    /// RFC 3339.
    let time: String
    let name: String
    let change: Change
    /// As it is in the record.
    let document: JSONValue
    /// `topic/partition/offset` of the job's request.
    let source: String?

    var isLast: Bool {
        switch change {
        case .completed, .failed, .cancelled: true
        case .accepted, .progress, .evaluated: false
        }
    }

    /// - Throws: ``JSONError`` with the path of what is missing or wrong.
    init(_ record: KafkaRecord) throws(JSONError) {
        position = "\(record.topicPartition)/\(record.offset)"
        source = record.firstHeaderValue(ignoringCase: "millrace-source").map { String(decoding: $0, as: UTF8.self) }
        let json = JSONCursor(try JSONValue(parsing: record.value ?? []))
        document = json.value
        job = try json.member("job").string()
        model = try json.member("model").string()
        time = try json.member("time").string()
        name = try json.member("event").string()
        change = try Self.change(name, json)
    }

    private static func change(_ name: String, _ json: JSONCursor) throws(JSONError) -> Change {
        switch name {
        case "accepted": return .accepted(folds: try json.optionalMember("folds")?.integer() ?? 1)
        case "progress":
            var record: EpochRecord?
            if let history = try json.optionalMember("history") { record = try EpochRecord(history) }
            return .progress(
                TrainingProgress(
                    fit: try json.member("fit").string(), epoch: try json.member("epoch").integer(),
                    step: try json.member("step").integer(), steps: try json.member("steps").integer(),
                    loss: try json.member("loss").numberOrName(), record: record))
        case "evaluated":
            var report: EvaluationReport?
            if let member = try json.optionalMember("report") { report = try EvaluationReport(member) }
            return .evaluated(
                fit: try json.member("fit").string(), report: report,
                failure: try json.optionalMember("error")?.string())
        case "completed": return .completed(try Completion(json))
        case "failed":
            return .failed(code: try json.member("code").string(), message: try json.member("message").string())
        case "cancelled": return .cancelled
        default: throw try json.member("event").failure("found \"\(name)\", expected the name of an event")
        }
    }
}

extension TrainingEventRecord.Completion {
    fileprivate init(_ json: JSONCursor) throws(JSONError) {
        version = try json.member("version").integer()
        isPromoted = try json.optionalMember("promoted")?.bool() ?? false
        weights = try json.optionalMember("weights")?.string() ?? ""
        dataset = try json.optionalMember("dataset")?.string() ?? ""
        var metrics: [Metric: Double] = [:]
        for (name, value) in try json.optionalMember("metrics")?.members() ?? [] {
            if let metric = Metric(rawValue: name) { metrics[metric] = try value.numberOrName() }
        }
        self.metrics = metrics
        var folds: [Metric: FoldSummary] = [:]
        // A number in events that were shortened.
        if let summaries = try json.optionalMember("folds"), case .object = summaries.value {
            for (name, value) in try summaries.members() {
                guard let metric = Metric(rawValue: name) else { continue }
                var values: [Double] = []
                for element in try value.member("values").elements() { values.append(try element.numberOrName()) }
                folds[metric] = FoldSummary(values)
            }
        }
        self.folds = folds
        if let matrix = try json.optionalMember("confusion"), matrix.value != .null {
            confusion = try ConfusionMatrix(matrix)
        } else {
            confusion = nil
        }
    }
}

extension JSONCursor {
    /// A number, or the string that stands for one that JSON does not have.
    fileprivate func numberOrName() throws(JSONError) -> Double {
        switch value {
        case .string("NaN"): return .nan
        case .string("Infinity"): return .infinity
        case .string("-Infinity"): return -.infinity
        default: return try number()
        }
    }
}

/// An event as a line.
extension TrainingEventRecord {
    static let columns: [(title: String, alignment: TextTable.Alignment)] = [
        ("TIME", .left), ("EVENT", .left), ("FIT", .left), ("DETAILS", .left),
    ]

    var cells: [String] {
        switch change {
        case .accepted(let folds): [time, name, "", folds > 1 ? "\(folds) folds" : ""]
        case .progress(let progress): [time, name, progress.fit, Self.details(progress)]
        case .evaluated(let fit, let report, let failure):
            [time, name, fit, failure ?? Self.metrics(report?.values ?? [:])]
        case .completed(let completion):
            [
                time, name, "",
                "version \(completion.version)\(completion.isPromoted ? ", promoted" : ""), "
                    + Self.metrics(completion.metrics),
            ]
        case .failed(let code, let message): [time, name, "", "\(code): \(message)"]
        case .cancelled: [time, name, "", ""]
        }
    }

    private static func details(_ progress: TrainingProgress) -> String {
        var text = "epoch \(progress.epoch + 1), step \(progress.step)/\(progress.steps), "
        text += "loss \(MetricText.short(progress.loss))"
        if let record = progress.record, !record.validation.isEmpty {
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
