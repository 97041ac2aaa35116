import KafkaClient
import Serving
import Testing

@testable import MillraceCommand

/// The demonstration fails for everything but one answer of the promoted version for each request.
@Suite struct PromotedAnswersTests {
    private static let weights = "ab12"

    private func answers() -> PromotedAnswers {
        PromotedAnswers(model: "digits", version: 3, weights: Self.weights, labels: [7, 1, 4])
    }

    /// What the service would answer to a request.
    private func record(
        _ request: Int, digit: Int, key: String? = nil, id: String? = nil, status: String? = "ok",
        version: String = "3", weights: String = weights, model: String = "digits", value: String? = nil
    ) -> KafkaRecord {
        let data = (0..<10).map { $0 == digit ? "0.91" : "0.01" }.joined(separator: ",")
        let id = id ?? "\(request)"
        let body = #"{"id":"\#(id)","outputs":[{"name":"probabilities","data":[\#(data)]}]}"#
        var headers = [
            KafkaHeader("millrace-model", model), KafkaHeader("millrace-version", version),
            KafkaHeader("millrace-weights", weights),
        ]
        if let status { headers.append(KafkaHeader("millrace-status", status)) }
        return KafkaRecord(
            topicPartition: TopicPartition(topic: "results", partition: 0), offset: Int64(request),
            key: Array((key ?? PromotedAnswers.key(request)).utf8)[...], value: Array((value ?? body).utf8)[...],
            headers: headers)
    }

    @Test func `one answer for each request is what is wanted`() {
        var answers = answers()
        for (request, digit) in [(2, 4), (0, 7), (1, 9)] { answers.take(record(request, digit: digit)) }
        #expect(answers.problems.isEmpty, "\(answers.problems)")
        #expect(answers.answered == 3 && answers.correct == 2)
        #expect(abs(answers.accuracy - 2.0 / 3) < 1e-12)
    }

    @Test func `a missing answer`() {
        var answers = answers()
        for request in 0..<2 { answers.take(record(request, digit: 7)) }
        #expect(answers.problems == ["1 of 3 requests have no answer"])
    }

    @Test func `an answer that comes twice`() {
        var answers = answers()
        for request in [0, 1, 2, 1] { answers.take(record(request, digit: 7)) }
        #expect(answers.problems == ["1 answers came twice"])
        #expect(answers.answered == 3)
    }

    @Test(arguments: [("2", weights, "digits"), ("3", "cd34", "digits"), ("3", weights, "letters")])
    func `an answer of another version`(version: String, weights: String, model: String) throws {
        var answers = answers()
        for request in 0..<2 { answers.take(record(request, digit: 7)) }
        answers.take(record(2, digit: 4, version: version, weights: weights, model: model))
        #expect(answers.otherVersions == 1 && answers.problems.count == 1)
        #expect(try #require(answers.problems.first).contains("digit-2 was answered by \(model)@\(version)"))
        // What another version says does not count.
        #expect(answers.correct == 1)
    }

    @Test func `answers that are no predictions`() throws {
        let wrong: [KafkaRecord] = [
            record(2, digit: 4, status: "UNKNOWN_MODEL", value: #"{"error":{"code":"UNKNOWN_MODEL"}}"#),
            record(2, digit: 4, status: nil), record(2, digit: 4, id: "1"), record(2, digit: 4, value: "{}"),
            record(2, digit: 4, value: #"{"id":"2","outputs":[{"data":[0.5,0.5]}]}"#),
        ]
        for record in wrong {
            var answers = answers()
            for request in 0..<2 { answers.take(self.record(request, digit: 7)) }
            answers.take(record)
            #expect(answers.errors == 1 && answers.missing == 0)
            #expect(try #require(answers.problems.first).contains("digit-2"), "\(answers.problems)")
        }
    }

    @Test(arguments: ["digit-3", "digit--1", "digit-01", "image-1", ""])
    func `records that nobody asked for`(key: String) throws {
        var answers = answers()
        for request in 0..<3 { answers.take(record(request, digit: 7)) }
        answers.take(record(1, digit: 7, key: key))
        #expect(answers.errors == 1 && answers.problems.count == 1)
        #expect(try #require(answers.problems.first).contains("\"\(key)\""))
    }
}
