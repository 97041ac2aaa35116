import ArgumentParser
import JSONDocuments
import Serving
import TensorEngine

/// `millrace bench`.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure on this machine what the service, decoding and matrix products cost.",
        discussion: """
            EXAMPLES
              millrace bench pipeline --compare
              millrace bench engine model.onnx --batch 1,8,32
              millrace bench training
              millrace bench codec
              millrace bench kernels --output json
            """,
        subcommands: [
            BenchPipelineCommand.self, BenchEchoCommand.self, BenchEngineCommand.self, BenchCodecCommand.self,
            BenchKernelsCommand.self, BenchTrainingCommand.self,
            BenchWorkerCommand.self,
        ])
}

struct BenchCodecCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "codec",
        abstract: "Time decoding a request and encoding its answer, in every encoding.",
        discussion: """
            Medians over the rounds, on one thread. Parsing the same body with Jansson, the parser of every other JSON \
            document here, is measured beside it.

            EXAMPLES
              millrace bench codec --numbers 784 --output json
            """)

    @Option(help: "Numbers in the tensor; may be repeated.")
    var numbers: [Int] = [64, 784]

    @Option(help: "Rounds of 200 calls each.")
    var rounds = 21

    @OptionGroup var format: OutputOptions

    func validate() throws {
        guard numbers.allSatisfy({ (1...1_000_000).contains($0) }) else {
            throw ValidationError("--numbers: expected 1 to 1000000")
        }
        guard (1...10_000).contains(rounds) else {
            throw ValidationError("--rounds: found \(rounds), expected 1 to 10000")
        }
    }

    func run() throws {
        let rows = try CodecBenchmark.run(lengths: numbers, rounds: rounds)
        let document = JSONValue.array(
            rows.map { row in
                .object([
                    "operation": .string(row.operation), "numbers": .integer(Int64(row.numbers)),
                    "bytes": .integer(Int64(row.bytes)), "nanoseconds": .real(row.nanoseconds),
                ])
            })
        format.print(document) {
            var table = TextTable([("OPERATION", .left), ("NUMBERS", .right), ("BYTES", .right), ("TIME", .right)])
            for row in rows {
                let time = "\(NumberText.fixed(row.nanoseconds / 1000, digits: 2)) µs"
                table.append(row.operation, "\(row.numbers)", "\(row.bytes)", time)
            }
            return table.render()
        }
    }
}

struct BenchKernelsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kernels",
        abstract: "Compare the engine's matrix product with OpenBLAS, on one thread.",
        discussion: """
            The engine's product adds up every row in one fixed order, whatever the batch; OpenBLAS, the yardstick, is free \
            to choose. INT8 is the engine's product with 8-bit weights, as models import --quantize makes them. Best of 50 repetitions each, in billions of floating-point operations a second.

            EXAMPLES
              millrace bench kernels --output json
            """)

    @OptionGroup var format: OutputOptions

    func run() throws {
        let measurements = InstructionSet.allCases.flatMap { set in
            EngineBenchmark.products.compactMap { EngineBenchmark.measure($0, set) }
        }
        let document = JSONValue.array(
            measurements.map { one in
                .object([
                    "m": .integer(Int64(one.product.m)), "k": .integer(Int64(one.product.k)),
                    "n": .integer(Int64(one.product.n)), "instruction_set": .string(one.instructionSet.rawValue),
                    "gflops": .real(one.engine), "openblas_gflops": .real(one.openBLAS),
                    "ratio": .real(one.engine / one.openBLAS), "int8_gops": .real(one.int8),
                    "int8_ratio": .real(one.int8 / one.engine),
                ])
            })
        format.print(document) {
            var table = TextTable([
                ("ROWS", .right), ("INNER", .right), ("COLUMNS", .right), ("INSTRUCTIONS", .left), ("ENGINE", .right),
                ("OPENBLAS", .right), ("RATIO", .right), ("INT8", .right), ("INT8/ENGINE", .right),
            ])
            for one in measurements {
                table.append(
                    "\(one.product.m)", "\(one.product.k)", "\(one.product.n)", one.instructionSet.rawValue,
                    NumberText.fixed(one.engine, digits: 1), NumberText.fixed(one.openBLAS, digits: 1),
                    NumberText.fixed(one.engine / one.openBLAS, digits: 2), NumberText.fixed(one.int8, digits: 1),
                    NumberText.fixed(one.int8 / one.engine, digits: 2))
            }
            return table.render()
        }
    }
}
