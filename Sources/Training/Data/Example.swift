/// Where a row of training data comes from.
public enum Provenance: Sendable, Hashable, CustomStringConvertible {
    /// A row of a file or a list, counted from 0.
    case row(Int)
    /// A topic's record.
    case record(partition: Int32, offset: Int64)

    public var description: String {
        switch self {
        case .row(let row): "row \(row)"
        case .record(let partition, let offset): "partition \(partition), offset \(offset)"
        }
    }

    /// Partition -1 for rows, so that both kinds fit the same fields.
    var fields: (partition: Int32, offset: Int64) {
        switch self {
        case .row(let row): (-1, Int64(row))
        case .record(let partition, let offset): (partition, offset)
        }
    }

    init(partition: Int32, offset: Int64) {
        self = partition < 0 ? .row(Int(offset)) : .record(partition: partition, offset: offset)
    }
}

/// One row of training data, as its source says it; ``ExampleEncoder`` checks it against the schema.
public struct Example: Sendable, Hashable {
    public enum Label: Sendable, Hashable {
        case none
        /// A class by its name.
        case name(String)
        /// A class by its index.
        case index(Int)
        case numbers([Float])
    }

    /// The numbers of the row in the order of the features; NaN where one is missing.
    public var numbers: [Float]
    /// The words and texts in the order of the features.
    public var texts: [String]
    public var label: Label
    public var weight: Float
    public var provenance: Provenance

    public init(
        numbers: [Float], texts: [String] = [], label: Label, weight: Float = 1, provenance: Provenance
    ) {
        self.numbers = numbers
        self.texts = texts
        self.label = label
        self.weight = weight
        self.provenance = provenance
    }
}
