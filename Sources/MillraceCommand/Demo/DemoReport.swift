import JSONDocuments

/// What the demonstration found.
struct DemoReport {
    var requests = 0
    var answered = 0
    var missing = 0
    var duplicated = 0
    /// Answers that are not predictions.
    var errors = 0
    /// Answers whose most probable class is not Keras's.
    var differentClasses = 0
    var largestDifference = 0.0
    var tolerance = 1e-5
    /// Fraction of images whose most probable class is the label.
    var accuracy = 0.0
    var seconds = 0.0
    /// Milliseconds from the hand-over to the producer to the receipt of the result, by rising time.
    var latencies: [Double] = []
    var batchSizes: [Int: Int] = [:]

    var isGood: Bool {
        answered == requests && missing == 0 && duplicated == 0 && errors == 0 && differentClasses == 0
            && largestDifference <= tolerance
    }

    var throughput: Double { seconds > 0 ? Double(answered) / seconds : 0 }

    /// Nearest-rank percentile, `fraction` from 0 to 1.
    func latency(_ fraction: Double) -> Double {
        guard !latencies.isEmpty else { return 0 }
        let rank = Int((fraction * Double(latencies.count)).rounded(.up))
        return latencies[min(max(rank, 1), latencies.count) - 1]
    }

    /// Batches by their size, in powers of two: (1, 2, 3–4, 5–8, …).
    var histogram: [(label: String, count: Int)] {
        var rows: [(String, Int)] = []
        var low = 1
        let largest = batchSizes.keys.max() ?? 0
        while low <= largest {
            let high = low == 1 ? 1 : (low - 1) * 2
            let count = batchSizes.filter { (low...high).contains($0.key) }.values.reduce(0, +)
            rows.append((low == high ? "\(low)" : "\(low)–\(high)", count))
            low = high + 1
        }
        return rows
    }

    var document: JSONValue {
        .object([
            "requests": .integer(Int64(requests)), "answered": .integer(Int64(answered)),
            "missing": .integer(Int64(missing)), "duplicated": .integer(Int64(duplicated)),
            "errors": .integer(Int64(errors)), "different_classes": .integer(Int64(differentClasses)),
            "largest_difference": .real(largestDifference), "accuracy": .real(accuracy),
            "seconds": .real(seconds), "requests_per_second": .real(throughput),
            "latency_ms": .object([
                "p50": .real(latency(0.5)), "p95": .real(latency(0.95)), "p99": .real(latency(0.99)),
            ]),
            "batch_sizes": .object(
                Dictionary(uniqueKeysWithValues: batchSizes.map { (String($0.key), .integer(Int64($0.value))) })),
            "passed": .bool(isGood),
        ])
    }

    var text: String {
        var table = TextTable([("", .left), ("", .right)])
        table.append("requests", "\(requests)")
        table.append("answered", "\(answered)")
        table.append("missing", "\(missing)")
        table.append("duplicated", "\(duplicated)")
        table.append("errors", "\(errors)")
        table.append("same class as Keras", "\(answered - errors - differentClasses) of \(requests)")
        table.append("largest difference", NumberText.scientific(largestDifference))
        table.append("accuracy", NumberText.fixed(accuracy, digits: 4))
        table.append("throughput", "\(Int(throughput)) requests/s")
        table.append("latency p50", "\(NumberText.fixed(latency(0.5), digits: 1)) ms")
        table.append("latency p95", "\(NumberText.fixed(latency(0.95), digits: 1)) ms")
        table.append("latency p99", "\(NumberText.fixed(latency(0.99), digits: 1)) ms")
        let largest = histogram.map(\.count).max() ?? 0
        var sizes = TextTable([("ROWS", .right), ("BATCHES", .right), ("", .left)])
        for row in histogram {
            let bar = String(repeating: "█", count: largest == 0 ? 0 : (row.count * 40 + largest - 1) / largest)
            sizes.append(row.label, "\(row.count)", bar)
        }
        return table.render() + "\n\nbatch sizes\n" + sizes.render()
    }
}
