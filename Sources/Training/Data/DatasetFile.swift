import JSONDocuments
import ModelFormats

/// A dataset in a file, memory-mapped: rows are read where they lie, so that it may be larger than memory. Written by
/// ``DatasetFileWriter``.
public final class DatasetFile: Dataset {
    public let path: String
    public let schema: DatasetSchema
    public let rowCount: Int
    public let digest: String
    private let mapping: MappedFile
    private let layout: DatasetFileLayout
    private let ranks: [Float]?
    private let rows: UnsafeRawBufferPointer
    private let texts: UnsafeRawBufferPointer

    /// Opens a file and checks its structure; ``verify()`` checks its content.
    /// - Throws: ``DataError``.
    public init(_ path: String, limits: DataLimits = .default) throws(DataError) {
        self.path = path
        do throws(ModelFormatError) {
            mapping = try MappedFile(path, maximumByteCount: limits.maximumFileBytes)
        } catch {
            throw DataError(error.reason == .tooLarge ? .tooLarge : .unreadable, at: path, error.message)
        }
        let bytes = mapping.bytes
        let (header, trailer) = (DatasetFileLayout.headerByteCount, DatasetFileLayout.trailerByteCount)
        guard bytes.count >= header + trailer, bytes.starts(with: DatasetFileLayout.magic),
            bytes.suffix(8).elementsEqual(DatasetFileLayout.endMagic)
        else { throw DataError(.malformed, at: path, "found no complete dataset file") }
        let version = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        guard version == DatasetFileLayout.version else {
            throw DataError(.unsupported, at: path, "found version \(version), expected \(DatasetFileLayout.version)")
        }
        let end = bytes.count - trailer
        let length = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: end, as: UInt64.self))
        guard length <= UInt64(min(end - header, DatasetFileLayout.maximumDescriptionByteCount)) else {
            throw DataError(.malformed, at: path, "found a description of \(length) bytes, more than there are")
        }
        let start = end - Int(length)
        let description: DatasetFileLayout.Description
        do throws(JSONError) {
            description = try DatasetFileLayout.Description(
                JSONCursor(try JSONValue(parsing: bytes[start..<end])), limits: limits)
        } catch {
            throw DataError(error, .malformed).inside(path)
        }
        layout = DatasetFileLayout(description.schema)
        let (rowBytes, overflow) = layout.rowByteCount.multipliedReportingOverflow(by: description.rowCount)
        guard !overflow, rowBytes <= start - header, start - header - rowBytes == description.textByteCount else {
            throw DataError(
                .malformed, at: path,
                "found \(start - header) bytes of data, expected \(description.rowCount) rows of "
                    + "\(layout.rowByteCount) and \(description.textByteCount) of text")
        }
        schema = description.schema
        rowCount = description.rowCount
        digest = description.digest
        ranks = description.ranks?.map { Float($0) }
        rows = UnsafeRawBufferPointer(rebasing: bytes[header..<header + rowBytes])
        texts = UnsafeRawBufferPointer(rebasing: bytes[header + rowBytes..<start])
        try checkRows()
    }

    /// Texts lie inside the file, and class numbers are those of classes.
    private func checkRows() throws(DataError) {
        let classCount = schema.classNames?.count
        guard layout.textCount > 0 || classCount != nil else { return }
        for row in 0..<rowCount {
            for index in 0..<layout.textCount {
                let (start, length) = textRange(row, index)
                guard start <= UInt64(texts.count), length <= UInt64(texts.count) - start else {
                    throw DataError(.malformed, at: path, "row \(row): text \(index) lies outside of the file")
                }
            }
            if let classCount {
                let code = rows.loadUnaligned(fromByteOffset: place(row) + layout.labelStart, as: Float.self)
                guard code >= 0, code < Float(classCount), code == code.rounded() else {
                    throw DataError(.malformed, at: path, "row \(row): found \(code), expected a class's number")
                }
            }
        }
    }

    /// Reads every byte and compares the digest.
    /// - Throws: ``DataError`` when the rows are not those that were written.
    public func verify() throws(DataError) {
        // The schema as it was when the first row was written.
        var written = schema
        if ranks != nil { written.label?.kind = .classes(nil) }
        let all = DataLimits()
        var limits = all
        limits.maximumRows = max(all.maximumRows, rowCount)
        var encoder = ExampleEncoder(written, limits: limits)
        for row in 0..<rowCount { _ = try encoder.encode(example(row)) }
        let found = try encoder.finish().digest
        guard found == digest else {
            throw DataError(.malformed, at: path, "found rows of digest \(found), expected \(digest)")
        }
    }

    private func place(_ row: Int) -> Int {
        precondition(row >= 0 && row < rowCount, "row \(row) of \(rowCount)")
        return row * layout.rowByteCount
    }

    public func copyFeatures(_ row: Int, into target: UnsafeMutableBufferPointer<Float>) {
        copy(place(row), layout.featureCount, target)
    }

    public func copyLabel(_ row: Int, into target: UnsafeMutableBufferPointer<Float>) {
        copy(place(row) + layout.labelStart, layout.labelCount, target)
        if let ranks, layout.labelCount == 1 { target[0] = ranks[Int(target[0])] }
    }

    private func copy(_ start: Int, _ count: Int, _ target: UnsafeMutableBufferPointer<Float>) {
        precondition(target.count >= count, "room for \(target.count) numbers, expected \(count)")
        UnsafeMutableRawBufferPointer(target).copyMemory(
            from: UnsafeRawBufferPointer(rebasing: rows[start..<start + 4 * count]))
    }

    private func textRange(_ row: Int, _ index: Int) -> (start: UInt64, length: UInt64) {
        precondition(index >= 0 && index < layout.textCount, "text \(index) of \(layout.textCount)")
        let start = place(row) + layout.textStart + 16 * index
        return (
            UInt64(littleEndian: rows.loadUnaligned(fromByteOffset: start, as: UInt64.self)),
            UInt64(littleEndian: rows.loadUnaligned(fromByteOffset: start + 8, as: UInt64.self))
        )
    }

    public func text(_ row: Int, _ index: Int) -> String {
        let (start, length) = textRange(row, index)
        return String(decoding: texts[Int(start)..<Int(start + length)], as: UTF8.self)
    }

    public func weight(_ row: Int) -> Float {
        rows.loadUnaligned(fromByteOffset: place(row) + layout.weightStart, as: Float.self)
    }

    public func provenance(_ row: Int) -> Provenance {
        let start = place(row)
        return Provenance(
            partition: rows.loadUnaligned(fromByteOffset: start + layout.partitionStart, as: Int32.self),
            offset: rows.loadUnaligned(fromByteOffset: start + layout.offsetStart, as: Int64.self))
    }

    private func example(_ row: Int) -> Example {
        Example(
            numbers: features(row), texts: (0..<layout.textCount).map { text(row, $0) }, label: exampleLabel(row),
            weight: weight(row), provenance: provenance(row))
    }
}

/// `UnsafeRawBufferPointer` is not `Sendable`; what these point to is immutable and lives as long as the mapping.
extension DatasetFile: @unchecked Sendable {}
