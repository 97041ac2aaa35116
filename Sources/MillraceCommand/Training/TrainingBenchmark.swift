import Dispatch
import JSONDocuments
import Synchronization
import TensorEngine
import Training

/// Measures training steps of networks that everyone has: the same as `Tests/Benchmarks/compare_training.py` makes.
enum TrainingBenchmark {
    struct Network: Sendable {
        let name: String
        let architecture: JSONValue
    }

    struct Measurement: Sendable {
        let network: String
        let optimizer: String
        let rows: Int
        let threads: Int
        let parameters: Int
        /// The median, of all threads.
        let stepSeconds: Double
        /// Of all threads together.
        let samplesPerSecond: Double
        /// Of the last step of the first thread.
        let loss: Double
    }

    static let classCount = 10

    static let networks = [
        Network(
            name: "mlp",
            architecture: [
                "input": ["shape": [64]],
                "layers": [
                    ["type": "dense", "units": 128, "activation": "relu"],
                    ["type": "dense", "units": 10, "activation": "softmax"],
                ],
            ]),
        Network(
            name: "cnn",
            architecture: [
                "input": ["shape": [8, 8, 1]],
                "layers": [
                    ["type": "conv2d", "filters": 16, "kernel_size": 3, "padding": "same", "activation": "relu"],
                    ["type": "conv2d", "filters": 32, "kernel_size": 3, "padding": "same", "activation": "relu"],
                    ["type": "max_pooling2d"], ["type": "flatten"],
                    ["type": "dense", "units": 64, "activation": "relu"],
                    ["type": "dense", "units": 10, "activation": "softmax"],
                ],
            ]),
        Network(
            name: "lstm",
            architecture: [
                "input": ["shape": [8, 8]],
                "layers": [
                    ["type": "lstm", "units": 64], ["type": "dense", "units": 10, "activation": "softmax"],
                ],
            ]),
    ]

    /// Batches that are taken in turn, so that a processor's cache does not hold the one batch for ever.
    private static let batchCount = 16

    /// - Throws: ``CommandFailure`` for a name that is no optimizer's; ``FitError`` when a step fails.
    static func measure(
        _ network: Network, optimizer: String, rows: Int, threads: Int, seconds: Double
    ) throws -> Measurement {
        let configuration: OptimizerConfiguration
        do throws(JSONError) {
            configuration = try OptimizerConfiguration(
                JSONCursor(["type": .string(optimizer), "learning_rate": 0.01], path: "--optimizers"))
        } catch {
            throw CommandFailure(.usage, "\(error)")
        }
        let model = try ArchitectureSpec(network.architecture).build(seed: 1)
        let loss = try LossConfiguration(.softmaxCrossEntropy).attached(to: model.graph)
        let runners = (0..<threads).map { Runner(model, loss, configuration, rows: rows, number: $0) }
        func runAll(_ seconds: Double) throws {
            DispatchQueue.concurrentPerform(iterations: threads) { runners[$0].run(seconds) }
            if let failure = runners.lazy.compactMap(\.failure).first { throw failure }
        }
        try runAll(seconds / 4)
        for runner in runners { runner.reset() }
        try runAll(seconds)
        let times = runners.flatMap(\.times).sorted()
        let rate = runners.reduce(0) { sum, runner in
            let spent = runner.times.reduce(0, +)
            return sum + (spent > 0 ? Double(runner.times.count * rows) / spent : 0)
        }
        return Measurement(
            network: network.name, optimizer: optimizer, rows: rows, threads: threads,
            parameters: model.parameterCount, stepSeconds: times.isEmpty ? .nan : times[times.count / 2],
            samplesPerSecond: rate, loss: runners[0].loss)
    }

    /// One model's training.
    private final class Runner: Sendable {
        private struct State {
            var step: TrainingStep?
            var optimizer: Optimizer?
            var times: [Double] = []
            var failure: (any Error)?
            var loss = Float.nan
        }

        private static let maximumTimes = 10_000_000

        private let model: TrainableModel
        private let lossGraph: LossGraph
        private let configuration: OptimizerConfiguration
        private let rows: Int
        private let features: [[Float]]
        private let labels: [[Int64]]
        private let state = Mutex<State>(State())

        init(
            _ model: TrainableModel, _ lossGraph: LossGraph, _ configuration: OptimizerConfiguration, rows: Int,
            number: Int
        ) {
            (self.model, self.lossGraph, self.configuration, self.rows) = (model, lossGraph, configuration, rows)
            let width = model.inputs[0].dimensions.reduce(1) { product, dimension in
                if case .fixed(let extent) = dimension { product * extent } else { product }
            }
            var random = RandomSource(seed: 1, stream: "benchmark", number)
            var (features, labels): ([[Float]], [[Int64]]) = ([], [])
            for _ in 0..<batchCount {
                features.append((0..<rows * width).map { _ in Float(random.uniform()) })
                labels.append((0..<rows).map { _ in Int64(random.integer(below: classCount)) })
            }
            (self.features, self.labels) = (features, labels)
        }

        var times: [Double] { state.withLock { $0.times } }
        var failure: (any Error)? { state.withLock { $0.failure } }
        var loss: Double { state.withLock { Double($0.loss) } }

        func reset() { state.withLock { $0.times = [] } }

        /// At least one step.
        func run(_ seconds: Double) {
            state.withLock { state in
                do { try run(seconds, &state) } catch { state.failure = error }
            }
        }

        private func run(_ seconds: Double, _ state: inout State) throws {
            let step = try state.step ?? TrainingStep(lossGraph, model: model)
            var optimizer = state.optimizer ?? Optimizer(configuration, layout: step.layout)
            (state.step, state.optimizer) = (step, nil)
            let clock = ContinuousClock()
            let end = clock.now + .seconds(seconds)
            var index = 0
            var last = clock.now
            repeat {
                let batch = index % batchCount
                state.loss = try features[batch].withUnsafeBytes { features in
                    try labels[batch].withUnsafeBytes { labels in
                        try step.run(batch: [features, labels], rows: rows, seed: Int64(index))
                    }
                }
                step.apply(&optimizer)
                index += 1
                let now = clock.now
                if state.times.count < Self.maximumTimes { state.times.append((now - last) / .seconds(1)) }
                last = now
            } while last < end
            state.optimizer = optimizer
        }
    }
}
