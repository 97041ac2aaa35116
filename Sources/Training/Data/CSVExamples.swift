import JSONDocuments

/// The rows of a file of comma-separated values as examples, read in bounded memory.
public final class CSVExamples {
    private enum Column {
        case numbers([Int])
        case integer(Int)
        case text(Int)
    }

    private let schema: DatasetSchema
    private let reader: CSVReader
    /// The columns' names.
    private let names: [String]
    private var columns: [Column] = []
    private var labelColumns: [Int] = []
    private var weightColumn: Int?
    private let missing: Set<String>
    /// Whether a record was read to find the number of columns, but is data.
    private var hasRead: Bool
    private var row = 0

    /// - Throws: ``DataError`` when the file cannot be read or does not have the schema's columns.
    public init(
        _ path: String, schema: DatasetSchema, options: CSVOptions = .init(), limits: DataLimits = .default
    ) throws(DataError) {
        self.schema = schema
        reader = try CSVReader(path, delimiter: options.delimiter, maximumRecordBytes: limits.maximumRecordBytes)
        missing = Set(schema.missingTexts)
        guard try reader.next() else { throw DataError(.missing, at: path, "found no records") }
        let reader = reader
        names = (0..<reader.fieldCount).map { options.hasHeader ? reader.text($0) : String($0) }
        hasRead = !options.hasHeader
        guard Set(names).count == names.count else {
            let twice = names.first { name in names.count { $0 == name } > 1 } ?? ""
            throw DataError(.malformed, at: "\(path): line 1", "the column \(DataError.quoted(twice)) occurs twice")
        }
        do throws(DataError) { try findColumns() } catch { throw error.inside("\(path): line 1") }
    }

    private func findColumns() throws(DataError) {
        let places = Dictionary(names.enumerated().map { ($1, $0) }) { first, _ in first }
        func place(_ name: String) throws(DataError) -> Int {
            if let place = places[name] { return place }
            // An index, where no column has that name.
            if let index = Int(name), names.indices.contains(index) { return index }
            let hint =
                NearestName.nearest(to: name, among: names).map { "; did you mean \(DataError.quoted($0))?" } ?? ""
            throw DataError(
                .missing, "found no column \(DataError.quoted(name)) among \(names.count)\(hint)")
        }
        for name in schema.label?.names ?? [] { labelColumns.append(try place(name)) }
        if let weight = schema.weight { weightColumn = try place(weight) }
        var taken = Set(labelColumns + (weightColumn.map { [$0] } ?? []))
        var open: Int?
        for (index, feature) in schema.features.enumerated() {
            if case .tensor = feature.kind, feature.columns == nil {
                guard open == nil else {
                    throw DataError(
                        .missing, "two tensors have no \"columns\", expected at most one, which takes what is left")
                }
                open = index
                columns.append(.numbers([]))
                continue
            }
            var found: [Int] = []
            for name in feature.columns ?? [feature.name] { found.append(try place(name)) }
            taken.formUnion(found)
            switch feature.kind {
            case .number, .tensor: columns.append(.numbers(found))
            case .integerCategory: columns.append(.integer(found[0]))
            case .category, .text: columns.append(.text(found[0]))
            }
        }
        guard let open else { return }
        let left = names.indices.filter { !taken.contains($0) }
        let feature = schema.features[open]
        guard left.count == feature.kind.numberCount else {
            throw DataError(
                .mismatch,
                "found \(left.count) columns for the tensor \(DataError.quoted(feature.name)), expected "
                    + "\(feature.kind.numberCount)")
        }
        columns[open] = .numbers(left)
    }

    /// The next example, nil at the end.
    /// - Throws: ``DataError`` naming line and column. Reading goes on with the next record, unless the file itself is
    ///   malformed, in which case the same error comes again.
    public func next() throws(DataError) -> Example? {
        if let broken { throw broken }
        do throws(DataError) {
            if !hasRead, try !reader.next() { return nil }
        } catch {
            broken = error
            throw error
        }
        hasRead = false
        row += 1
        do throws(DataError) { return try example() } catch {
            throw error.inside(place)
        }
    }

    /// Where the last example begins, as `iris.csv: line 12`.
    public var place: String { "\(reader.path): line \(reader.recordLine)" }

    /// Why reading cannot go on.
    private var broken: DataError?

    private func example() throws(DataError) -> Example {
        guard reader.fieldCount == names.count else {
            throw DataError(.malformed, "found \(reader.fieldCount) fields, expected \(names.count)")
        }
        var numbers: [Float] = []
        var texts: [String] = []
        numbers.reserveCapacity(schema.numberCount)
        for column in columns {
            switch column {
            case .numbers(let places): for place in places { numbers.append(try number(place)) }
            case .integer(let place):
                let found = try number(place)
                guard found.isNaN || found == found.rounded(), !(abs(found) > ExampleEncoder.largestInteger) else {
                    throw mismatch(place, "an integer of at most 24 bits")
                }
                numbers.append(found)
            case .text(let place): texts.append(missing.contains(reader.text(place)) ? "" : reader.text(place))
            }
        }
        var weight: Float = 1
        if let weightColumn { weight = try number(weightColumn) }
        return Example(numbers: numbers, texts: texts, label: try label(), weight: weight, provenance: .row(row - 1))
    }

    private func label() throws(DataError) -> Example.Label {
        switch schema.label?.kind {
        case nil: return .none
        case .classes: return .name(reader.text(labelColumns[0]))
        case .classIndex:
            let place = labelColumns[0]
            guard let found = reader.number(place), let index = Int(exactly: found) else {
                throw mismatch(place, "a class's index")
            }
            return .index(index)
        case .numbers:
            var numbers: [Float] = []
            for place in labelColumns { numbers.append(try number(place)) }
            return .numbers(numbers)
        }
    }

    /// A number; what is missing is NaN.
    private func number(_ place: Int) throws(DataError) -> Float {
        if reader.isEmpty(place) { return .nan }
        if let number = reader.number(place) {
            guard number.isFinite else { throw mismatch(place, "a number that binary32 holds") }
            return number
        }
        guard missing.contains(reader.text(place)) else { throw mismatch(place, "a number") }
        return .nan
    }

    private func mismatch(_ place: Int, _ expected: String) -> DataError {
        DataError(
            .mismatch, at: "column \(DataError.quoted(names[place]))",
            "found \(DataError.quoted(reader.text(place))), expected \(expected)")
    }
}
