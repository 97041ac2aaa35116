import Serving
import Testing

@Suite struct CodecBenchmarkTests {
    @Test func measuresEveryOperation() throws {
        let rows = try CodecBenchmark.run(lengths: [4, 16], rounds: 1, iterations: 1)
        #expect(
            rows.map(\.operation)
                == Array(
                    repeatElement(
                        ["decode JSON", "parse with Jansson", "decode binary", "encode JSON", "encode binary"], count: 2
                    ).joined()))
        #expect(rows.map(\.numbers) == [4, 4, 4, 4, 4, 16, 16, 16, 16, 16])
        #expect(rows.allSatisfy { $0.nanoseconds > 0 && $0.bytes > 0 })
    }
}
