package import JSONDocuments
package import KafkaClient
package import Training

/// A fit that only judges, for whichever instance is free: a record of the task topic.
package struct TrainingTask: Sendable, Hashable {
    package let job: String
    package let fit: FitID
    /// The job's request with the trial's values in their places.
    package let request: JSONValue
    /// Nil of a dataset that is no topic.
    package let ranges: ResolvedRanges?
    /// `topic/partition/offset` of the job's request.
    package let source: String

    package init(job: String, fit: FitID, request: JSONValue, ranges: ResolvedRanges?, source: String) {
        self.job = job
        self.fit = fit
        self.request = request
        self.ranges = ranges
        self.source = source
    }

    package var json: JSONValue {
        var members: [String: JSONValue] = [
            "job": .string(job), "fit": .string(fit.description), "request": request, "source": .string(source),
        ]
        if let ranges { members["ranges"] = ranges.json }
        return .object(members)
    }

    package func record(topic: String) -> ProducerRecord {
        ProducerRecord(
            topic: topic, key: ArraySlice("\(job)/\(fit)".utf8), value: json.serialized(.compact)[...],
            headers: [
                KafkaHeader(name: "content-type", text: "application/json"),
                KafkaHeader(name: TrainingEvent.sourceHeader, text: source),
            ])
    }

    /// - Throws: ``JSONError`` with the path of what is wrong.
    package init(_ bytes: some Collection<UInt8>) throws(JSONError) {
        let json = JSONCursor(try JSONValue(parsing: Array(bytes)))
        try json.rejectUnknownMembers(allowed: ["job", "fit", "request", "ranges", "source"])
        job = try json.member("job").string()
        let name = try json.member("fit")
        guard let fit = FitID(try name.string()) else { throw name.mismatch("a fit, as \"t0-f2\"") }
        self.fit = fit
        request = try json.member("request").value
        ranges = try json.optionalMember("ranges").map { (cursor) throws(JSONError) in try ResolvedRanges(cursor) }
        source = try json.member("source").string()
    }

    /// The job and the fit that a task's key names.
    struct Key: Sendable, Hashable {
        let job: String
        let fit: FitID

        init?(_ bytes: some Collection<UInt8>) {
            let text = String(decoding: bytes, as: UTF8.self)
            guard let slash = text.lastIndex(of: "/"), let fit = FitID(String(text[text.index(after: slash)...])) else {
                return nil
            }
            job = String(text[..<slash])
            self.fit = fit
        }
    }
}
