public import TensorEngine

/// Rows of features: float32, row-major.
public struct FeatureMatrix: Sendable {
    public let rows: Int
    public let columns: Int
    public let values: [Float]
    /// For error messages.
    public let columnNames: [String]?

    /// Rows and columns that a matrix may have together, as elements: 1 GiB.
    public static let maximumElementCount = 1 << 28

    /// - Throws: ``EarlyModelError`` when there are no rows or columns, or not as many values as they need.
    public init(rows: Int, columns: Int, values: [Float], columnNames: [String]? = nil) throws(EarlyModelError) {
        guard rows >= 1, columns >= 1 else {
            throw EarlyModelError(
                .invalidFeatures, "features", "found \(rows) rows of \(columns) columns, expected at least one of each")
        }
        let (count, overflow) = rows.multipliedReportingOverflow(by: columns)
        guard !overflow, count <= Self.maximumElementCount else {
            throw EarlyModelError(
                .limitExceeded, "features",
                "\(rows) rows of \(columns) columns are more than \(Self.maximumElementCount) numbers")
        }
        guard values.count == count else {
            throw EarlyModelError(
                .invalidFeatures, "features",
                "found \(values.count) numbers, expected \(count) for \(rows) rows of \(columns) columns")
        }
        guard columnNames == nil || columnNames?.count == columns else {
            throw EarlyModelError(
                .invalidFeatures, "features",
                "found \(columnNames?.count ?? 0) names of columns, expected \(columns)")
        }
        (self.rows, self.columns, self.values, self.columnNames) = (rows, columns, values, columnNames)
    }

    /// - Parameter tensor: float32 [rows, columns].
    /// - Throws: ``EarlyModelError`` when it is another.
    public init(_ tensor: Tensor, columnNames: [String]? = nil) throws(EarlyModelError) {
        guard tensor.elementType == .float32, tensor.shape.rank == 2 else {
            throw EarlyModelError(
                .invalidFeatures, "features",
                "found \(tensor.elementType.rawValue) \(tensor.shape), expected float32 [rows, columns]")
        }
        try self.init(
            rows: tensor.shape[0], columns: tensor.shape[1], values: tensor.withElements(Float.self) { Array($0) },
            columnNames: columnNames)
    }

    /// The given rows in the given order.
    /// - Throws: ``EarlyModelError`` for none, or one that is not there.
    public func selecting(rows selection: [Int]) throws(EarlyModelError) -> FeatureMatrix {
        if let missing = selection.first(where: { !(0..<rows).contains($0) }) {
            throw EarlyModelError(.invalidFeatures, "features", "found no row \(missing), expected 0 to \(rows - 1)")
        }
        var selected: [Float] = []
        selected.reserveCapacity(selection.count * columns)
        for row in selection { selected += values[row * columns..<(row + 1) * columns] }
        return try FeatureMatrix(rows: selection.count, columns: columns, values: selected, columnNames: columnNames)
    }

    /// - Throws: ``EarlyModelError`` that names the first row and column that is NaN or infinite.
    func checkFinite() throws(EarlyModelError) {
        let place = values.withUnsafeBufferPointer { values in values.firstIndex { !$0.isFinite } }
        guard let place else { return }
        let column = place % columns
        let name = columnNames.map { " ('\($0[column].prefix(80))')" } ?? ""
        throw EarlyModelError(
            .invalidFeatures, "features",
            "row \(place / columns), column \(column)\(name) is \(values[place]), expected finite numbers")
    }
}
