import Glibc
import JSONDocuments

/// Writes a dataset file, row by row and once; the file appears under its name when it is complete.
public final class DatasetFileWriter {
    private let path: String
    private let layout: DatasetFileLayout
    private var encoder: ExampleEncoder
    private let rows: OutputFile
    /// The texts, until they follow the rows.
    private let texts: OutputFile?
    private var row: [UInt8] = []

    /// - Throws: ``DataError`` when the file cannot be made.
    public init(_ path: String, schema: DatasetSchema, limits: DataLimits = .default) throws(DataError) {
        self.path = path
        layout = DatasetFileLayout(schema)
        encoder = ExampleEncoder(schema, limits: limits)
        rows = try OutputFile("\(path).partial", maximumByteCount: limits.maximumFileBytes)
        texts =
            layout.textCount > 0
            ? try OutputFile("\(path).partial-text", maximumByteCount: limits.maximumFileBytes) : nil
        try rows.write(DatasetFileLayout.magic + DatasetFileLayout.bytes(DatasetFileLayout.version))
    }

    public var rowCount: Int { encoder.rowCount }

    /// - Throws: ``DataError`` when the example is not what the schema says, a limit is reached or the disk refuses.
    public func append(_ example: Example) throws(DataError) {
        let label = try encoder.encode(example)
        row.removeAll(keepingCapacity: true)
        func add(_ value: some FixedWidthInteger) {
            withUnsafeBytes(of: value.littleEndian) { row.append(contentsOf: $0) }
        }
        for number in example.numbers + label + [example.weight] { add(number.bitPattern) }
        let (partition, offset) = example.provenance.fields
        add(partition)
        add(offset)
        if let texts {
            for text in example.texts {
                add(UInt64(texts.byteCount))
                add(UInt64(text.utf8.count))
                try texts.write(Array(text.utf8))
            }
        }
        try rows.write(row)
    }

    /// Completes the file, gives it its name and opens it.
    /// - Throws: ``DataError`` when too few classes were found or the disk refuses.
    public func finish() throws(DataError) -> DatasetFile {
        let end = try encoder.finish()
        let description = DatasetFileLayout.Description(
            schema: end.schema, rowCount: encoder.rowCount, textByteCount: texts?.byteCount ?? 0, ranks: end.ranks,
            digest: end.digest)
        if let texts {
            try rows.write(contentsOf: texts)
            texts.discard()
        }
        let json = description.json.serialized()
        try rows.write(json + DatasetFileLayout.bytes(UInt64(json.count)) + DatasetFileLayout.endMagic)
        try rows.close(renamingTo: path)
        return try DatasetFile(path, limits: encoder.limits)
    }
}
