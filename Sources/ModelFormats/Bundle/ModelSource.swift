/// Where a model came from.
public struct ModelSource: Sendable, Hashable {
    /// "keras", "onnx", "millrace" for a model trained here.
    public var framework: String
    /// Of the framework that wrote the file.
    public var version: String
    /// The last component of the file's path.
    public var fileName: String
    /// The file's SHA-256 in lower-case hexadecimal.
    public var sha256: String

    public init(framework: String, version: String, fileName: String, sha256: String) {
        self.framework = framework
        self.version = version
        self.fileName = fileName
        self.sha256 = sha256
    }
}
