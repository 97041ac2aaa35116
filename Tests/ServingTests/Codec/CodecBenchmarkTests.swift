import Serving
import Testing

@Suite struct CodecBenchmarkTests {
    @Test func measuresEveryOperation() throws {
        let rows = try CodecBenchmark.run(lengths: [4, 16], rounds: 1, iterations: 1)
        let operations = [
            "decode JSON", "parse with Jansson", "decode binary", "decode protobuf", "decode protobuf raw",
            "decode raw body", "encode JSON", "encode binary", "encode protobuf", "encode protobuf raw",
            "encode raw body",
        ]
        #expect(rows.map(\.operation) == operations + operations)
        #expect(rows.map(\.numbers) == operations.map { _ in 4 } + operations.map { _ in 16 })
        #expect(rows.allSatisfy { $0.nanoseconds > 0 && $0.bytes > 0 })
    }
}
