import Foundation
import JSONDocuments
import TestSupport
import Testing

@testable import Training

/// A fixture of this suite's own.
func trainingFixture(_ name: String) throws -> JSONCursor {
    let path = Fixtures.root + "/Tests/Fixtures/training/" + name
    return JSONCursor(try JSONValue(parsing: Array(try Data(contentsOf: URL(filePath: path)))), path: name)
}

extension JSONCursor {
    func floats() throws -> [Float] {
        try elements().map { $0.value == .null ? Float.nan : Float(try $0.number()) }
    }
    /// Rows of an array of arrays, or of numbers.
    func floatRows() throws -> [[Float]] {
        try elements().map { row in
            if case .array = row.value { return try row.floats() }
            return [Float(try row.number())]
        }
    }
}

/// Against scikit-learn's answers: `Tests/Training/make_data_fixtures.py`.
@Suite struct MetricTests {
    private func expectMetrics(_ report: EvaluationReport, _ expected: JSONCursor, _ name: String) throws {
        var count = 0
        for (key, value) in try expected.members() {
            let metric = try #require(Metric(rawValue: key))
            let (found, wanted) = (try #require(report.values[metric], "\(name): \(key)"), try value.number())
            #expect(
                abs(found - wanted) <= 1e-6 * max(1, abs(wanted)), "\(name): \(key) is \(found), expected \(wanted)")
            count += 1
        }
        #expect(report.values.count == count, "\(name)")
    }

    @Test func classificationIsScikitLearns() throws {
        for item in try trainingFixture("metrics.json").member("classification").elements() {
            let name = try item.member("name").string()
            let classes = try item.member("classes").integer()
            let actual = try item.member("actual").elements().map { try $0.integer() }
            let probabilities = try item.member("probabilities").floatRows()
            let weights = try item.optionalMember("weights")?.floats()
            var whole = ClassificationAccumulator(classCount: classes)
            var parts = [whole, whole, whole]
            for row in actual.indices {
                let weight = weights?[row] ?? 1
                try whole.add(probabilities: probabilities[row], actual: actual[row], weight: weight)
                try parts[row % 3].add(probabilities: probabilities[row], actual: actual[row], weight: weight)
            }
            let report = whole.report(classNames: ["a", "b", "c"])
            try expectMetrics(report, try item.member("metrics"), name)
            #expect(report.rowCount == actual.count)
            #expect(report.classes.map(\.name) == Array(["a", "b", "c"].prefix(classes)))
            for (key, found) in [
                ("precision", report.classes.map(\.precision)), ("recall", report.classes.map(\.recall)),
                ("f1", report.classes.map(\.f1)), ("support", report.classes.map(\.support)),
            ] {
                let wanted = try item.member("per_class").member(key).floats()
                #expect(zip(found, wanted).allSatisfy { abs($0 - Double($1)) < 1e-5 }, "\(name): \(key)")
            }
            let confusion = try item.member("confusion").floatRows().flatMap { $0 }
            #expect(zip(whole.confusion.weights, confusion).allSatisfy { abs($0 - Double($1)) < 1e-5 }, "\(name)")
            var merged = parts[0]
            merged.merge(parts[1])
            merged.merge(parts[2])
            try expectMetrics(merged.report(), try item.member("metrics"), "\(name), merged")
        }
    }

    @Test func regressionIsScikitLearns() throws {
        for item in try trainingFixture("metrics.json").member("regression").elements() {
            let name = try item.member("name").string()
            let (actual, predicted) = (try item.member("actual").floatRows(), try item.member("predicted").floatRows())
            let weights = try item.optionalMember("weights")?.floats()
            var whole = RegressionAccumulator(targetCount: actual[0].count)
            var parts = [whole, whole]
            for row in actual.indices {
                let weight = weights?[row] ?? 1
                try whole.add(predicted: predicted[row], actual: actual[row], weight: weight)
                try parts[row < 7 ? 0 : 1].add(predicted: predicted[row], actual: actual[row], weight: weight)
            }
            try expectMetrics(whole.report(), try item.member("metrics"), name)
            parts[0].merge(parts[1])
            try expectMetrics(parts[0].report(), try item.member("metrics"), "\(name), merged")
        }
    }

    @Test func whatIsNotDefinedIsNotThere() throws {
        #expect(RegressionAccumulator().report().values.isEmpty)
        var one = RegressionAccumulator()
        try one.add(predicted: [1], actual: [2])
        #expect(one.report().values == [.mae: 1, .rmse: 1])
        var small = ClassificationAccumulator(classCount: 2, maximumScoreCount: 5)
        for row in 0..<3 { try small.add(probabilities: [0.25 * Float(row)], actual: row % 2) }
        #expect(small.report().values[.rocAUC] == nil)
        #expect(small.report().values[.accuracy] == 2 / 3.0)
        #expect(
            message { try small.add(probabilities: [0.1, 0.2, 0.7], actual: 0) }.hasPrefix("found 3 probabilities"))
        #expect(message { try small.add(probabilities: [.nan], actual: 0) } == "found the probability NaN")
        #expect(message { try small.add(probabilities: [0], actual: 2) } == "found the class 2, expected 0 to 1")
    }

    @Test func reportsAreReadAndWritten() throws {
        var accumulator = ClassificationAccumulator(classCount: 2)
        for row in 0..<9 { try accumulator.add(probabilities: [Float(row) / 9], actual: row % 2, weight: 0.3) }
        let report = accumulator.report(classNames: ["no", "yes"])
        let text = report.json.serialized()
        #expect(try EvaluationReport(JSONCursor(try JSONValue(parsing: text))) == report)
        let wrong: JSONValue = ["rows": 1, "metrics": ["acuracy": 1]]
        #expect(
            message { _ = try EvaluationReport(JSONCursor(wrong, path: "report")) }
                .hasSuffix("did you mean \"accuracy\"?"))
    }

    @Test func foldsAreSummedUp() {
        let reports = [0.5, 0.75, 1].map { EvaluationReport(rowCount: 4, values: [.accuracy: $0]) }
        let extra = EvaluationReport(rowCount: 1, values: [.loss: 3])
        let summaries = FoldSummary.summaries(reports + [extra])
        #expect(summaries.count == 2)
        #expect(summaries[.accuracy]?.mean == 0.75)
        #expect(summaries[.accuracy]?.standardDeviation == 0.25)
        #expect(abs((summaries[.accuracy]?.standardError ?? 0) - 0.25 / 3.squareRoot()) < 1e-15)
        #expect(summaries[.loss]?.standardDeviation == 0)
        guard case .object(let members) = FoldSummary.json(summaries) else {
            Issue.record("no object")
            return
        }
        #expect(members.keys.sorted() == ["accuracy", "loss"])
        #expect(Metric.loss.direction.prefers(1, to: 2))
        #expect(!Metric.accuracy.direction.prefers(1, to: 2))
        #expect(Metric.accuracy.direction.prefers(0, to: .nan))
        #expect(!Metric.accuracy.direction.prefers(.nan, to: 0))
    }
}
