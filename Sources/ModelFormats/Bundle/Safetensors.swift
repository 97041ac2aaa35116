import JSONDocuments
import TensorEngine

/// The safetensors format (https://huggingface.co/docs/safetensors): an 8-byte little-endian header length, a JSON header
/// of types, shapes and offsets, and the tensors' bytes without gaps.
///
/// Written so that the data begins at a multiple of 64 and the widest elements come first: every tensor is aligned to its
/// elements and can be used where it is mapped.
enum Safetensors {
    static let alignment = 64

    private static let types: [(name: String, type: ElementType)] = [
        ("F64", .float64), ("F32", .float32), ("F16", .float16), ("BF16", .bfloat16), ("I64", .int64), ("I32", .int32),
        ("I16", .int16), ("I8", .int8), ("U64", .uint64), ("U32", .uint32), ("U16", .uint16), ("U8", .uint8),
        ("BOOL", .bool), ("F8_E4M3", .float8e4m3fn), ("F8_E4M3FNUZ", .float8e4m3fnuz), ("F8_E5M2", .float8e5m2),
        ("F8_E5M2FNUZ", .float8e5m2fnuz), ("F8_E8M0", .float8e8m0),
        // The format has no integers of less than eight bits: one byte an element, under names of our own.
        ("X_F4_E2M1", .float4e2m1), ("X_I4", .int4), ("X_U4", .uint4), ("X_I2", .int2), ("X_U2", .uint2),
    ]

    /// Reads all tensors as views of the mapped file.
    static func read(_ file: MappedFile, limits: ModelFormatLimits) throws(ModelFormatError) -> [String: Tensor] {
        let data = try dataStart(file, limits: limits)
        let root = try readingJSON(of: file.path, at: "header") { () throws(JSONError) -> JSONCursor in
            let json = JSONLimits(
                maximumBytes: limits.maximumJSONBytes, maximumDepth: 8, maximumValues: limits.maximumEntries * 12)
            return JSONCursor(try JSONValue(parsing: file.bytes[8..<data], limits: json), path: "")
        }
        var entries: [Entry] = []
        for (name, cursor) in try readingJSON(
            of: file.path, at: "header",
            { () throws(JSONError) -> [(key: String, value: JSONCursor)] in try root.members() })
        where name != "__metadata__" {
            entries.append(try entry(name, cursor, file.path))
        }
        guard entries.count <= limits.maximumEntries else {
            throw ModelFormatError(
                .tooLarge, file: file.path, at: "header",
                "found \(entries.count) tensors, the limit is \(limits.maximumEntries)")
        }
        try checkLayout(&entries, dataBytes: file.bytes.count - data, file.path)
        var result: [String: Tensor] = [:]
        for entry in entries {
            let bytes = UnsafeRawBufferPointer(rebasing: file.bytes[(data + entry.begin)..<(data + entry.end)])
            if entry.type == .bool, bytes.contains(where: { $0 > 1 }) {
                throw ModelFormatError(
                    .malformed, file: file.path, at: "tensor '\(entry.name)'", "a boolean is neither 0 nor 1")
            }
            do {
                result[entry.name] = try Tensor(entry.type, shape: entry.shape, borrowing: bytes, owner: file)
            } catch {
                throw ModelFormatError(
                    .malformed, file: file.path, at: "tensor '\(entry.name)'", error.description)
            }
        }
        return result
    }

    private struct Entry {
        let name: String
        let type: ElementType
        let shape: Shape
        let begin: Int
        let end: Int
    }

    /// Where the data begins, after a header that lies inside the file.
    private static func dataStart(_ file: MappedFile, limits: ModelFormatLimits) throws(ModelFormatError) -> Int {
        guard file.bytes.count >= 8 else {
            throw ModelFormatError(
                .truncated, file: file.path, at: "header", "found \(file.bytes.count) bytes, expected at least 8")
        }
        let length = UInt64(littleEndian: file.bytes.loadUnaligned(as: UInt64.self))
        guard length <= UInt64(limits.maximumJSONBytes) else {
            throw ModelFormatError(
                .tooLarge, file: file.path, at: "header",
                "found a length of \(length) bytes, the limit is \(limits.maximumJSONBytes)")
        }
        guard Int(length) <= file.bytes.count - 8 else {
            throw ModelFormatError(
                .truncated, file: file.path, at: "header",
                "found a length of \(length) bytes, but only \(file.bytes.count - 8) follow")
        }
        return 8 + Int(length)
    }

    private static func entry(_ name: String, _ cursor: JSONCursor, _ file: String) throws(ModelFormatError) -> Entry {
        let place = "tensor '\(name)'"
        let (dtype, extents, begin, end) = try readingJSON(of: file, at: place) {
            () throws(JSONError) -> (String, [Int], Int, Int) in
            let offsets = try cursor.member("data_offsets").elements()
            guard offsets.count == 2 else { throw cursor.failure("data_offsets: found \(offsets.count), expected 2") }
            var extents: [Int] = []
            for extent in try cursor.member("shape").elements() { extents.append(try extent.integer()) }
            return (try cursor.member("dtype").string(), extents, try offsets[0].integer(), try offsets[1].integer())
        }
        guard let type = types.first(where: { $0.name == dtype })?.type else {
            throw ModelFormatError(
                .unsupported, file: file, at: place,
                "dtype '\(dtype)'; supported are \(types.map(\.name).joined(separator: ", "))")
        }
        let shape: Shape
        do { shape = try Shape(extents) } catch {
            throw ModelFormatError(.malformed, file: file, at: place, error.description)
        }
        let (bytes, overflow) = shape.elementCount.multipliedReportingOverflow(by: type.byteCount)
        guard begin >= 0, end >= begin, !overflow, end - begin == bytes else {
            throw ModelFormatError(
                .malformed, file: file, at: place,
                "data_offsets [\(begin), \(end)] do not fit \(shape) of \(dtype)")
        }
        return Entry(name: name, type: type, shape: shape, begin: begin, end: end)
    }

    /// The tensors must cover the data once and leave nothing over.
    private static func checkLayout(
        _ entries: inout [Entry], dataBytes: Int, _ file: String
    ) throws(ModelFormatError) {
        entries.sort { ($0.begin, $0.end, $0.name) < ($1.begin, $1.end, $1.name) }
        var position = 0
        for entry in entries {
            guard entry.begin == position else {
                throw ModelFormatError(
                    .malformed, file: file, at: "tensor '\(entry.name)'",
                    "begins at \(entry.begin), expected \(position): tensors overlap or leave a gap")
            }
            position = entry.end
        }
        guard position == dataBytes else {
            throw ModelFormatError(
                position > dataBytes ? .truncated : .malformed, file: file,
                "found \(dataBytes) bytes of data, the header describes \(position)")
        }
    }

    /// The bytes before the data, and the tensors in the order of their data.
    static func layout(_ tensors: [String: Tensor]) -> (header: [UInt8], order: [(name: String, tensor: Tensor)]) {
        let order = tensors.sorted { left, right in
            (right.value.elementType.byteCount, left.key) < (left.value.elementType.byteCount, right.key)
        }
        var header: [String: JSONValue] = [:]
        var position = 0
        for (name, tensor) in order {
            let dtype = types.first { $0.type == tensor.elementType }?.name ?? tensor.elementType.rawValue
            let end = position + tensor.byteCount
            header[name] = .object([
                "dtype": .string(dtype), "shape": .array(tensor.shape.dimensions.map { .integer(Int64($0)) }),
                "data_offsets": .array([.integer(Int64(position)), .integer(Int64(end))]),
            ])
            position = end
        }
        var json = JSONValue.object(header).serialized(.compact)
        let padding = (alignment - (8 + json.count) % alignment) % alignment
        json += [UInt8](repeating: UInt8(ascii: " "), count: padding)
        let length = UInt64(json.count)
        return ((0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + json, order.map { ($0.key, $0.value) })
    }
}
