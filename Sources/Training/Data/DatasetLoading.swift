public import JSONDocuments

/// Reads whole sources into datasets, leaving out what is bad as the policy says.
public enum DatasetLoading {
    /// A file of comma-separated values.
    /// - Throws: ``DataError``.
    public static func csv(
        _ path: String, schema: DatasetSchema, options: CSVOptions = .init(), policy: PoisonPolicy = .refuse,
        spillPath: String? = nil, limits: DataLimits = .default, positions: ArchivedPositions? = nil
    ) throws(DataError) -> (dataset: any Dataset, poison: PoisonRecords) {
        let source = try CSVExamples(path, schema: schema, options: options, limits: limits)
        return try collect(schema, policy, spillPath, limits, positions, place: { source.place }) {
            () throws(DataError) in
            try source.next()
        }
    }

    /// A file of JSON objects, one a line, as ``RecordDecoder`` reads them.
    /// - Throws: ``DataError``.
    public static func jsonLines(
        _ path: String, schema: DatasetSchema, policy: PoisonPolicy = .refuse, spillPath: String? = nil,
        limits: DataLimits = .default, positions: ArchivedPositions? = nil
    ) throws(DataError) -> (dataset: any Dataset, poison: PoisonRecords) {
        let source = try JSONLinesExamples(path, schema: schema, limits: limits)
        return try collect(schema, policy, spillPath, limits, positions, place: { source.place }) {
            () throws(DataError) in
            try source.next()
        }
    }

    /// A NumPy archive.
    /// - Throws: ``DataError``.
    public static func npz(
        _ path: String, schema: DatasetSchema, policy: PoisonPolicy = .refuse, spillPath: String? = nil,
        limits: DataLimits = .default, positions: ArchivedPositions? = nil
    ) throws(DataError) -> (dataset: any Dataset, poison: PoisonRecords) {
        let source = try NPZExamples(path, schema: schema, limits: limits)
        return try collect(schema, policy, spillPath, limits, positions) { () throws(DataError) in try source.next() }
    }

    /// An array of objects, as ``RecordDecoder`` reads them.
    /// - Throws: ``DataError`` with the path of what is wrong.
    public static func rows(
        _ json: JSONCursor, schema: DatasetSchema, policy: PoisonPolicy = .refuse, limits: DataLimits = .default
    ) throws(DataError) -> (dataset: any Dataset, poison: PoisonRecords) {
        let rows: [JSONCursor]
        do throws(JSONError) { rows = try json.elements() } catch { throw DataError(error) }
        let decoder = RecordDecoder(schema, limits: limits)
        var index = 0
        return try collect(schema, policy, nil, limits) { () throws(DataError) in
            guard index < rows.count else { return nil }
            defer { index += 1 }
            return try decoder.decode(rows[index], provenance: .row(index))
        }
    }

    /// Whatever `next` yields, up to nil.
    /// - Parameters:
    ///   - positions: the rows' own, where they were a topic's records.
    ///   - place: where the last example comes from, for errors.
    static func collect(
        _ schema: DatasetSchema, _ policy: PoisonPolicy, _ spillPath: String?, _ limits: DataLimits,
        _ positions: ArchivedPositions? = nil, place: () -> String = { "" }, _ next: () throws(DataError) -> Example?
    ) throws(DataError) -> (dataset: any Dataset, poison: PoisonRecords) {
        let collector = DatasetCollector(schema, spillPath: spillPath, limits: limits)
        var poison = PoisonRecords(policy)
        while true {
            do throws(DataError) {
                guard var example = try next() else { break }
                if let positions { example.provenance = positions.provenance(collector.rowCount) ?? example.provenance }
                do throws(DataError) { try collector.append(example) } catch { throw error.inside(place()) }
            } catch {
                try poison.record(error)
            }
        }
        guard collector.rowCount > 0 else {
            throw DataError(.tooFewRows, "found no rows, \(poison.count) bad ones were skipped")
        }
        if let positions, collector.rowCount != positions.count {
            throw DataError(
                .mismatch, "found \(collector.rowCount) rows, expected \(positions.count): one for each offset")
        }
        return (try collector.finish(), poison)
    }
}
