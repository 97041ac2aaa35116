import KafkaClient
import Serving
import TensorEngine
import TestSupport
import Testing

@Suite(.serialized) struct PipelineTests {
    @Test func everyImageIsAnsweredOnceAndInOrder() async throws {
        let harness = try await PipelineHarness(try TestBroker.start())
        let digits = try DigitsRequests()
        let records = try (0..<digits.count).map { image in
            harness.request(
                try digits.mlpBody(image, id: "\(image)"), key: "\(image)",
                partition: Int32(image % harness.options.partitions))
        }
        let positions = try await harness.send(records)
        let (found, statistics) = try await harness.running { pipeline in
            let found = try await harness.read(harness.results, atLeast: records.count)
            return (found, pipeline.statistics.snapshot)
        }
        await harness.close()
        #expect(found.count == digits.count)
        #expect(Set(found.compactMap { $0.header("ce_id") }) == Set(positions))
        for record in found {
            let image = try #require(record.keyText.flatMap { Int($0) })
            try digits.expectMLPAnswer(record, image: image)
            #expect(record.header("ce_id") == record.header("millrace-source"))
            #expect(record.header("millrace-version") == "1")
            #expect(record.header("millrace-weights")?.count == 64)
        }
        // Results lie on their request's partition, in its order.
        for partition in 0..<harness.options.partitions {
            let images = found.filter { $0.topicPartition.partition == Int32(partition) }.compactMap {
                $0.keyText.flatMap { Int($0) }
            }
            #expect(images == Array(stride(from: partition, to: digits.count, by: harness.options.partitions)))
        }
        #expect(statistics.errors == 0)
        #expect(statistics.batchSizes.keys.allSatisfy { $0 <= harness.options.batching.maximumRows })
        #expect(statistics.batchSizes.reduce(0) { $0 + $1.key * $1.value } == digits.count)
        // A backlog fills batches.
        #expect(statistics.batchSizes[harness.options.batching.maximumRows, default: 0] > 10)
    }

    @Test func requestsOfManyRowsAreSplitAndRejoined() async throws {
        let harness = try await PipelineHarness(try TestBroker.start())
        let digits = try DigitsRequests()
        let sizes = [1, 31, 32, 33, 100, 2, 257, 1]
        var next = 0
        var rows: [[Int]] = []
        for size in sizes {
            rows.append(Array(next..<(next + size)))
            next += size
        }
        let requests = try rows.enumerated().map { index, rows in
            harness.request(try digits.mlpBody(rows, id: "\(index)"), key: "\(index)", partition: 0)
        }
        try await harness.send(requests)
        let found = try await harness.running { _ in try await harness.read(harness.results, atLeast: sizes.count) }
        await harness.close()
        #expect(found.map(\.keyText) == sizes.indices.map { "\($0)" })
        for (record, rows) in zip(found, rows) { try digits.expectMLPAnswer(record, rows: rows) }
    }

    @Test func answersHaveTheSameBitsHoweverTheyAreBatched() async throws {
        let digits = try DigitsRequests()
        let broker = try TestBroker.start()
        var answers: [[String]] = []
        for rows in [1, 7, 128] {
            var options = PipelineHarness.Options()
            options.batching.maximumRows = rows
            let harness = try await PipelineHarness(broker, options)
            try await harness.send(
                (0..<200).map { harness.request(try digits.mlpBody($0, id: "\($0)"), key: "\($0)", partition: 0) })
            let found = try await harness.running { _ in try await harness.read(harness.results, atLeast: 200) }
            await harness.close()
            answers.append(found.map(\.text))
        }
        #expect(answers[0].count == 200)
        #expect(answers[0] == answers[1])
        #expect(answers[0] == answers[2])
    }

    @Test func aRestartContinuesAfterTheLastAnswer() async throws {
        let harness = try await PipelineHarness(try TestBroker.start())
        let digits = try DigitsRequests()
        func batch(_ range: Range<Int>) throws -> [ProducerRecord] {
            try range.map {
                harness.request(try digits.mlpBody($0, id: "\($0)"), key: "\($0)", partition: Int32($0 % 3))
            }
        }
        try await harness.send(try batch(0..<60))
        _ = try await harness.running { _ in try await harness.read(harness.results, atLeast: 60) }
        try await harness.send(try batch(60..<90))
        let found = try await harness.running { _ in try await harness.read(harness.results, atLeast: 90) }
        await harness.close()
        #expect(found.count == 90)
        #expect(Set(found.compactMap(\.keyText)) == Set((0..<90).map { "\($0)" }))
    }

    @Test func limitsInFlightPauseAndResumeWithoutLoss() async throws {
        var options = PipelineHarness.Options()
        options.limits = PipelineState.Limits(maximumRows: 20, maximumBytes: 20_000)
        options.batching.maximumRows = 8
        let harness = try await PipelineHarness(try TestBroker.start(), options)
        let digits = try DigitsRequests()
        try await harness.send(
            (0..<600).map {
                harness.request(try digits.mlpBody($0, id: "\($0)"), key: "\($0)", partition: Int32($0 % 3))
            })
        let found = try await harness.running { _ in
            try await harness.read(harness.results, atLeast: 600, within: .seconds(120))
        }
        await harness.close()
        #expect(found.count == 600)
        #expect(Set(found.compactMap(\.keyText)).count == 600)
    }

    @Test func resultsTopicMayHaveFewerPartitions() async throws {
        var options = PipelineHarness.Options()
        options.resultsPartitions = 1
        let harness = try await PipelineHarness(try TestBroker.start(), options)
        let digits = try DigitsRequests()
        try await harness.send(
            (0..<30).map {
                harness.request(try digits.mlpBody($0, id: "\($0)"), key: "\($0)", partition: Int32($0 % 3))
            })
        let found = try await harness.running { _ in try await harness.read(harness.results, atLeast: 30) }
        await harness.close()
        #expect(found.count == 30)
    }

    @Test func oversizeResultIsAnsweredAsTooLarge() async throws {
        var options = PipelineHarness.Options()
        options.maximumResultBytes = 1000
        let harness = try await PipelineHarness(try TestBroker.start(), options)
        let digits = try DigitsRequests()
        try await harness.send([
            harness.request(try digits.mlpBody(Array(0..<40), id: "large"), key: "large", partition: 0),
            harness.request(try digits.mlpBody(3, id: "small"), key: "small", partition: 0),
        ])
        let found = try await harness.running { _ in try await harness.read(harness.results, atLeast: 2) }
        await harness.close()
        #expect(found.map { $0.header("millrace-status") } == ["TOO_LARGE", "ok"])
    }

    @Test func whatTheTopicsDoNotTakeIsNotWritten() async throws {
        var options = PipelineHarness.Options()
        options.resultRecordBytes = 4096
        options.deadLetterRecordBytes = 4096
        let harness = try await PipelineHarness(try TestBroker.start(), options)
        let digits = try DigitsRequests()
        let junk = String(repeating: "x", count: 4000)
        try await harness.send([
            harness.request(try digits.mlpBody(Array(0..<40), id: "large"), key: "large", partition: 0),
            harness.request(try digits.mlpBody(3, id: "small"), key: "small", partition: 0),
            harness.request(junk, key: "junk", partition: 0),
            harness.request("short", key: "short", partition: 0),
        ])
        let (found, dead) = try await harness.running { _ in
            let found = try await harness.read(harness.results, atLeast: 4)
            return (found, try await harness.read(harness.requests + "-dlt", atLeast: 2))
        }
        await harness.close()
        #expect(
            found.map { $0.header("millrace-status") } == ["TOO_LARGE", "ok", "MALFORMED_REQUEST", "MALFORMED_REQUEST"])
        let long = try #require(dead.first { $0.keyText == "junk" })
        #expect(long.value == nil)
        #expect(long.header("millrace-omitted-bytes") == "4000")
        #expect(DeadLetterRecord(long)?.isOmitted == true)
        let short = try #require(dead.first { $0.keyText == "short" })
        #expect(short.text == "short")
        #expect(short.header("millrace-omitted-bytes") == nil)
    }

    @Test func topicBindingNamesTheModel() async throws {
        var options = PipelineHarness.Options()
        options.bindsTopic = true
        let harness = try await PipelineHarness(try TestBroker.start(), options)
        let digits = try DigitsRequests()
        try await harness.send([harness.request(try digits.mlpBody(5, id: "5"), model: nil, partition: 0)])
        let found = try await harness.running { _ in try await harness.read(harness.results, atLeast: 1) }
        await harness.close()
        try digits.expectMLPAnswer(try #require(found.first), image: 5)
    }

    @Test func modelsOfOneTopicAreNotMixed() async throws {
        let harness = try await PipelineHarness(try TestBroker.start())
        let digits = try DigitsRequests()
        let records = try (0..<60).map { image in
            let body = try digits.mlpBody(image, id: "\(image)")
            let isCNN = image % 2 == 1
            return harness.request(
                isCNN ? body.replacing("[1,64]", with: "[1,8,8,1]").replacing("pixels", with: "image") : body,
                model: isCNN ? "digits" : "digits-mlp", key: "\(image)", partition: 0)
        }
        try await harness.send(records)
        let found = try await harness.running { _ in try await harness.read(harness.results, atLeast: 60) }
        await harness.close()
        #expect(found.map(\.keyText) == (0..<60).map { "\($0)" })
        for (image, record) in found.enumerated() {
            #expect(record.header("millrace-status") == "ok", "\(record.text)")
            #expect(record.header("millrace-model") == (image % 2 == 1 ? "digits" : "digits-mlp"))
        }
    }

    @Test func brokerThatGoesAwayAndComesBackLosesNothing() async throws {
        let broker = try TestBroker.start()
        guard let embedded = broker.embedded else { return }
        let harness = try await PipelineHarness(broker)
        let digits = try DigitsRequests()
        func batch(_ range: Range<Int>) throws -> [ProducerRecord] {
            try range.map {
                harness.request(try digits.mlpBody($0, id: "\($0)"), key: "\($0)", partition: Int32($0 % 3))
            }
        }
        let (before, after) = (try batch(0..<100), try batch(100..<200))
        let found = try await harness.running { _ in
            try await harness.send(before)
            _ = try await harness.read(harness.results, atLeast: 50)
            try embedded.setBroker(1, isUp: false)
            try await Task.sleep(for: .seconds(1))
            try embedded.setBroker(1, isUp: true)
            try await harness.send(after)
            return try await harness.read(harness.results, atLeast: 200, within: .seconds(120))
        }
        await harness.close()
        #expect(Set(found.compactMap(\.keyText)) == Set((0..<200).map { "\($0)" }))
    }
}
