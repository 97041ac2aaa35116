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
        guard let index = record.key.flatMap(Self.index), seen.indices.contains(index) else {
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
        if let status = record.firstHeaderValue(ignoringCase: RecordHeaderName.status), !status.elementsEqual("ok".utf8)
        {
            errors += 1
        }
        if let due = due(index) { latencies.append((now - due) * 1000) }
    }

    /// The number that a key of digits writes.
    private static func index(_ key: ArraySlice<UInt8>) -> Int? {
        guard (1...18).contains(key.count) else { return nil }
        var index = 0
        for byte in key {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            index = index * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return index
    }
}
