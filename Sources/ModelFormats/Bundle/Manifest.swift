public import JSONDocuments
public import TensorEngine

/// `manifest.json` of a model bundle: what the model is, where it came from, and the digests of the files beside it.
public struct Manifest: Sendable, Hashable {
    /// Of the bundle's layout; this code writes and reads 1.
    public static let formatVersion = 1

    public var name: String
    /// The number the registry gave it, if it did.
    public var version: Int?
    public var inputs: [ValueInfo]
    public var outputs: [ValueInfo]
    public var source: ModelSource?
    /// The ONNX operator-set version that the graph's operators follow.
    public var operatorSetVersion: Int
    /// The training request and its lineage, for a model trained here.
    public var training: JSONValue?
    /// Measured values by name, as "accuracy".
    public var metrics: [String: Double]
    public var metadata: [String: String]
    /// RFC 3339, given by whoever made the bundle; nothing here reads a clock.
    public var createdAt: String
    /// Of `graph.json`; set by ``ModelBundle``.
    public internal(set) var graphSHA256: String
    /// Of `weights.safetensors`; set by ``ModelBundle``.
    public internal(set) var weightsSHA256: String

    public init(
        name: String, version: Int? = nil, graph: Graph, source: ModelSource? = nil, training: JSONValue? = nil,
        metrics: [String: Double] = [:], metadata: [String: String] = [:], createdAt: String
    ) {
        self.name = name
        self.version = version
        self.inputs = graph.inputs
        self.outputs = graph.outputs
        self.source = source
        self.operatorSetVersion = graph.operatorSetVersion
        self.training = training
        self.metrics = metrics
        self.metadata = metadata
        self.createdAt = createdAt
        self.graphSHA256 = ""
        self.weightsSHA256 = ""
    }

    /// The bundle's digest: the SHA-256 of the manifest in canonical form (compact JSON, keys sorted).
    public var digest: String { sha256(json.serialized(.compact)) }
}

extension Manifest {
    public var json: JSONValue {
        var members: [String: JSONValue] = [
            "formatVersion": .integer(Int64(Self.formatVersion)),
            "name": .string(name),
            "inputs": .array(inputs.map(GraphCoding.encode)),
            "outputs": .array(outputs.map(GraphCoding.encode)),
            "operatorSetVersion": .integer(Int64(operatorSetVersion)),
            "createdAt": .string(createdAt),
            "graphSHA256": .string(graphSHA256),
            "weightsSHA256": .string(weightsSHA256),
        ]
        if let version { members["version"] = .integer(Int64(version)) }
        if let source {
            members["source"] = .object([
                "framework": .string(source.framework), "version": .string(source.version),
                "fileName": .string(source.fileName), "sha256": .string(source.sha256),
            ])
        }
        if let training { members["training"] = training }
        if !metrics.isEmpty { members["metrics"] = .object(metrics.mapValues { .real($0) }) }
        if !metadata.isEmpty { members["metadata"] = .object(metadata.mapValues { .string($0) }) }
        return .object(members)
    }

    /// - Throws: ``JSONError`` naming the member; unknown members are refused, since the digest would not cover them.
    init(reading root: JSONCursor) throws(JSONError) {
        let format = try root.member("formatVersion")
        guard try format.integer() == Self.formatVersion else {
            throw format.failure("found \(try format.integer()), supported is \(Self.formatVersion)")
        }
        try root.rejectUnknownMembers(allowed: [
            "formatVersion", "name", "version", "inputs", "outputs", "operatorSetVersion", "source", "training",
            "metrics", "metadata", "createdAt", "graphSHA256", "weightsSHA256",
        ])
        name = try root.member("name").string()
        version = try root.optionalMember("version")?.integer()
        inputs = try GraphCoding.decodeValues(root.member("inputs"))
        outputs = try GraphCoding.decodeValues(root.member("outputs"))
        operatorSetVersion = try root.member("operatorSetVersion").integer()
        training = try root.optionalMember("training")?.value
        createdAt = try root.member("createdAt").string()
        graphSHA256 = try root.member("graphSHA256").string()
        weightsSHA256 = try root.member("weightsSHA256").string()
        metrics = [:]
        for (name, value) in try root.optionalMember("metrics")?.members() ?? [] { metrics[name] = try value.number() }
        metadata = [:]
        for (name, value) in try root.optionalMember("metadata")?.members() ?? [] {
            metadata[name] = try value.string()
        }
        source = nil
        if let cursor = try root.optionalMember("source") {
            source = ModelSource(
                framework: try cursor.member("framework").string(), version: try cursor.member("version").string(),
                fileName: try cursor.member("fileName").string(), sha256: try cursor.member("sha256").string())
        }
    }
}
