import JSONDocuments

/// The figures of one run.
struct BenchMeasurement {
    let stage: BenchStage
    let requests: Int
    let worker: WorkerReport
    let answers: BenchAnswers
    let isPaced: Bool

    /// Every request is answered once, by a prediction.
    var isGood: Bool { answers.answered == requests && answers.duplicated == 0 && answers.errors == 0 }

    /// The figures by name, in the order of the report; only those that the run could take.
    var figures: [(name: String, unit: String, value: Double)] {
        var figures: [(name: String, unit: String, value: Double)] = []
        func add(_ name: String, _ unit: String, _ value: Double?) {
            if let value, value.isFinite { figures.append((name, unit, value)) }
        }
        let (first, last) = (worker.first, worker.last)
        let steady = Double(last.published - first.published)
        if !isPaced {
            // Without two sets there is no steady part.
            if steady > 0 { add("steady_throughput", "requests/s", steady / (last.seconds - first.seconds)) }
            add("throughput_from_start", "requests/s", Double(last.published) / last.seconds)
            add("first_published", "s", first.seconds)
        }
        if steady > 0 {
            add("processor_per_1000", "ms", (last.processorSeconds - first.processorSeconds) / steady * 1e6)
        }
        add("processor_per_1000_from_start", "ms", last.processorSeconds / Double(last.published) * 1e6)
        add("peak_memory", "MiB", Double(worker.peakBytes) / 1_048_576)
        let batches = worker.batchSizes.values.reduce(0, +)
        if batches > 0 {
            let rows = worker.batchSizes.reduce(0) { $0 + $1.key * $1.value }
            add("rows_per_batch", "", Double(rows) / Double(batches))
        }
        if worker.publications > 0 {
            add("records_per_publication", "", Double(last.published) / Double(worker.publications))
        }
        if isPaced {
            let sorted = answers.latencies.sorted()
            add("latency_p50", "ms", Self.percentile(sorted, 0.5))
            add("latency_p99", "ms", Self.percentile(sorted, 0.99))
            add("latency_p99_9", "ms", Self.percentile(sorted, 0.999))
        }
        return figures
    }

    /// Nearest rank.
    static func percentile(_ sorted: [Double], _ fraction: Double) -> Double? {
        guard !sorted.isEmpty else { return nil }
        let rank = Int((fraction * Double(sorted.count)).rounded(.up))
        return sorted[min(max(rank, 1), sorted.count) - 1]
    }

    var document: JSONValue {
        .object([
            "stage": .string(stage.rawValue), "requests": .integer(Int64(requests)),
            "answered": .integer(Int64(answers.answered)), "duplicated": .integer(Int64(answers.duplicated)),
            "errors": .integer(Int64(answers.errors)), "redone": .integer(Int64(worker.redone)),
            "figures": .object(Dictionary(uniqueKeysWithValues: figures.map { ($0.name, .real($0.value)) })),
            "batch_sizes": .object(
                Dictionary(
                    uniqueKeysWithValues: worker.batchSizes.map { (String($0.key), .integer(Int64($0.value))) })),
        ])
    }
}

/// All runs of a benchmark and their medians.
struct BenchReport {
    let measurements: [BenchMeasurement]

    var isGood: Bool { measurements.allSatisfy(\.isGood) }

    private var stages: [BenchStage] {
        BenchStage.allCases.filter { stage in measurements.contains { $0.stage == stage } }
    }

    private func values(_ name: String, of stage: BenchStage) -> [Double] {
        measurements.filter { $0.stage == stage }.compactMap { one in one.figures.first { $0.name == name }?.value }
    }

    static func median(_ values: [Double]) -> Double? {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    /// The median over the rounds of pipeline / echo, each pair measured one after the other.
    private func ratio(_ name: String) -> Double? {
        let pairs = zip(values(name, of: .pipeline), values(name, of: .echo))
        return Self.median(pairs.compactMap { $1 > 0 ? $0 / $1 : nil })
    }

    private var names: [(name: String, unit: String)] {
        var names: [(name: String, unit: String)] = []
        for one in measurements {
            for figure in one.figures where !names.contains(where: { $0.name == figure.name }) {
                names.append((figure.name, figure.unit))
            }
        }
        return names
    }

    var document: JSONValue {
        var medians: [String: JSONValue] = [:]
        for stage in stages {
            let pairs = names.compactMap { figure in
                Self.median(values(figure.name, of: stage)).map { (figure.name, JSONValue.real($0)) }
            }
            medians[stage.rawValue] = .object(Dictionary(uniqueKeysWithValues: pairs))
        }
        var document: [String: JSONValue] = [
            "runs": .array(measurements.map(\.document)), "medians": .object(medians), "passed": .bool(isGood),
        ]
        if stages.count == 2 {
            let ratios = names.compactMap { figure in ratio(figure.name).map { (figure.name, JSONValue.real($0)) } }
            document["ratios"] = .object(Dictionary(uniqueKeysWithValues: ratios))
        }
        return .object(document)
    }

    var text: String {
        var columns: [(title: String, alignment: TextTable.Alignment)] = [("", .left)]
        columns += stages.map { ($0.rawValue.uppercased(), .right) }
        if stages.count == 2 { columns.append(("RATIO", .right)) }
        columns.append(("", .left))
        var table = TextTable(columns)
        for (name, unit) in names {
            var cells = [name.split(separator: "_").joined(separator: " ")]
            cells += stages.map { stage in Self.median(values(name, of: stage)).map(Self.show) ?? "" }
            if stages.count == 2 { cells.append(ratio(name).map { NumberText.fixed($0, digits: 2) } ?? "") }
            table.append(cells: cells + [unit])
        }
        let wrong = measurements.filter { !$0.isGood }.map { one in
            "\(one.stage.rawValue): \(one.answers.answered) of \(one.requests) answered, "
                + "\(one.answers.duplicated) duplicated, \(one.answers.errors) errors"
        }
        return ([table.render()] + wrong).joined(separator: "\n")
    }

    private static func show(_ value: Double) -> String {
        NumberText.fixed(value, digits: value >= 1000 ? 0 : value >= 10 ? 1 : 2)
    }
}
