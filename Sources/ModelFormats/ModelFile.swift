import Glibc
public import TensorEngine

/// A model read from a file of any supported format.
public struct ImportedModel: Sendable {
    public let graph: Graph
    public let source: ModelSource
    /// What else the file says, as a bundle's metadata.
    public let metadata: [String: String]

    public init(graph: Graph, source: ModelSource, metadata: [String: String]) {
        self.graph = graph
        self.source = source
        self.metadata = metadata
    }
}

/// Opens models by their content, whatever their names are.
public enum ModelFile {
    private static let supported =
        "supported are ONNX models (.onnx), whole Keras models (.h5, .keras), and folders: model bundles, and Hugging Face "
        + "models (config.json and safetensors)"

    /// Reads in this process. Keras's `.h5` and `.keras` files go through libhdf5, which is known to crash on damaged files; a program
    /// that opens files from strangers does so in a process of its own, as the `millrace` command does.
    /// - Throws: ``ModelFormatError`` naming the file, the place in it, what was found and what was expected.
    public static func open(
        _ path: String, limits: ModelFormatLimits = .default
    ) throws(ModelFormatError) -> ImportedModel {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw ModelFormatError(errno == ENOENT ? .notFound : .unreadable, file: path, systemMessage(errno))
        }
        if status.st_mode & S_IFMT == S_IFDIR { return try openFolder(path, limits: limits) }
        let file = try MappedFile(path, limits: limits)
        guard !file.bytes.isEmpty else { throw ModelFormatError(.truncated, file: path, "the file is empty") }
        if HDF5File.isHDF5(file) {
            let (graph, version) = try KerasImporter.load(path, limits: limits)
            let source = ModelSource(
                framework: "keras", version: version, fileName: lastComponent(path), sha256: file.sha256())
            return ImportedModel(graph: graph, source: source, metadata: [:])
        }
        if isArchive(file) {
            let (graph, version) = try KerasArchive.load(path, limits: limits)
            let source = ModelSource(
                framework: "keras", version: version, fileName: lastComponent(path), sha256: file.sha256())
            return ImportedModel(graph: graph, source: source, metadata: [:])
        }
        if ONNXImporter.isONNX(file) {
            let (graph, version, metadata) = try ONNXImporter.load(file, limits: limits)
            let source = ModelSource(
                framework: "onnx", version: version, fileName: lastComponent(path), sha256: file.sha256())
            return ImportedModel(graph: graph, source: source, metadata: metadata)
        }
        throw ModelFormatError(.unknownFormat, file: path, "found an unknown format; \(supported)")
    }

    /// Whether ``open(_:limits:)`` would hand the file to libhdf5; false also for what it would refuse before.
    package static func needsForeignLibrary(
        _ path: String, limits: ModelFormatLimits = .default
    ) throws(ModelFormatError) -> Bool {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return false }
        let file = try MappedFile(path, limits: limits)
        return HDF5File.isHDF5(file) || isArchive(file)
    }

    /// A zip archive.
    private static func isArchive(_ file: MappedFile) -> Bool { file.starts(with: [0x50, 0x4B, 0x03, 0x04]) }

    private static func openFolder(
        _ path: String, limits: ModelFormatLimits
    ) throws(ModelFormatError) -> ImportedModel {
        var status = stat()
        guard stat("\(path)/\(ModelBundle.manifestName)", &status) == 0 else {
            if stat("\(path)/config.json", &status) == 0 { return try HuggingFaceImporter.load(path, limits: limits) }
            throw ModelFormatError(
                .unknownFormat, file: path, "found a folder without \(ModelBundle.manifestName); \(supported)")
        }
        let bundle = try ModelBundle.load(at: path, verify: true, limits: limits)
        let manifest = bundle.manifest
        let source =
            manifest.source
            ?? ModelSource(
                framework: "millrace", version: "\(Manifest.formatVersion)", fileName: lastComponent(path),
                sha256: bundle.digest)
        return ImportedModel(graph: bundle.graph, source: source, metadata: manifest.metadata)
    }

    private static func lastComponent(_ path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }
}
