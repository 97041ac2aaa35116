import CSimdJSON
import Glibc
import JSONDocuments

/// A value inside the scratch parser, valid until its next parse; it must not outlive the decode call.
struct JSONElement {
    let handle: csj_element

    var type: csj_type { csj_element_type(handle) }

    var isNull: Bool { type == .null }

    /// What the value is called in messages.
    var kind: String {
        switch type {
        case .null: "null"
        case .bool: "boolean"
        case .int64, .uint64, .double: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }

    /// The value itself for a scalar, cut to a readable length, else its kind.
    var summary: String {
        switch type {
        case .int64: int64.map(String.init) ?? kind
        case .uint64: uint64.map(String.init) ?? kind
        case .double: double.map(\.description) ?? kind
        case .string: quoted(string ?? "")
        case .bool: bool == true ? "true" : "false"
        case .null, .array, .object: kind
        }
    }

    var bool: Bool? {
        var result = false
        return csj_get_bool(handle, &result) ? result : nil
    }

    var int64: Int64? {
        var result: Int64 = 0
        return csj_get_int64(handle, &result) ? result : nil
    }

    var uint64: UInt64? {
        var result: UInt64 = 0
        return csj_get_uint64(handle, &result) ? result : nil
    }

    /// Integers convert.
    var double: Double? {
        var result = 0.0
        return csj_get_double(handle, &result) ? result : nil
    }

    var utf8: UnsafeRawBufferPointer? {
        var result = csj_string()
        return csj_get_string(handle, &result) ? UnsafeRawBufferPointer(result) : nil
    }

    var string: String? { utf8.map { String(decoding: $0, as: UTF8.self) } }

    /// A string, number or boolean; nil for anything else. Integers beyond `Int64` become reals.
    var scalar: JSONValue? {
        switch type {
        case .bool: bool.map(JSONValue.bool)
        case .int64: int64.map(JSONValue.integer)
        case .uint64, .double: double.map(JSONValue.real)
        case .string: string.map(JSONValue.string)
        case .null, .array, .object: nil
        }
    }

    func member(_ key: StaticString) -> JSONElement? {
        var result = csj_element()
        let found = key.withUTF8Buffer { key in
            key.withMemoryRebound(to: CChar.self) { csj_find_member(handle, $0.baseAddress, $0.count, &result) }
        }
        return found ? JSONElement(handle: result) : nil
    }

    /// The elements of an array in order; nil when this is none.
    var elements: JSONElements? {
        guard type == .array else { return nil }
        var iterator = csj_iterator()
        return csj_iterate(handle, &iterator) ? JSONElements(iterator: iterator) : nil
    }

    /// The members of an object in document order, duplicates included; nil when this is none.
    var members: JSONMembers? {
        guard type == .object else { return nil }
        var iterator = csj_iterator()
        return csj_iterate(handle, &iterator) ? JSONMembers(iterator: iterator) : nil
    }
}

struct JSONElements: Sequence, IteratorProtocol {
    var iterator: csj_iterator

    mutating func next() -> JSONElement? {
        var element = csj_element()
        return csj_next_element(&iterator, &element) ? JSONElement(handle: element) : nil
    }
}

struct JSONMembers: Sequence, IteratorProtocol {
    var iterator: csj_iterator

    mutating func next() -> (key: UnsafeRawBufferPointer, value: JSONElement)? {
        var key = csj_string()
        var value = csj_element()
        guard csj_next_member(&iterator, &key, &value) else { return nil }
        return (UnsafeRawBufferPointer(key), JSONElement(handle: value))
    }
}

extension UnsafeRawBufferPointer {
    fileprivate init(_ text: csj_string) {
        self.init(start: text.bytes, count: text.count)
    }

    static func == (bytes: UnsafeRawBufferPointer, text: StaticString) -> Bool {
        guard bytes.count == text.utf8CodeUnitCount, let start = bytes.baseAddress else {
            return bytes.isEmpty && text.utf8CodeUnitCount == 0
        }
        return memcmp(start, text.utf8Start, bytes.count) == 0
    }

    static func ~= (text: StaticString, bytes: UnsafeRawBufferPointer) -> Bool { bytes == text }
}
