import JSONDocuments
import KafkaClient
import Logging
import ModelFormats
import ModelRegistry
import Serving
import TensorEngine
import TestSupport
import Testing

/// Requests for a model whose outputs are small whole numbers, so that every answer is known exactly.
struct LinearLoad: Sendable {
    static let model = "linear"
    static let results = "results"
    static let deadLetterSuffix = "-dlt"
    static let requestCount = 3000
    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    static let encoder = AnswerEncoder(
        codec: RequestCodec(),
        routing: AnswerRouting(
            resultsTopic: results, resultsPartitionCount: 6, deadLetterSuffix: deadLetterSuffix, applicationID: "test",
            maximumResultBytes: 900_000))
    /// `outputs[j] = Σ inputs[i] · weights[i][j]`.
    private static let weights = (0..<4).map { row in (0..<3).map { column in (row + 1) * (column + 2) - 5 } }

    let graph: Graph

    init() throws {
        let elements = Self.weights.joined().map { Float($0) }
        let weights = Tensor(.float32, shape: try Shape([4, 3])) { buffer in
            buffer.withMemoryRebound(to: Float.self) { _ = $0.update(fromContentsOf: elements) }
        }
        graph = Graph(
            name: Self.model, operatorSetVersion: 17,
            inputs: [ValueInfo(name: "x", elementType: .float32, dimensions: [.batch, .fixed(4)])],
            outputs: [ValueInfo(name: "y", elementType: .float32, dimensions: [.batch, .fixed(3)])],
            nodes: [Node(name: "product", operatorType: "MatMul", inputs: ["x", "weights"], outputs: ["y"])],
            initializers: ["weights": weights])
    }

    func makeRegistry(_ folder: TemporaryFolder, _ pool: ComputePool) async throws -> Registry {
        let store = try DirectoryArtifactStore(root: folder.path)
        let manifest = Manifest(name: Self.model, version: 1, graph: graph, createdAt: "2026-01-01T00:00:00Z")
        let digest = try store.put(ModelBundle(manifest: manifest, graph: graph))
        let registry = Registry(store: store, logger: Self.logger)
        // Few sizes are warmed up, so that the threads meet over the others' plans.
        try await registry.load(
            ModelVersion(identity: .init(name: Self.model, number: 1), digest: digest), warmUpRows: 1, on: pool)
        return registry
    }

    // MARK: Requests, each known by its number

    private enum Kind: Equatable {
        case rows(Int)
        case notJSON
        case unknownInput
    }

    private static func kind(of number: Int) -> Kind {
        switch number % 40 {
        case 7: .notJSON
        case 13: .unknownInput
        // More than a batch: split and joined again.
        case 21: .rows(16 * 2 + 5)
        default: .rows(1 + number % 4)
        }
    }

    private static func inputs(_ number: Int, row: Int) -> [Int] { [number % 50, row, number / 50, 1] }

    func append(_ number: Int, to broker: MemoryBroker, _ random: inout SplitMix64) {
        let value: String
        switch Self.kind(of: number) {
        case .notJSON: value = "not json \(number)"
        case .unknownInput: value = Self.body(number, input: "z", rows: 1)
        case .rows(let count): value = Self.body(number, input: "x", rows: count)
        }
        guard let partition = broker.partitions.randomElement(using: &random) else { return }
        broker.append(to: partition, key: "\(number)", value: value, headers: [])
    }

    private static func body(_ number: Int, input: String, rows: Int) -> String {
        let data = (0..<rows).flatMap { inputs(number, row: $0) }.map { "\($0)" }.joined(separator: ",")
        return #"{"id":"\#(number)","inputs":[{"name":"\#(input)","shape":[\#(rows),4],"datatype":"FP32","#
            + #""data":[\#(data)]}]}"#
    }

    // MARK: Audit

    /// Every request has one result, in offset order within its partition, with its key and the right numbers; what was no
    /// request has one dead letter; and there is nothing else.
    func audit(log: [TopicPartition: [KafkaRecord]], answers: [ProducerRecord]) throws {
        var results: [TopicPartition: [ProducerRecord]] = [:]
        var deadLetters: [String: Int] = [:]
        for answer in answers {
            if answer.topic == Self.results {
                let partition = try #require(answer.partition)
                results[TopicPartition(topic: "requests", partition: partition), default: []].append(answer)
            } else {
                #expect(answer.topic == "requests" + Self.deadLetterSuffix)
                deadLetters[text(answer.value), default: 0] += 1
            }
        }
        var wrong: [String] = []
        var unreadable = 0
        for (partition, records) in log {
            let found = results[partition, default: []].map { header(RecordHeaderName.eventID, of: $0) ?? "" }
            let expected = records.map { "\(partition.topic)/\(partition.partition)/\($0.offset)" }
            #expect(
                found == expected,
                "\(partition): \(found.count) results of \(expected.count) requests, \(Set(found).count) different")
            for (record, answer) in zip(records, results[partition, default: []]) {
                let number = try #require(Int(text(record.key)))
                if Self.kind(of: number) == .notJSON {
                    unreadable += 1
                    if deadLetters[text(record.value)] != 1 { wrong.append("dead letters of request \(number)") }
                }
                if text(answer.key) != text(record.key) { wrong.append("key of request \(number)") }
                if try !isRight(answer, number) { wrong.append("request \(number): \(text(answer.value))") }
            }
        }
        #expect(log.values.reduce(0) { $0 + $1.count } == Self.requestCount)
        #expect(wrong.isEmpty, "\(wrong.count) wrong: \(wrong.prefix(5))")
        #expect(deadLetters.count == unreadable)
    }

    private func isRight(_ answer: ProducerRecord, _ number: Int) throws -> Bool {
        let status = header(RecordHeaderName.status, of: answer)
        switch Self.kind(of: number) {
        case .notJSON: return status == "MALFORMED_REQUEST"
        case .unknownInput: return status == "INVALID_INPUT"
        case .rows(let count):
            guard status == "ok" else { return false }
            let document = JSONCursor(try JSONValue(parsing: Array(answer.value ?? [])), path: "result")
            let output = try #require(try document.member("outputs").elements().first)
            let expected = (0..<count).flatMap { row in
                (0..<3).map { column in
                    zip(Self.inputs(number, row: row), Self.weights).reduce(0) { $0 + $1.0 * $1.1[column] }
                }
            }
            return try output.member("data").elements().map { try $0.number() } == expected.map(Double.init)
        }
    }

    private func text(_ bytes: ArraySlice<UInt8>?) -> String { String(decoding: bytes ?? [], as: UTF8.self) }

    private func header(_ name: String, of record: ProducerRecord) -> String? {
        record.headers.first { $0.name == name }?.value.map { text($0) }
    }
}
