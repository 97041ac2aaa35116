import JSONDocuments
import Training

/// The `training` member of a manifest: what a version was trained from, enough to do it again.
///
///     {"request": {…}, "fit": "t0-f0", "seed": 7, "engine": "…",
///      "dataset": {"digest": "…", "rows": 1797, "ranges": {"0": {"from": 100, "to": 250}}},
///      "fitted_request": {…}, "base": {"model": "digits", "version": 3, "digest": "…"}}
///
/// Services write more, for people and other programs.
struct TrainingLineage: Sendable, Equatable {
    /// As it was given.
    var request: JSONValue
    /// SHA-256 of the rows.
    var digest: String
    var rowCount: Int
    /// The offsets of the topic's records that were read: by partition, the end exclusive; nil of other sources.
    var ranges: [Int32: Range<Int64>]?
    var seed: UInt64
    /// Whose arithmetic it was.
    var engine: String
    /// The fit whose model it is.
    var fit: FitID
    /// What that fit was asked, where it is not the request itself: with the values that a search chose, or with the
    /// number that an alias meant.
    var fittedRequest: JSONValue?
    /// Of the bundle that the training went on from.
    var baseDigest: String?

    var json: JSONValue {
        var dataset: [String: JSONValue] = ["digest": .string(digest), "rows": .integer(Int64(rowCount))]
        if let ranges {
            dataset["ranges"] = .object(
                Dictionary(
                    uniqueKeysWithValues: ranges.map { partition, range in
                        (String(partition), ["from": .integer(range.lowerBound), "to": .integer(range.upperBound)])
                    }))
        }
        var members: [String: JSONValue] = [
            "request": request, "dataset": .object(dataset), "seed": .integer(Int64(clamping: seed)),
            "engine": .string(engine), "fit": .string(fit.description),
        ]
        if let fittedRequest { members["fitted_request"] = fittedRequest }
        if let baseDigest { members["base"] = ["digest": .string(baseDigest)] }
        return .object(members)
    }
}

extension TrainingLineage {
    /// Members that are not needed to train again are not looked at.
    /// - Throws: ``JSONError`` with the path of what is missing or wrong.
    init(_ json: JSONCursor) throws(JSONError) {
        request = try json.member("request").value
        let dataset = try json.member("dataset")
        digest = try dataset.member("digest").string()
        rowCount = try dataset.optionalMember("rows")?.integer() ?? 0
        ranges = try dataset.optionalMember("ranges").map { (cursor) throws(JSONError) in try Self.ranges(cursor) }
        let number = try json.member("seed").integer()
        guard number >= 0 else { throw try json.member("seed").failure("found \(number), expected at least 0") }
        seed = UInt64(number)
        engine = try json.optionalMember("engine")?.string() ?? ""
        let text = try json.member("fit").string()
        guard let id = FitID(text) else {
            throw try json.member("fit").failure("found \"\(text)\", expected the name of a fit, as t0-f0")
        }
        fit = id
        fittedRequest = try json.optionalMember("fitted_request")?.value
        baseDigest = try json.optionalMember("base")?.optionalMember("digest")?.string()
    }

    private static func ranges(_ json: JSONCursor) throws(JSONError) -> [Int32: Range<Int64>] {
        var ranges: [Int32: Range<Int64>] = [:]
        for (key, bounds) in try json.members() {
            guard let partition = Int32(key), partition >= 0 else {
                throw bounds.failure("found \"\(key)\", expected the number of a partition")
            }
            let (first, end) = (Int64(try bounds.member("from").integer()), Int64(try bounds.member("to").integer()))
            guard first >= 0, first <= end else { throw bounds.failure("found offsets \(first) to \(end)") }
            ranges[partition] = first..<end
        }
        return ranges
    }
}
