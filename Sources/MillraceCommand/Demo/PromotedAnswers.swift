import JSONDocuments
import KafkaClient
import Serving

/// Checks that every request is answered exactly once, by one version and none other.
struct PromotedAnswers: Sendable {
    let model: String
    let version: Int
    /// SHA-256.
    let weights: String
    /// The digit of each request.
    let labels: [Int]

    private var seen: Set<Int> = []
    private(set) var duplicated = 0
    /// Answers that are not predictions, and records that answer nothing that was asked.
    private(set) var errors = 0
    /// What the first of them says.
    private(set) var firstError: String?
    /// Predictions of another version, or of other weights.
    private(set) var otherVersions = 0
    private(set) var firstOther: String?
    private(set) var correct = 0
    var seconds = 0.0

    init(model: String, version: Int, weights: String, labels: [Int]) {
        (self.model, self.version, self.weights, self.labels) = (model, version, weights, labels)
    }

    /// Names the request in its record.
    static func key(_ request: Int) -> String { "digit-\(request)" }

    var answered: Int { seen.count }
    var missing: Int { labels.count - seen.count }
    /// Fraction of the requests whose most probable class is the label.
    var accuracy: Double { Double(correct) / Double(max(1, labels.count)) }

    mutating func take(_ record: KafkaRecord) {
        let key = record.key.map { String(decoding: $0, as: UTF8.self) } ?? ""
        guard let request = Int(key.dropFirst(Self.key(0).count - 1)), labels.indices.contains(request),
            key == Self.key(request)
        else { return fail("a record with the key \"\(key)\", which no request has") }
        guard seen.insert(request).inserted else {
            duplicated += 1
            return
        }
        func header(_ name: String) -> String {
            record.firstHeaderValue(ignoringCase: name).map { String(decoding: $0, as: UTF8.self) } ?? ""
        }
        let status = header(RecordHeaderName.status)
        guard status == "ok" else {
            let value = String(decoding: (record.value ?? []).prefix(500), as: UTF8.self)
            return fail("\(key): \(status.isEmpty ? "no status" : status): \(value)")
        }
        let found = (header(RecordHeaderName.model), header(RecordHeaderName.version), header(RecordHeaderName.weights))
        guard found == (model, "\(version)", weights) else {
            otherVersions += 1
            firstOther = firstOther ?? "\(key) was answered by \(found.0)@\(found.1) with the weights \(found.2)"
            return
        }
        do throws(JSONError) {
            if try Self.mostProbable(record, id: "\(request)") == labels[request] { correct += 1 }
        } catch {
            fail("\(key): \(error)")
        }
    }

    private mutating func fail(_ text: String) {
        errors += 1
        firstError = firstError ?? text
    }

    private static func mostProbable(_ record: KafkaRecord, id: String) throws(JSONError) -> Int? {
        let result = JSONCursor(try JSONValue(parsing: record.value ?? []), path: "result")
        let found = try result.member("id")
        guard try found.string() == id else { throw found.failure("found another request's, expected \"\(id)\"") }
        let outputs = try result.member("outputs")
        guard let data = try outputs.elements().first?.member("data") else { throw outputs.failure("found none") }
        var probabilities: [Double] = []
        for element in try data.elements() { probabilities.append(try element.number()) }
        guard probabilities.count == DigitsTraining.classes else {
            throw data.failure("found \(probabilities.count) numbers, expected \(DigitsTraining.classes)")
        }
        return probabilities.indices.max { probabilities[$0] < probabilities[$1] }
    }

    /// What is wrong, a sentence each; none when every request has its one answer of the version.
    var problems: [String] {
        var problems: [String] = []
        if missing > 0 { problems.append("\(missing) of \(labels.count) requests have no answer") }
        if duplicated > 0 { problems.append("\(duplicated) answers came twice") }
        if let firstError { problems.append("\(errors) answers are no predictions; the first: \(firstError)") }
        if let firstOther { problems.append("\(otherVersions) answers are not of version \(version): \(firstOther)") }
        return problems
    }
}
