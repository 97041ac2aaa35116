import ModelFormats
import TensorEngine

/// The rows of a NumPy archive (`.npz`) as examples; the archive is held in memory.
///
/// Features, label and weight are arrays of their names, rows first. Where no array has a feature's name, one array
/// `x`, `X`, `data` or `features` holds all features side by side; a label may be in `y` or `labels`.
public final class NPZExamples {
    private struct Source {
        let values: [Float]
        /// Numbers of a row.
        let width: Int
    }

    public let rowCount: Int
    private let schema: DatasetSchema
    private let features: [Source]
    private let label: [Source]
    private let weight: Source?
    private var row = 0

    /// - Throws: ``DataError`` when the archive cannot be read or does not have the schema's arrays.
    public init(_ path: String, schema: DatasetSchema, limits: DataLimits = .default) throws(DataError) {
        let arrays: [(name: String, tensor: Tensor)]
        do throws(ModelFormatError) {
            var formatLimits = ModelFormatLimits.default
            formatLimits.maximumTotalBytes = min(formatLimits.maximumTotalBytes, limits.maximumFileBytes)
            formatLimits.maximumTensorBytes = min(formatLimits.maximumTensorBytes, limits.maximumFileBytes)
            arrays = try NumPyArchive.read(path, limits: formatLimits)
        } catch {
            let reason: DataError.Reason =
                switch error.reason {
                case .notFound, .unreadable: .unreadable
                case .tooLarge: .tooLarge
                case .unsupported: .unsupported
                default: .malformed
                }
            throw DataError(reason, at: error.location.isEmpty ? path : "\(path): \(error.location)", error.message)
        }
        self.schema = schema
        do throws(DataError) {
            let archive = try Archive(arrays)
            var features: [Source] = []
            if schema.features.allSatisfy({ archive.tensors[$0.name] == nil }) {
                features = [try archive.source(["x", "X", "data", "features"], width: schema.numberCount)]
                guard schema.textCount == 0 else { throw Archive.noText }
            } else {
                for feature in schema.features {
                    guard !feature.kind.isText else { throw Archive.noText }
                    features.append(try archive.source([feature.name], width: feature.kind.numberCount))
                }
            }
            self.features = features
            var label: [Source] = []
            for name in schema.label?.names ?? [] {
                label.append(
                    try archive.source(schema.labelCount == 1 ? [name, "y", "labels"] : [name], width: 1))
            }
            self.label = label
            weight = if let name = schema.weight { try archive.source([name], width: 1) } else { nil }
            rowCount = archive.rowCount
        } catch {
            throw error.inside(path)
        }
    }

    /// The next example, nil at the end.
    /// - Throws: ``DataError`` naming the row and the array.
    public func next() throws(DataError) -> Example? {
        guard row < rowCount else { return nil }
        defer { row += 1 }
        let (schema, index) = (schema, row)
        func values(_ source: Source) -> ArraySlice<Float> {
            source.values[index * source.width..<(index + 1) * source.width]
        }
        let numbers = features.flatMap(values)
        let provenance = Provenance.row(index)
        var found = Example.Label.none
        switch schema.label?.kind {
        case nil: break
        case .numbers: found = .numbers(label.flatMap(values))
        case .classes, .classIndex:
            let number = label.first.map { values($0).first ?? .nan } ?? .nan
            guard let index = Int(exactly: number) else {
                throw DataError(
                    .mismatch, at: "\(provenance): \(schema.label?.names.first ?? "label")",
                    "found \(number), expected an integer")
            }
            found = .index(index)
        }
        return Example(
            numbers: numbers, label: found, weight: weight.map { values($0).first ?? 1 } ?? 1, provenance: provenance)
    }

    private struct Archive {
        var tensors: [String: Tensor] = [:]
        var rowCount = 0

        static let noText = DataError(
            .unsupported, "the schema has words, which NumPy archives hold in a form that is not read here")

        init(_ arrays: [(name: String, tensor: Tensor)]) throws(DataError) {
            for (name, tensor) in arrays {
                guard let rows = tensor.shape.dimensions.first else {
                    throw DataError(.mismatch, at: "array \"\(name)\"", "found a scalar, expected rows")
                }
                tensors[name] = tensor
                if tensors.count == 1 { rowCount = rows }
                guard rows == rowCount else {
                    throw DataError(
                        .mismatch, at: "array \"\(name)\"",
                        "found \(rows) rows, expected \(rowCount) as in \"\(arrays[0].name)\"")
                }
            }
        }

        func source(_ names: [String], width: Int) throws(DataError) -> Source {
            guard let name = names.first(where: { tensors[$0] != nil }), let tensor = tensors[name] else {
                let list = tensors.keys.sorted().map { "\"\($0)\"" }.joined(separator: ", ")
                throw DataError(
                    .missing,
                    "found no array \(names.map { "\"\($0)\"" }.joined(separator: " or ")); there are \(list)")
            }
            let found = tensor.shape.dimensions.dropFirst().reduce(1, *)
            guard found == width else {
                throw DataError(.mismatch, at: "array \"\(name)\"", "found \(found) numbers a row, expected \(width)")
            }
            guard let values = tensor.converted(to: .float32)?.withElements(Float.self, { Array($0) }) else {
                throw DataError(.mismatch, at: "array \"\(name)\"", "found no numbers")
            }
            return Source(values: values, width: width)
        }
    }
}
