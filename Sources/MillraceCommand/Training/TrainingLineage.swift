import JSONDocuments
import Training

/// The `training` member of a manifest: what a version was trained from, enough to do it again.
struct TrainingLineage: Sendable, Equatable {
    /// Nil of a training that was no job of a service.
    var job: String?
    /// As it was given.
    var request: JSONValue
    /// The offsets that were read: by topic and partition, the end exclusive.
    var ranges: [String: [Int32: Range<Int64>]]
    /// SHA-256 of the rows.
    var dataset: String
    var seed: UInt64
    /// Whose arithmetic it was.
    var engine: String
    /// The fit whose model it is.
    var fit: FitID
    /// The request with a trial's values, where a search chose them.
    var fitRequest: JSONValue?
    /// Of the bundle that the training went on from.
    var baseDigest: String?

    var json: JSONValue {
        var members: [String: JSONValue] = [
            "request": request, "dataset": .string(dataset), "seed": .integer(Int64(clamping: seed)),
            "engine": .string(engine), "fit": .string(fit.description),
            "ranges": .object(
                ranges.mapValues { partitions in
                    .object(
                        Dictionary(
                            uniqueKeysWithValues: partitions.map { partition, range in
                                (String(partition), [.integer(range.lowerBound), .integer(range.upperBound)])
                            }))
                }),
        ]
        if let job { members["job"] = .string(job) }
        if let fitRequest { members["fit_request"] = fitRequest }
        if let baseDigest { members["base"] = ["digest": .string(baseDigest)] }
        return .object(members)
    }
}

extension TrainingLineage {
    /// Members that are not needed to train again are not looked at.
    /// - Throws: ``JSONError`` with the path of what is missing or wrong.
    init(_ json: JSONCursor) throws(JSONError) {
        job = try json.optionalMember("job")?.string()
        request = try json.member("request").value
        ranges = [:]
        for (topic, partitions) in try json.optionalMember("ranges")?.members() ?? [] {
            var found: [Int32: Range<Int64>] = [:]
            for (key, bounds) in try partitions.members() {
                guard let partition = Int32(key), partition >= 0 else {
                    throw bounds.failure("found \"\(key)\", expected the number of a partition")
                }
                let ends = try bounds.elements()
                guard ends.count == 2 else { throw bounds.failure("found \(ends.count) numbers, expected first and end") }
                let (first, end) = (Int64(try ends[0].integer()), Int64(try ends[1].integer()))
                guard first >= 0, first <= end else { throw bounds.failure("found \(first) to \(end)") }
                found[partition] = first..<end
            }
            ranges[topic] = found
        }
        dataset = try json.member("dataset").string()
        let number = try json.member("seed").integer()
        guard number >= 0 else { throw try json.member("seed").failure("found \(number), expected at least 0") }
        seed = UInt64(number)
        engine = try json.optionalMember("engine")?.string() ?? ""
        let text = try json.member("fit").string()
        guard let id = FitID(text) else {
            throw try json.member("fit").failure("found \"\(text)\", expected the name of a fit, as t0-f0")
        }
        fit = id
        fitRequest = try json.optionalMember("fit_request")?.value
        baseDigest = try json.optionalMember("base")?.optionalMember("digest")?.string()
    }
}
