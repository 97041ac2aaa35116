/// Gathers examples in memory and, when they outgrow it, in a file: small datasets stay where they are fast.
public final class DatasetCollector {
    private let schema: DatasetSchema
    private let limits: DataLimits
    private let spillPath: String?
    /// Empty once there is a file.
    private var memory: InMemoryDataset.Builder
    private var file: DatasetFileWriter?

    /// - Parameter spillPath: the file to go to beyond ``DataLimits/maximumMemoryBytes``; nil to refuse what is larger.
    public init(_ schema: DatasetSchema, spillPath: String? = nil, limits: DataLimits = .default) {
        self.schema = schema
        self.spillPath = spillPath
        self.limits = limits
        memory = InMemoryDataset.Builder(schema, limits: limits)
    }

    public var rowCount: Int { file?.rowCount ?? memory.rowCount }

    /// - Throws: ``DataError`` when the example is not what the schema says, a limit is reached or the disk refuses.
    public func append(_ example: Example) throws(DataError) {
        if let file { return try file.append(example) }
        guard let spillPath, memory.byteCount(with: example) > limits.maximumMemoryBytes else {
            return try memory.append(example)
        }
        let writer = try DatasetFileWriter(spillPath, schema: schema, limits: limits)
        for earlier in memory.examples() { try writer.append(earlier) }
        memory = InMemoryDataset.Builder(schema, limits: limits)
        file = writer
        try writer.append(example)
    }

    /// The dataset of all examples.
    /// - Throws: ``DataError`` when too few classes were found or the disk refuses.
    public func finish() throws(DataError) -> any Dataset {
        if let file { return try file.finish() }
        return try InMemoryDataset(memory)
    }
}
