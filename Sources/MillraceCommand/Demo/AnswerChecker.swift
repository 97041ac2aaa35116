import JSONDocuments
import KafkaClient
import Serving
import TensorEngine

/// Compares results with what Keras answered, image by image.
struct AnswerChecker {
    private let dataset: DigitsDataset
    private let reference: [Float]
    private var receivedAt: [Int: ContinuousClock.Instant] = [:]
    private var correct = 0
    private(set) var report = DemoReport()

    /// Images that have at least one answer.
    var answered: Int { receivedAt.count }

    init(dataset: DigitsDataset) {
        self.dataset = dataset
        reference = (try? dataset.reference.elements(as: Float.self)) ?? []
        report.requests = dataset.count
    }

    mutating func take(_ record: KafkaRecord, at time: ContinuousClock.Instant) {
        guard let key = record.key.map({ String(decoding: $0, as: UTF8.self) }), key.hasPrefix("image-"),
            let index = Int(key.dropFirst("image-".count)), (0..<dataset.count).contains(index)
        else {
            report.errors += 1
            return
        }
        guard receivedAt.updateValue(time, forKey: index) == nil else {
            report.duplicated += 1
            return
        }
        guard let probabilities = probabilities(of: record) else {
            report.errors += 1
            return
        }
        let expected = reference[(index * 10)..<(index * 10 + 10)]
        for (found, wanted) in zip(probabilities, expected) {
            let difference = abs(found - Double(wanted))
            // NaN compares false with everything and must not pass for equal.
            if !(difference <= report.largestDifference) { report.largestDifference = difference }
        }
        let answer = Self.largest(probabilities)
        if answer != Self.largest(expected.map(Double.init)) { report.differentClasses += 1 }
        if answer == dataset.labels[index] { correct += 1 }
    }

    mutating func finish(
        sentAt: [ContinuousClock.Instant], elapsed: Duration, statistics: PipelineStatistics.Snapshot?
    ) {
        report.answered = answered
        report.missing = dataset.count - answered
        report.accuracy = Double(correct) / Double(max(1, dataset.count))
        report.seconds = elapsed / .seconds(1)
        report.latencies = receivedAt.compactMap { index, time in
            index < sentAt.count ? (time - sentAt[index]) / .milliseconds(1) : nil
        }.sorted()
        report.batchSizes = statistics?.batchSizes ?? [:]
    }

    private func probabilities(of record: KafkaRecord) -> [Double]? {
        guard let value = record.value, let document = try? JSONValue(parsing: Array(value)),
            let outputs = try? JSONCursor(document, path: "result").member("outputs").elements(),
            let data = try? outputs.first?.member("data").elements().map({ try $0.number() }), data.count == 10
        else { return nil }
        return data
    }

    private static func largest(_ values: [Double]) -> Int? {
        values.indices.max { values[$0] < values[$1] }
    }
}
