import JSONDocuments
import KafkaClient
import Logging
import ModelFormats
import ModelRegistry
import Serving
import Synchronization
import TensorEngine
import TestSupport
import Testing

/// A model whose versions answer with different small whole numbers, so that an answer says which weights made it.
struct VersionedModel: Sendable {
    static let name = "linear"
    static let results = "results"
    static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    let folder: TemporaryFolder
    let store: any ArtifactStore

    /// - Parameter gate: what the store waits for before it hands out bundles.
    init(gate: LoadGate? = nil) throws {
        folder = try TemporaryFolder()
        let directory = try DirectoryArtifactStore(root: folder.path)
        store = gate.map { GatedStore(store: directory, gate: $0) } ?? directory
    }

    /// `y[j] = Σ x[i] · (i + j + 100 · version)`
    static func graph(_ version: Int, padding: Int = 0) throws -> Graph {
        let elements = (0..<4).flatMap { row in (0..<3).map { Float(row + $0 + 100 * version) } }
        let weights = Tensor(.float32, shape: try Shape([4, 3])) { buffer in
            buffer.withMemoryRebound(to: Float.self) { _ = $0.update(fromContentsOf: elements) }
        }
        return Graph(
            name: name, operatorSetVersion: 17,
            inputs: [ValueInfo(name: "x", elementType: .float32, dimensions: [.batch, .fixed(4)])],
            outputs: [ValueInfo(name: "y", elementType: .float32, dimensions: [.batch, .fixed(3)])],
            nodes: [Node(name: "product", operatorType: "MatMul", inputs: ["x", "weights"], outputs: ["y"])],
            initializers: ["weights": weights])
    }

    /// Stores a version's bundle.
    func put(_ number: Int, of name: String = Self.name) async throws -> VersionRecord {
        let graph = try Self.graph(number)
        let manifest = Manifest(name: name, version: number, graph: graph, createdAt: "2026-01-01T00:00:00Z")
        let digest = try await store.put(ModelBundle(manifest: manifest, graph: graph))
        return VersionRecord(
            identity: .init(name: name, number: number), digest: digest, weightsSHA256: manifest.weightsSHA256,
            graphSHA256: manifest.graphSHA256)
    }

    // MARK: Requests and answers

    static func request(_ inputs: [[Int]], id: String = "r") -> String {
        let data = inputs.joined().map { "\($0)" }.joined(separator: ",")
        return
            #"{"id":"\#(id)","inputs":[{"name":"x","shape":[\#(inputs.count),4],"datatype":"FP32","data":[\#(data)]}]}"#
    }

    static func expected(_ inputs: [[Int]], version: Int) -> [Double] {
        inputs.flatMap { row in
            (0..<3).map { column in
                Double(row.enumerated().reduce(0) { $0 + $1.element * ($1.offset + column + 100 * version) })
            }
        }
    }

    static func numbers(_ answer: ProducerRecord) throws -> [Double] {
        let document = JSONCursor(try JSONValue(parsing: Array(answer.value ?? [])), path: "result")
        let output = try #require(try document.member("outputs").elements().first)
        return try output.member("data").elements().map { try $0.number() }
    }
}

extension ProducerRecord {
    func text(_ name: String) -> String? {
        headers.first { $0.name == name }?.value.map { String(decoding: $0, as: UTF8.self) }
    }

    var version: Int? { text(RecordHeaderName.version).flatMap { Int($0) } }
    var activation: Int64? { text(RecordHeaderName.activation).flatMap { Int64($0) } }
    var status: String? { text(RecordHeaderName.status) }
    var valueText: String { String(decoding: value ?? [], as: UTF8.self) }
}

/// A registry topic's story, one event an offset.
struct Story: Sendable {
    private(set) var state = RegistryState()
    private(set) var nextOffset: Int64 = 0

    /// - Returns: the event's offset.
    @discardableResult
    mutating func add(_ change: RegistryEvent.Change) -> Int64 {
        state.apply(RegistryEvent(change, time: 0, operatorName: "test"), offset: nextOffset)
        defer { nextOffset += 1 }
        return nextOffset
    }

    @discardableResult
    mutating func promote(_ number: Int, of model: String = VersionedModel.name) -> Int64 {
        add(.aliasSet(model: model, alias: "champion", number: number, previous: nil))
    }
}

/// Holds up the loads of a store until it is opened.
final class LoadGate: Sendable {
    private let isOpen = Mutex(false)

    func open() { isOpen.withLock { $0 = true } }

    func pass() async throws {
        while !isOpen.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(2)) }
    }
}

/// Bundles whose version is above the first are only had through the gate.
struct GatedStore: ArtifactStore {
    let store: DirectoryArtifactStore
    let gate: LoadGate

    var location: String { store.location }
    func put(_ bundle: ModelBundle) async throws -> String { try store.put(bundle) }
    func prepare(digest: String) async throws {
        if try store.load(digest: digest).manifest.version ?? 1 > 1 { try await gate.pass() }
        try store.prepare(digest: digest)
    }
    func load(digest: String) throws -> ModelBundle { try store.load(digest: digest) }
    func entries() async throws -> [ArtifactEntry] { try store.entries() }
    func remove(digest: String) async throws { try store.remove(digest: digest) }
    func removeLeftovers(olderThan age: Duration) async throws -> Int { try store.removeLeftovers(olderThan: age) }
}
