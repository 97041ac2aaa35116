import Foundation
import KafkaClient
import Serving
import Testing

/// Every kind of bad record gets its typed error; good requests between them are answered as if alone.
@Suite(.serialized) struct BadInputTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let bytes: [UInt8]?
        var model: String? = "digits-mlp"
        var headers: [KafkaHeader] = []
        let code: String
        /// What the message must name.
        let mentions: String
        var isDeadLettered = false

        var testDescription: String { name }

        init(
            _ name: String, _ body: String, model: String? = "digits-mlp", headers: [KafkaHeader] = [], code: String,
            mentions: String, isDeadLettered: Bool = false
        ) {
            self.init(
                name, bytes: Array(body.utf8), model: model, headers: headers, code: code, mentions: mentions,
                isDeadLettered: isDeadLettered)
        }

        init(
            _ name: String, bytes: [UInt8]?, model: String? = "digits-mlp", headers: [KafkaHeader] = [], code: String,
            mentions: String, isDeadLettered: Bool = false
        ) {
            self.name = name
            self.bytes = bytes
            self.model = model
            self.headers = headers
            self.code = code
            self.mentions = mentions
            self.isDeadLettered = isDeadLettered
        }
    }

    static let binaryHead =
        #"{"id":"bad","inputs":[{"name":"\#(DigitsRequests.mlpInput)","shape":[1,64],"datatype":"FP32","#
        + #""parameters":{"binary_data_size":8}}]}"#
    static let zeros = Array(repeating: "0", count: 64).joined(separator: ",")

    static func body(
        name: String = DigitsRequests.mlpInput, shape: String = "[1,64]", datatype: String = "FP32",
        data: String = "[\(zeros)]",
        id: String = "bad"
    ) -> String {
        #"{"id":"\#(id)","inputs":[{"name":"\#(name)","shape":\#(shape),"datatype":"\#(datatype)","data":\#(data)}]}"#
    }

    static let cases: [Case] = [
        Case("null value", bytes: nil, code: "MALFORMED_REQUEST", mentions: "null", isDeadLettered: true),
        Case("empty value", "", code: "MALFORMED_REQUEST", mentions: "0 bytes", isDeadLettered: true),
        Case("not JSON", "hello", code: "MALFORMED_REQUEST", mentions: "JSON", isDeadLettered: true),
        Case(
            "truncated JSON", String(body().dropLast(20)), code: "MALFORMED_REQUEST", mentions: "JSON",
            isDeadLettered: true),
        Case(
            "not UTF-8", bytes: [0x7B, 0x22, 0xFF, 0x22, 0x7D], code: "MALFORMED_REQUEST", mentions: "UTF-8",
            isDeadLettered: true),
        Case("no inputs", #"{"id":"bad"}"#, code: "MALFORMED_REQUEST", mentions: "inputs"),
        Case(
            "wrong shape", body(shape: "[1,63]", data: "[\(zeros.dropLast(2))]"), code: "INVALID_INPUT",
            mentions: "[1, 63]"),
        Case("wrong rank", body(shape: "[64]"), code: "INVALID_INPUT", mentions: "[64]"),
        Case("wrong count", body(data: "[1,2,3]"), code: "INVALID_INPUT", mentions: "3"),
        Case("wrong datatype", body(datatype: "INT32"), code: "INVALID_INPUT", mentions: "INT32"),
        Case(
            "text for a model without a tokenizer",
            #"{"inputs":[{"name":"text","shape":[1],"datatype":"BYTES","data":["a"]}]}"#, code: "UNSUPPORTED_DATATYPE",
            mentions: "BYTES"),
        Case("numbers as text", body(datatype: "BYTES"), code: "INVALID_INPUT", mentions: "expected a string"),
        Case("empty batch", body(shape: "[0,64]", data: "[]"), code: "INVALID_INPUT", mentions: "[0, 64]"),
        Case("negative extent", body(shape: "[-1,64]"), code: "INVALID_INPUT", mentions: "-1"),
        Case(
            "overflowing shape", body(shape: "[4611686018427387904,64]"), code: "INVALID_INPUT",
            mentions: "shape"),
        Case("unknown model", body(), model: "digit-mlp", code: "UNKNOWN_MODEL", mentions: "digits-mlp"),
        Case("no model", body(), model: nil, code: "UNKNOWN_MODEL", mentions: "model"),
        Case(
            "unknown version", body(), headers: [KafkaHeader("millrace-version", "99")], code: "UNKNOWN_VERSION",
            mentions: "99"),
        Case("unknown input", body(name: "pixel"), code: "INVALID_INPUT", mentions: "pixel"),
        Case(
            "missing input and another", body(name: "other"), code: "INVALID_INPUT", mentions: DigitsRequests.mlpInput),
        Case(
            "text among the numbers", body(data: "[\(zeros.dropLast(1))\"x\"]"), code: "INVALID_INPUT", mentions: "data"
        ),
        Case(
            "unknown output",
            body().dropLast() + #","outputs":[{"name":"nothing"}]}"#, code: "INVALID_INPUT", mentions: "nothing"),
        Case(
            "binary size against shape",
            binaryHead + "12345678",
            headers: [KafkaHeader("Inference-Header-Content-Length", "\(Self.binaryHead.utf8.count)")],
            code: "INVALID_INPUT", mentions: "binary_data_size"),
        Case(
            "length header that is no number", body(),
            headers: [KafkaHeader("Inference-Header-Content-Length", "binary")], code: "MALFORMED_REQUEST",
            mentions: "inference-header-content-length", isDeadLettered: true),
        Case(
            "expired", body(), headers: [KafkaHeader("ce_expirytime", "2001-01-01T00:00:00Z")],
            code: "DEADLINE_EXCEEDED", mentions: "ce_expirytime"),
        Case(
            "content type that is not served", body(), headers: [KafkaHeader("content-type", "text/csv")],
            code: "MALFORMED_REQUEST", mentions: "text/csv", isDeadLettered: true),
        Case(
            "header that is not UTF-8", body(),
            headers: [KafkaHeader(name: "millrace-version", value: [0xFF, 0xFE])], code: "MALFORMED_REQUEST",
            mentions: "millrace-version"),
    ]

    @Test func everyBadRecordGetsItsErrorAndHarmsNoNeighbour() async throws {
        let harness = try await PipelineHarness(try TestBroker.start())
        let digits = try DigitsRequests()
        // A good request before, between and after all bad ones, in one partition, so that they share batches.
        var records: [ProducerRecord] = []
        for (index, bad) in Self.cases.enumerated() {
            records.append(
                harness.request(try digits.mlpBody(index, id: "good-\(index)"), key: "good-\(index)", partition: 0))
            records.append(
                harness.request(
                    bytes: bad.bytes, model: bad.model, key: "bad-\(index)", partition: 0, headers: bad.headers))
        }
        let sent = records
        let positions = try await harness.send(sent)
        let found = try await harness.running { _ in try await harness.read(harness.results, atLeast: sent.count) }
        let letters = try await harness.read(
            harness.requests + "-dlt", atLeast: Self.cases.filter(\.isDeadLettered).count)
        await harness.close()

        #expect(found.count == sent.count)
        #expect(found.map { $0.header("millrace-source") } == positions)
        for (index, bad) in Self.cases.enumerated() {
            let good = try #require(found.first { $0.keyText == "good-\(index)" })
            #expect(good.header("millrace-status") == "ok", "neighbour of \(bad.name): \(good.text)")
            try digits.expectMLPAnswer(good, image: index)
            let error = try #require(found.first { $0.keyText == "bad-\(index)" })
            #expect(error.header("millrace-status") == bad.code, "\(bad.name): \(error.text)")
            #expect(error.text.contains(bad.mentions), "\(bad.name): \(error.text)")
            let letter = letters.first { $0.keyText == "bad-\(index)" }
            #expect((letter != nil) == bad.isDeadLettered, "\(bad.name)")
            if let letter {
                #expect(letter.value.map { Array($0) } == bad.bytes)
                #expect(letter.header("__connect.errors.topic") == harness.requests)
                #expect(letter.header("kafka_dlt-original-topic") == harness.requests)
                #expect(letter.header("__connect.errors.offset") == String(2 * index + 1))
            }
        }
    }

    @Test func fiftyMegabytesAreRefusedByTheirSizeAlone() async throws {
        // The in-process cluster keeps about 5 MB a partition: the limit is lowered instead of the request raised.
        var options = PipelineHarness.Options()
        options.requestLimits.maximumBytes = 100_000
        let harness = try await PipelineHarness(try TestBroker.start(), options)
        let digits = try DigitsRequests()
        let huge = Self.body(data: "[" + String(repeating: "0,", count: 300_000) + "0]")
        try await harness.send([
            harness.request(huge, key: "huge", partition: 0),
            harness.request(try digits.mlpBody(7, id: "after"), key: "after", partition: 0),
        ])
        let found = try await harness.running { _ in try await harness.read(harness.results, atLeast: 2) }
        await harness.close()
        #expect(found.map { $0.header("millrace-status") } == ["TOO_LARGE", "ok"])
        #expect(found.first?.text.contains("100000") == true)
    }
}
