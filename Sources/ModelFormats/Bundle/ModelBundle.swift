import Crypto
import Glibc
import JSONDocuments
public import TensorEngine

/// A model as a folder: `manifest.json`, `graph.json`, `weights.safetensors`. Immutable once written.
///
///     let bundle = ModelBundle(manifest: Manifest(name: "digits", graph: graph, createdAt: now), graph: graph)
///     try bundle.write(to: "models/digits")
///     let same = try ModelBundle.load(at: "models/digits")
///
/// The digest covers every byte that matters: it is the manifest's, and the manifest holds those of the other two.
public struct ModelBundle: Sendable {
    public let manifest: Manifest
    public let graph: Graph
    /// The SHA-256 of the canonical manifest, in lower-case hexadecimal.
    public let digest: String

    static let manifestName = "manifest.json"
    static let graphName = "graph.json"
    static let weightsName = "weights.safetensors"
    /// The files of a bundle, the manifest last.
    package static let fileNames = [weightsName, graphName, manifestName]
    /// How the name of a folder begins in which a bundle is being written.
    package static let temporaryPrefix = ".bundle-"

    /// A bundle of a graph in memory; computes the digests.
    public init(manifest: Manifest, graph: Graph) {
        let content = BundleContent(graph)
        var manifest = manifest
        manifest.inputs = graph.inputs
        manifest.outputs = graph.outputs
        manifest.operatorSetVersion = graph.operatorSetVersion
        manifest.graphSHA256 = sha256(content.graph)
        manifest.weightsSHA256 = content.weightsSHA256()
        self.init(manifest: manifest, checkedGraph: graph)
    }

    private init(manifest: Manifest, checkedGraph graph: Graph) {
        self.manifest = manifest
        self.graph = graph
        self.digest = manifest.digest
    }

    /// Reads a bundle; its tensors are views of the mapped weights file.
    /// - Parameter verify: whether to compare the digests of the graph and the weights, which reads every byte.
    /// - Throws: ``ModelFormatError`` naming the file of the bundle that is missing, malformed or altered.
    public static func load(
        at path: String, verify: Bool = true, limits: ModelFormatLimits = .default
    ) throws(ModelFormatError) -> ModelBundle {
        let json = JSONLimits(
            maximumBytes: limits.maximumJSONBytes, maximumDepth: 128, maximumValues: limits.maximumEntries * 100)
        func document(_ file: MappedFile) throws(ModelFormatError) -> JSONCursor {
            try readingJSON(of: file.path) { () throws(JSONError) -> JSONCursor in
                JSONCursor(try JSONValue(parsing: file.bytes, limits: json), path: "")
            }
        }
        let manifestFile = try MappedFile("\(path)/\(manifestName)", limits: limits)
        let manifestRoot = try document(manifestFile)
        let manifest = try readingJSON(of: manifestFile.path) { () throws(JSONError) -> Manifest in
            try Manifest(reading: manifestRoot)
        }
        let graphFile = try MappedFile("\(path)/\(graphName)", limits: limits)
        let weightsFile = try MappedFile("\(path)/\(weightsName)", limits: limits)
        if verify {
            try check(graphFile, against: manifest.graphSHA256)
            try check(weightsFile, against: manifest.weightsSHA256)
        }
        let tensors = try Safetensors.read(weightsFile, limits: limits)
        let graphRoot = try document(graphFile)
        let graph = try readingJSON(of: graphFile.path) { () throws(JSONError) -> Graph in
            try GraphDecoder(tensors: tensors).decode(graphRoot)
        }
        guard graph.inputs == manifest.inputs, graph.outputs == manifest.outputs,
            graph.operatorSetVersion == manifest.operatorSetVersion
        else {
            throw ModelFormatError(
                .mismatch, file: manifestFile.path,
                "the inputs, outputs or operator set are not those of \(graphName)")
        }
        return ModelBundle(manifest: manifest, checkedGraph: graph)
    }

    private static func check(_ file: MappedFile, against expected: String) throws(ModelFormatError) {
        let found = file.sha256()
        guard found == expected else {
            throw ModelFormatError(
                .digestMismatch, file: file.path, "found the SHA-256 \(found), the manifest says \(expected)")
        }
    }

    /// Writes the bundle as the new folder `path`: whole, or not at all, also when the machine stops meanwhile.
    /// - Throws: ``ModelFormatError`` when something of that name exists or writing fails.
    public func write(to path: String) throws(ModelFormatError) {
        try write(to: path, durably: true)
    }

    /// - Parameter durably: false for a folder that does not outlive the process that reads it: nothing waits for the disk.
    package func write(to path: String, durably: Bool) throws(ModelFormatError) {
        try BundleWriter(path, durably: durably).write(manifest, BundleContent(graph))
    }
}

/// The bytes of a bundle's files but the manifest.
struct BundleContent {
    let graph: [UInt8]
    let weightsHeader: [UInt8]
    let weights: [(name: String, tensor: Tensor)]

    init(_ graph: Graph) {
        var encoder = GraphEncoder()
        self.graph = encoder.encode(graph).serialized(.compact)
        (weightsHeader, weights) = Safetensors.layout(encoder.tensors)
    }

    func weightsSHA256() -> String {
        var hash = SHA256()
        weightsHeader.withUnsafeBytes { hash.update(bufferPointer: $0) }
        for (_, tensor) in weights { tensor.withBytes { hash.update(bufferPointer: $0) } }
        return hexadecimal(hash.finalize())
    }
}
