import JSONDocuments
import Testing

/// `millrace bench training`.
@Suite struct BenchTrainingTests {
    @Test func `every network is measured with every optimizer`() async throws {
        let output = try await BinaryRunner.run([
            "bench", "training", "--seconds", "0.02", "--batch", "4", "--threads", "1,2", "--output", "json",
        ])
        try #require(output.exitCode == 0, "\(output.stderr)")
        let rows = try output.document().elements()
        #expect(rows.count == 12)
        #expect(try rows.map { try $0.member("parameters").integer() }.sorted().first == 9610)
        for row in rows {
            #expect(try row.member("samples_per_second").number() > 0)
            #expect(try row.member("loss").number() > 0)
        }
    }

    @Test(arguments: [
        (["--models", "transformer"], "transformer"), (["--optimizers", "adma"], "adam"),
        (["--batch", "0"], "--batch"),
        (["--threads", "x"], "--threads"), (["--seconds", "0"], "--seconds"),
    ])
    func `what cannot be measured`(arguments: [String], mentions: String) async throws {
        let output = try await BinaryRunner.run(["bench", "training"] + arguments)
        #expect(output.exitCode == 2)
        #expect(output.stderr.contains(mentions), "\(output.stderr)")
    }
}
