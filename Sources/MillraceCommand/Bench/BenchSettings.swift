import ArgumentParser

/// What a benchmark of the service runs.
enum BenchStage: String, CaseIterable, ExpressibleByArgument {
    /// The service itself.
    case pipeline
    /// The same consumer and producer, and nothing between them: the ceiling.
    case echo
}

/// How the requests carry their numbers.
enum BenchEncoding: String, CaseIterable, ExpressibleByArgument {
    case json, binary
}

extension Delivery: ExpressibleByArgument {}

/// The options that the benchmarks of the service share.
struct BenchOptions: ParsableArguments {
    @Option(help: "Requests of a run; a paced run sends rate × duration instead.")
    var requests = 50_000

    @Option(help: "Numbers of a request: 64 asks the digits perceptron, others a made-up dense network of that width.")
    var numbers = 64

    @Option(help: ArgumentHelp("A model to ask instead, with one float32 input of fixed row shape.", valueName: "file"))
    var model: String?

    @Option(help: "How requests carry their numbers.")
    var encoding = BenchEncoding.json

    @Option(
        help: "Partitions of the topics. Default: 4, and as many as the embedded cluster needs to keep all records.")
    var partitions: Int?

    @Option(help: "Delivery guarantee. Default: exactly-once; at-least-once on the embedded cluster.")
    var delivery: Delivery?

    @Option(help: "Brokers, host:port separated by commas. Default: a cluster inside this process.")
    var bootstrap: String?

    @Option(help: "Requests a second of a paced run, which measures latency. Default: a backlog.")
    var rate: Int?

    @Option(help: "Seconds of a paced run, after one second that is not counted.")
    var duration = 10

    @Option(help: "Runs of each kind; medians are reported.")
    var rounds = 1

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp("Any configuration key of the service, as with serve.", valueName: "key=value"))
    var assignments: [String] = []

    @Flag(help: "Show the service's log.")
    var verbose = false

    func validate() throws {
        try Self.check("--requests", requests, 1...10_000_000)
        try Self.check("--numbers", numbers, 1...100_000)
        try Self.check("--duration", duration, 1...3600)
        try Self.check("--rounds", rounds, 1...100)
        if let partitions { try Self.check("--partitions", partitions, 1...1000) }
        if let rate { try Self.check("--rate", rate, 1...1_000_000) }
        if bootstrap == nil, delivery == .exactlyOnce {
            throw ValidationError(
                "--delivery exactly-once: the embedded cluster keeps no transactions; give --bootstrap")
        }
    }

    private static func check(_ option: String, _ value: Int, _ range: ClosedRange<Int>) throws {
        guard range.contains(value) else {
            throw ValidationError("\(option): found \(value), expected \(range.lowerBound) to \(range.upperBound)")
        }
    }

    var effectiveDelivery: Delivery { delivery ?? (bootstrap == nil ? .atLeastOnce : .exactlyOnce) }

    /// Requests sent in one run; in a paced one with those of the uncounted first second.
    var requestsPerRun: Int { rate.map { $0 * (duration + 1) } ?? requests }
}
