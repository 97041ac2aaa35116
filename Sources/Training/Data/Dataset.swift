/// Rows of training data, all of one schema, in memory or in a file. Immutable, shared between threads.
///
/// Row indices are below ``rowCount``; others are programming errors.
public protocol Dataset: Sendable {
    /// The schema, its classes known.
    var schema: DatasetSchema { get }
    var rowCount: Int { get }
    /// SHA-256 in lower-case hexadecimal of the schema and, row by row, the features, label, weight and provenance:
    /// equal for equal rows, in memory and in a file.
    var digest: String { get }

    /// Copies the numbers of a row.
    /// - Precondition: `target` has room for as many as the schema's ``DatasetSchema/numberCount``.
    func copyFeatures(_ row: Int, into target: UnsafeMutableBufferPointer<Float>)
    /// Copies the label: the class's index as a number, or the numbers.
    /// - Precondition: `target` has room for as many as the schema's ``DatasetSchema/labelCount``.
    func copyLabel(_ row: Int, into target: UnsafeMutableBufferPointer<Float>)
    /// A word or text of a row.
    func text(_ row: Int, _ index: Int) -> String
    func weight(_ row: Int) -> Float
    func provenance(_ row: Int) -> Provenance
}

extension Dataset {
    /// Numbers of a row.
    public var featureCount: Int { schema.numberCount }

    /// The index of a row's class.
    /// - Precondition: the label is a class.
    public func classIndex(_ row: Int) -> Int {
        precondition(schema.isClassification, "the label is no class")
        return withUnsafeTemporaryAllocation(of: Float.self, capacity: 1) { buffer in
            copyLabel(row, into: buffer)
            return Int(buffer[0])
        }
    }

    /// The numbers of a row.
    public func features(_ row: Int) -> [Float] {
        let count = featureCount
        return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            copyFeatures(row, into: buffer)
            initialized = count
        }
    }

    /// The numbers of a row's label.
    public func label(_ row: Int) -> [Float] {
        let count = schema.labelCount
        return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            copyLabel(row, into: buffer)
            initialized = count
        }
    }

    /// A row's label as it was when the row was made an example.
    func exampleLabel(_ row: Int) -> Example.Label {
        switch schema.label?.kind {
        case .classes: .name(schema.classNames?[classIndex(row)] ?? "")
        case .classIndex: .index(classIndex(row))
        case .numbers: .numbers(label(row))
        case nil: .none
        }
    }

    /// How many of these rows each class has.
    /// - Precondition: the label is a class.
    public func classCounts(_ rows: some Sequence<Int>) -> [Int] {
        var counts = [Int](repeating: 0, count: schema.classNames?.count ?? 0)
        for row in rows { counts[classIndex(row)] += 1 }
        return counts
    }
}
