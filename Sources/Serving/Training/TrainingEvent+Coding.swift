package import JSONDocuments
import ModelRegistry
import Training

extension TrainingEvent.Change {
    /// As member `event` has it.
    package var name: String {
        switch self {
        case .accepted: "accepted"
        case .started: "started"
        case .progress: "progress"
        case .released: "released"
        case .evaluated: "evaluated"
        case .completed: "completed"
        case .failed: "failed"
        case .cancelled: "cancelled"
        }
    }
}

extension TrainingEvent {
    package var json: JSONValue {
        var members: [String: JSONValue] = [
            "job": .string(job), "model": .string(model), "event": .string(change.name),
            "time": .string(EventTime.text(time)),
        ]
        switch change {
        case .accepted(let acceptance):
            if let ranges = acceptance.ranges { members["ranges"] = ranges.json }
            if let base = acceptance.base { members["base"] = base.json }
            members["folds"] = .integer(Int64(acceptance.folds))
            members["attempt"] = .integer(Int64(acceptance.attempt))
        case .started(let start):
            members["fit"] = .string(start.fit.description)
            members["attempt"] = .integer(Int64(start.attempt))
            members["instance"] = .string(start.instance)
        case .released(let fit): members["fit"] = fit.map { .string($0.description) }
        case .progress(let progress):
            members["fit"] = .string(progress.fit.description)
            members["epoch"] = .integer(Int64(progress.epoch))
            members["step"] = .integer(Int64(progress.step))
            members["steps"] = .integer(Int64(progress.steps))
            members["loss"] = .real(progress.loss)
            if let epoch = progress.history { members["history"] = epoch.json }
        case .evaluated(let fit, let judgement):
            members["fit"] = .string(fit.description)
            switch judgement {
            case .report(let report): members["report"] = report.json
            case .error(let message): members["error"] = .string(message)
            }
        case .completed(let completion):
            members["version"] = .integer(Int64(completion.version))
            members["metrics"] = .object(
                Dictionary(uniqueKeysWithValues: completion.metrics.map { ($0.key.rawValue, .real($0.value)) }))
            if !completion.folds.isEmpty { members["folds"] = FoldSummary.json(completion.folds) }
            members["promoted"] = .bool(completion.promoted)
            if let promotion = completion.promotion { members["promotion"] = promotion }
            members["weights"] = .string(completion.weights)
            members["bundle"] = .string(completion.bundle)
            members["dataset"] = .string(completion.dataset)
            if let confusion = completion.confusion { members["confusion"] = confusion }
        case .failed(let failure):
            members["code"] = .string(failure.code.rawValue)
            members["message"] = .string(failure.message)
        case .cancelled: break
        }
        return .object(members)
    }

    /// Without what grows with the number of classes and folds, and with messages cut.
    var shortened: JSONValue {
        guard case .object(var members) = json else { return json }
        members["confusion"] = nil
        members["folds"] = members["folds"].flatMap { if case .integer = $0 { $0 } else { nil } }
        if case .object(var report)? = members["report"] {
            report["confusion"] = nil
            report["classes"] = nil
            members["report"] = .object(report)
        }
        for name in ["message", "error"] {
            if case .string(let text)? = members[name] { members[name] = .string(String(text.prefix(4096))) }
        }
        members["shortened"] = true
        return .object(members)
    }

    /// - Throws: ``JSONError`` with the path of what is wrong. Unknown members are left to later programs.
    package init(_ bytes: some Collection<UInt8>) throws(JSONError) {
        try self.init(JSONCursor(try JSONValue(parsing: Array(bytes))))
    }

    /// - Throws: ``JSONError`` with the path of what is wrong.
    package init(_ json: JSONCursor) throws(JSONError) {
        job = try json.member("job").string()
        model = try json.member("model").string()
        let time = try json.member("time")
        guard let milliseconds = EventTime.milliseconds(try time.string()) else {
            throw time.mismatch("a time as RFC 3339 writes it")
        }
        self.time = milliseconds
        let name = try json.member("event")
        switch try name.string() {
        case "accepted":
            change = .accepted(
                Acceptance(
                    ranges: try json.optionalMember("ranges").map { (cursor) throws(JSONError) in
                        try ResolvedRanges(cursor)
                    },
                    folds: try json.member("folds").integer(),
                    base: try json.optionalMember("base").map { (cursor) throws(JSONError) in try Base(cursor) },
                    attempt: try json.optionalMember("attempt")?.integer() ?? 1))
        case "started":
            change = .started(
                Start(
                    fit: try Self.fit(json), attempt: try json.member("attempt").integer(),
                    instance: try json.optionalMember("instance")?.string() ?? ""))
        case "released":
            change = .released(
                try json.optionalMember("fit").map { (_) throws(JSONError) in try Self.fit(json) })
        case "progress":
            change = .progress(
                Progress(
                    fit: try Self.fit(json), epoch: try json.member("epoch").integer(),
                    step: try json.member("step").integer(), steps: try json.member("steps").integer(),
                    loss: try json.member("loss").double(),
                    history: try json.optionalMember("history").map { (cursor) throws(JSONError) in
                        try EpochRecord(cursor, passesUnknown: true)
                    }))
        case "evaluated":
            if let report = try json.optionalMember("report") {
                change = .evaluated(try Self.fit(json), .report(try EvaluationReport(report, passesUnknown: true)))
            } else {
                change = .evaluated(try Self.fit(json), .error(try json.member("error").string()))
            }
        case "completed": change = .completed(try Completion(json))
        case "failed":
            let code = try json.member("code").string()
            change = .failed(
                TrainingFailure(TrainingFailure.Code(rawValue: code) ?? .internal, try json.member("message").string()))
        case "cancelled": change = .cancelled
        case let other: throw name.failure("found \"\(other)\", expected the name of an event")
        }
    }

    private static func fit(_ json: JSONCursor) throws(JSONError) -> FitID {
        let member = try json.member("fit")
        guard let fit = FitID(try member.string()) else { throw member.mismatch("a fit, as \"t0-f2\"") }
        return fit
    }
}

extension TrainingEvent.Base {
    var json: JSONValue {
        [
            "model": .string(identity.name), "version": .integer(Int64(identity.number)), "digest": .string(digest),
        ]
    }

    init(_ json: JSONCursor) throws(JSONError) {
        self.init(
            identity: .init(name: try json.member("model").string(), number: try json.member("version").integer()),
            digest: try json.member("digest").string())
    }
}

extension TrainingEvent.Completion {
    fileprivate init(_ json: JSONCursor) throws(JSONError) {
        self.init(
            version: try json.member("version").integer(), promoted: try json.member("promoted").bool(),
            promotion: try json.optionalMember("promotion")?.value, weights: try json.member("weights").string(),
            bundle: try json.member("bundle").string(), dataset: try json.member("dataset").string(),
            confusion: try json.optionalMember("confusion")?.value)
        for (name, value) in try json.optionalMember("metrics")?.members() ?? [] {
            if let metric = Metric(rawValue: name) { metrics[metric] = try value.double() }
        }
        folds = try FoldSummary.summaries(json.optionalMember("folds"))
    }
}

extension FoldSummary {
    /// As ``FoldSummary/json(_:)`` writes them; metrics that are not known are passed by.
    static func summaries(_ json: JSONCursor?) throws(JSONError) -> [Metric: FoldSummary] {
        var folds: [Metric: FoldSummary] = [:]
        for (name, value) in try json?.members() ?? [] {
            guard let metric = Metric(rawValue: name) else { continue }
            var values: [Double] = []
            for element in try value.member("values").elements() { values.append(try element.double()) }
            folds[metric] = FoldSummary(values)
        }
        return folds
    }
}

extension JSONCursor {
    /// A number, or what the writer makes of those that JSON has not.
    func double() throws(JSONError) -> Double {
        guard case .string(let text) = value else { return try number() }
        switch text {
        case "NaN": return .nan
        case "Infinity": return .infinity
        case "-Infinity": return -.infinity
        default: throw mismatch("a number")
        }
    }
}
