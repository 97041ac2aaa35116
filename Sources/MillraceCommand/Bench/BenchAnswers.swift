import KafkaClient
import Serving

/// What a `read_committed` consumer of the results saw.
struct BenchAnswers {
    private var seen: [Bool]
    private(set) var answered = 0
    private(set) var duplicated = 0
    /// Records that are no predictions.
    private(set) var errors = 0
    /// Milliseconds from the moment at which a request was due to the receipt of its answer.
    private(set) var latencies: [Double] = []

    init(requests: Int) {
        seen = Array(repeating: false, count: requests)
    }

    /// - Parameter due: when a request was to be sent, in seconds; nil for one that is not timed.
    mutating func take(_ record: KafkaRecord, at now: Double, due: (Int) -> Double?) {
        let key = record.key.map { String(decoding: $0, as: UTF8.self) } ?? ""
        guard let index = Int(key), seen.indices.contains(index) else {
            errors += 1
            return
        }
        guard !seen[index] else {
            duplicated += 1
            return
        }
        seen[index] = true
        answered += 1
        // The copies of the echo have no status.
        if let status = record.headers.lastValue(named: RecordHeaderName.status), !status.elementsEqual("ok".utf8) {
            errors += 1
        }
        if let due = due(index) { latencies.append((now - due) * 1000) }
    }
}
