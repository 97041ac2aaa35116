import ArgumentParser
import Dispatch
import JSONDocuments
import ModelFormats
import Serving
import Synchronization
import TensorEngine

/// `millrace bench engine`.
struct BenchEngineCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "engine",
        abstract: "Time a model file in the engine alone, without a broker.",
        discussion: """
            Runs batches of random rows for --seconds each, after as many for warming up, and prints the median and the 99th \
            percentile of a batch's time. With several threads, each runs its share of the batch's rows, which changes no bit.

            EXAMPLES
              millrace bench engine model.onnx --batch 1,8,32,128 --threads 1,2
              millrace bench engine minilm/ --batch 8 --sequence 128 --output json
            """)

    @Argument(help: "The model file or folder.")
    var model: String

    @Option(help: ArgumentHelp("Rows of a batch; several, separated by commas.", valueName: "n,n"))
    var batch = "1,8,32,128"

    @Option(help: ArgumentHelp("Threads; several, separated by commas.", valueName: "n,n"))
    var threads = "1"

    @Option(help: "Seconds to measure each.")
    var seconds = 1.0

    @Option(help: "The extent of dimensions that are open besides the batch, as a sequence's length.")
    var sequence = 64

    @Option(help: "avx512, avx2 or baseline; default: the best that this processor has.")
    var instructionSet: String?

    @OptionGroup var format: OutputOptions

    private struct Measurement {
        let rows: Int
        let threads: Int
        /// Seconds of a batch.
        let median: Double
        let slowest: Double
    }

    func validate() throws {
        _ = try Self.numbers(batch, "--batch", 1...65536)
        _ = try Self.numbers(threads, "--threads", 1...64)
        guard seconds > 0, seconds <= 600 else {
            throw ValidationError("--seconds: found \(seconds), expected above 0 and at most 600")
        }
        guard (1...65536).contains(sequence) else {
            throw ValidationError("--sequence: found \(sequence), expected 1 to 65536")
        }
        guard instructionSet.map({ InstructionSet(rawValue: $0) != nil }) ?? true else {
            throw ValidationError(
                "--instruction-set: found \"\(instructionSet ?? "")\", expected avx512, avx2 or baseline")
        }
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

    func run() throws {
        let imported = try IsolatedModelFile.open(model)
        var options = CompilationOptions()
        switch instructionSet {
        case "avx512": options.instructionSet = .avx512
        case "avx2": options.instructionSet = .avx2
        case "baseline": options.instructionSet = .baseline
        default: break
        }
        let graph = try CompiledGraph(imported.graph, options: options)
        var measurements: [Measurement] = []
        for rows in try Self.numbers(batch, "--batch", 1...65536) {
            for threads in try Self.numbers(threads, "--threads", 1...64) {
                measurements.append(try measure(imported.graph, graph, rows: rows, threads: threads))
            }
        }
        let document = JSONValue.array(
            measurements.map { one in
                .object([
                    "batch": .integer(Int64(one.rows)), "threads": .integer(Int64(one.threads)),
                    "median_seconds": .real(one.median), "p99_seconds": .real(one.slowest),
                    "rows_per_second": .real(Double(one.rows) / one.median),
                    "instruction_set": .string(graph.instructionSet.rawValue),
                ])
            })
        format.print(document) {
            var table = TextTable([
                ("BATCH", .right), ("THREADS", .right), ("MEDIAN", .right), ("P99", .right), ("ROWS/S", .right),
            ])
            for one in measurements {
                table.append(
                    "\(one.rows)", "\(one.threads)", "\(NumberText.fixed(one.median * 1e6, digits: 1)) µs",
                    "\(NumberText.fixed(one.slowest * 1e6, digits: 1)) µs",
                    NumberText.fixed(Double(one.rows) / one.median, digits: 0))
            }
            return "\(model), \(graph.instructionSet.rawValue)\n\(table.render())"
        }
    }

    private func measure(_ source: Graph, _ graph: CompiledGraph, rows: Int, threads: Int) throws -> Measurement {
        let isBatched = graph.inputs.allSatisfy(\.hasBatchDimension)
        guard isBatched || threads == 1 else {
            throw CommandFailure(.usage, "--threads: the model has no batch to share among \(threads) threads")
        }
        let count = min(threads, rows)
        let shares = try (0..<count).map { index -> Share in
            let size = rows / count + (index < rows % count ? 1 : 0)
            let inputs = try RandomRows.make(for: source, rows: size, openExtent: sequence).map(\.tensor)
            return Share(graph: graph, inputs: inputs)
        }
        var times: [Double] = []
        for isMeasured in [false, true] {
            let clock = ContinuousClock()
            let end = clock.now + .seconds(isMeasured ? seconds : seconds / 4)
            while clock.now < end, times.count < 1_000_000 {
                let time = clock.measure {
                    if count == 1 {
                        shares[0].run()
                    } else {
                        DispatchQueue.concurrentPerform(iterations: count) { shares[$0].run() }
                    }
                }
                if isMeasured {
                    times.append(Double(time.components.attoseconds) * 1e-18 + Double(time.components.seconds))
                }
            }
            if let failure = shares.lazy.compactMap(\.failure).first { throw failure }
        }
        // A single batch may take longer than there is time.
        if times.isEmpty { times = [ContinuousClock().measure { shares.forEach { $0.run() } } / .seconds(1)] }
        times.sort()
        return Measurement(
            rows: rows, threads: threads, median: times[times.count / 2], slowest: times[times.count * 99 / 100])
    }

    /// The rows of one thread.
    private final class Share: Sendable {
        private let graph: CompiledGraph
        private let inputs: [Tensor]
        private let state = Mutex<State>(State())

        private struct State {
            let context = ExecutionContext()
            var failure: (any Error)?
        }

        init(graph: CompiledGraph, inputs: [Tensor]) { (self.graph, self.inputs) = (graph, inputs) }

        var failure: (any Error)? { state.withLock { $0.failure } }

        func run() {
            state.withLock { state in
                do { _ = try graph.run(inputs, on: state.context) } catch { state.failure = error }
            }
        }
    }
}
