/// How much training data may take; checked as it is read.
public struct DataLimits: Sendable, Hashable {
    /// Rows of a dataset.
    public var maximumRows = 1 << 30
    /// Bytes of a dataset in memory; beyond, it goes to a file where one is given.
    public var maximumMemoryBytes = 256 << 20
    /// Bytes of a dataset file.
    public var maximumFileBytes = 64 << 30
    /// Numbers of one row: numeric columns and the elements of tensors.
    public var maximumColumns = 1 << 20
    /// Bytes of one record: a line of CSV, a topic's record, a row of JSON.
    public var maximumRecordBytes = 16 << 20
    /// Classes of a label.
    public var maximumClasses = 65_536

    public init() {}

    public static let `default` = DataLimits()
}
