import ArgumentParser
import JSONDocuments

/// `millrace bench training`.
struct BenchTrainingCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "training",
        abstract: "Time training steps of three small networks, without a broker.",
        discussion: """
            Steps of forward pass, gradients and optimizer on batches of random rows that lie in memory, for --seconds each \
            after a quarter of that for warming up: a perceptron for 8 by 8 digits (mlp: 64-128-10), a convolutional network \
            for them (cnn: 16 and 32 filters of 3 by 3, pooling, 64-10) and a recurrent classifier (lstm: 64 units over 8 \
            steps of 8 features). A step runs on one thread; with --threads as many models train at once, as folds of an \
            evaluation do, and the samples of all are counted.

            EXAMPLES
              millrace bench training
              millrace bench training --models cnn --threads 1,2 --output json
            """)

    @Option(help: ArgumentHelp("Of mlp, cnn and lstm, separated by commas.", valueName: "name,name"))
    var models = "mlp,cnn,lstm"

    @Option(help: ArgumentHelp("Optimizers with a learning rate of 0.01, separated by commas.", valueName: "name,name"))
    var optimizers = "sgd,adam"

    @Option(help: ArgumentHelp("Rows of a batch; several, separated by commas.", valueName: "n,n"))
    var batch = "64"

    @Option(help: ArgumentHelp("Models that train at once; several, separated by commas.", valueName: "n,n"))
    var threads = "1"

    @Option(help: "Seconds to measure each.")
    var seconds = 1.0

    @OptionGroup var format: OutputOptions

    func validate() throws {
        _ = try Self.numbers(batch, "--batch", 1...65536)
        _ = try Self.numbers(threads, "--threads", 1...64)
        _ = try chosen()
        guard seconds > 0, seconds <= 600 else {
            throw ValidationError("--seconds: found \(seconds), expected above 0 and at most 600")
        }
        guard !optimizers.isEmpty else { throw ValidationError("--optimizers: expected at least one") }
    }

    private static func numbers(_ text: String, _ option: String, _ range: ClosedRange<Int>) throws -> [Int] {
        try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
            guard let number = Int(part), range.contains(number) else {
                throw ValidationError(
                    "\(option): found \"\(part)\", expected \(range.lowerBound) to \(range.upperBound)")
            }
            return number
        }
    }

    private func chosen() throws -> [TrainingBenchmark.Network] {
        try models.split(separator: ",", omittingEmptySubsequences: false).map { name in
            guard let network = TrainingBenchmark.networks.first(where: { $0.name == name }) else {
                let names = TrainingBenchmark.networks.map(\.name).joined(separator: ", ")
                throw ValidationError("--models: found \"\(name)\", expected some of \(names)")
            }
            return network
        }
    }

    func run() throws {
        var measurements: [TrainingBenchmark.Measurement] = []
        for network in try chosen() {
            for optimizer in optimizers.split(separator: ",").map(String.init) {
                for rows in try Self.numbers(batch, "--batch", 1...65536) {
                    for threads in try Self.numbers(threads, "--threads", 1...64) {
                        measurements.append(
                            try TrainingBenchmark.measure(
                                network, optimizer: optimizer, rows: rows, threads: threads, seconds: seconds))
                    }
                }
            }
        }
        format.print(.array(measurements.map(\.document))) {
            var table = TextTable([
                ("MODEL", .left), ("OPTIMIZER", .left), ("BATCH", .right), ("THREADS", .right), ("PARAMETERS", .right),
                ("STEP", .right), ("SAMPLES/S", .right),
            ])
            for one in measurements {
                table.append(
                    one.network, one.optimizer, "\(one.rows)", "\(one.threads)", "\(one.parameters)",
                    "\(NumberText.fixed(one.stepSeconds * 1e6, digits: 1)) µs",
                    NumberText.fixed(one.samplesPerSecond, digits: 0))
            }
            return table.render()
        }
    }
}

extension TrainingBenchmark.Measurement {
    var document: JSONValue {
        .object([
            "model": .string(network), "optimizer": .string(optimizer), "batch": .integer(Int64(rows)),
            "threads": .integer(Int64(threads)), "parameters": .integer(Int64(parameters)),
            "step_seconds": .real(stepSeconds), "samples_per_second": .real(samplesPerSecond), "loss": .real(loss),
        ])
    }
}
