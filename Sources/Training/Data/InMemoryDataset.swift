/// A dataset in memory.
public final class InMemoryDataset: Dataset {
    public let schema: DatasetSchema
    public let rowCount: Int
    public let digest: String
    private let rows: Rows
    private let featureWidth: Int
    private let labelWidth: Int
    private let textWidth: Int

    struct Rows: Sendable {
        var numbers: [Float] = []
        var labels: [Float] = []
        var weights: [Float] = []
        var provenances: [Provenance] = []
        var texts: [String] = []
        var byteCount = 0
    }

    /// - Throws: ``DataError`` for an example that is not what the schema says.
    public convenience init(
        _ schema: DatasetSchema, examples: some Sequence<Example>, limits: DataLimits = .default
    ) throws(DataError) {
        var builder = Builder(schema, limits: limits)
        for example in examples { try builder.append(example) }
        try self.init(builder)
    }

    init(_ builder: Builder) throws(DataError) {
        let end = try builder.encoder.finish()
        var rows = builder.rows
        if let ranks = end.ranks {
            for index in rows.labels.indices { rows.labels[index] = Float(ranks[Int(rows.labels[index])]) }
        }
        self.rows = rows
        schema = end.schema
        digest = end.digest
        rowCount = builder.encoder.rowCount
        featureWidth = schema.numberCount
        labelWidth = schema.labelCount
        textWidth = schema.textCount
    }

    public func copyFeatures(_ row: Int, into target: UnsafeMutableBufferPointer<Float>) {
        precondition(target.count >= featureWidth, "room for \(target.count) numbers, expected \(featureWidth)")
        rows.numbers.withUnsafeBytes { numbers in
            let bytes = numbers[4 * row * featureWidth..<4 * (row + 1) * featureWidth]
            UnsafeMutableRawBufferPointer(target).copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes))
        }
    }

    public func copyLabel(_ row: Int, into target: UnsafeMutableBufferPointer<Float>) {
        for index in 0..<labelWidth { target[index] = rows.labels[row * labelWidth + index] }
    }

    public func text(_ row: Int, _ index: Int) -> String {
        precondition(index < textWidth, "text \(index) of \(textWidth)")
        return rows.texts[row * textWidth + index]
    }

    public func weight(_ row: Int) -> Float { rows.weights[row] }
    public func provenance(_ row: Int) -> Provenance { rows.provenances[row] }

    /// Takes examples one by one.
    struct Builder {
        fileprivate(set) var encoder: ExampleEncoder
        fileprivate(set) var rows = Rows()

        init(_ schema: DatasetSchema, limits: DataLimits) { encoder = ExampleEncoder(schema, limits: limits) }

        /// - Throws: ``DataError`` when the example is not what the schema says, or memory is at its limit.
        mutating func append(_ example: Example) throws(DataError) {
            let bytes = Self.byteCount(example)
            guard rows.byteCount + bytes <= encoder.limits.maximumMemoryBytes else {
                throw DataError(
                    .tooLarge, at: example.provenance.description,
                    "the rows take more than the \(encoder.limits.maximumMemoryBytes) bytes that are allowed in memory")
            }
            rows.labels += try encoder.encode(example)
            rows.numbers += example.numbers
            rows.weights.append(example.weight)
            rows.provenances.append(example.provenance)
            rows.texts += example.texts
            rows.byteCount += bytes
        }

        var rowCount: Int { encoder.rowCount }

        func byteCount(with example: Example) -> Int { rows.byteCount + Self.byteCount(example) }

        /// What was taken, as it came.
        func examples() -> some Sequence<Example> {
            let schema = encoder.schema
            let (numbers, texts, labels) = (schema.numberCount, schema.textCount, schema.labelCount)
            return (0..<encoder.rowCount).lazy.map { row in
                var label = Example.Label.none
                switch schema.label?.kind {
                case .classes: label = .name(encoder.className(Int(rows.labels[row])))
                case .classIndex: label = .index(Int(rows.labels[row]))
                case .numbers: label = .numbers(Array(rows.labels[row * labels..<(row + 1) * labels]))
                case nil: break
                }
                return Example(
                    numbers: Array(rows.numbers[row * numbers..<(row + 1) * numbers]),
                    texts: Array(rows.texts[row * texts..<(row + 1) * texts]), label: label,
                    weight: rows.weights[row], provenance: rows.provenances[row])
            }
        }

        static func byteCount(_ example: Example) -> Int {
            example.texts.reduce(4 * example.numbers.count + 32) { $0 + 16 + $1.utf8.count }
        }
    }
}
