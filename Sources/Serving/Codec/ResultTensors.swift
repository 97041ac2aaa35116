import Foundation
import JSONDocuments
import KafkaClient
import SwiftProtobuf
import TensorEngine

/// The outputs of a result as numbers, whatever its encoding: JSON, JSON with binary tensors, protobuf or a raw body.
///
/// Integers beyond 2⁵³ are rounded to the nearest `Double`; a string is a number that is the same for the same bytes.
struct ResultTensors: Equatable {
    struct Output: Equatable {
        let name: String
        let datatype: Datatype
        let shape: [Int]
        /// Row-major.
        let elements: [Double]

        /// Nil when there are not as many elements as the shape says.
        init?(_ name: String, _ datatype: String, _ shape: [Int], _ elements: [Double]?) {
            guard let type = Datatype(rawValue: datatype), let elements, let rows = shape.first, rows >= 0 else {
                return nil
            }
            var count = 1
            for extent in shape {
                let (product, overflow) = count.multipliedReportingOverflow(by: extent)
                guard extent >= 0, !overflow else { return nil }
                count = product
            }
            guard count == elements.count else { return nil }
            self.name = name
            self.datatype = type
            self.shape = shape
            self.elements = elements
        }
    }

    let outputs: [Output]

    /// Nil for what holds no outputs: an error, or bytes that are no result.
    init?(_ value: ArraySlice<UInt8>?, _ headers: [KafkaHeader]) {
        guard let value else { return nil }
        func header(_ name: String) -> String? {
            headers.lastValue(named: name).map { String(decoding: $0, as: UTF8.self) }
        }
        let found: [Output]?
        if let name = header(HeaderName.output), let datatype = header(HeaderName.datatype) {
            let extents = (header(HeaderName.shape) ?? "").split(separator: ",").compactMap { Int($0) }
            found = Output(name, datatype, extents, Self.elements(value, datatype)).map { [$0] }
        } else if header(HeaderName.contentType) == MediaType.protobuf {
            found = Self.protobufOutputs(value)
        } else {
            let length = header(HeaderName.inferenceHeaderContentLength).flatMap { Int($0) } ?? value.count
            guard (0...value.count).contains(length),
                let document = try? JSONValue(parsing: Array(value.prefix(length)))
            else { return nil }
            found = try? Self.outputs(JSONCursor(document, path: "result"), binary: value.dropFirst(length))
        }
        guard let found, !found.isEmpty else { return nil }
        outputs = found
    }

    private static func outputs(_ document: JSONCursor, binary: ArraySlice<UInt8>) throws -> [Output]? {
        var binary = binary
        var found: [Output] = []
        for output in try document.member("outputs").elements() {
            let datatype = try output.member("datatype").string()
            let shape = try output.member("shape").elements().map { try $0.integer() }
            let elements: [Double]?
            if let data = try output.optionalMember("data") {
                elements = try data.elements().map { try number($0, datatype) }
            } else {
                let size = max(0, try output.member("parameters").member("binary_data_size").integer())
                elements = self.elements(binary.prefix(size), datatype)
                binary = binary.dropFirst(size)
            }
            guard let made = Output(try output.member("name").string(), datatype, shape, elements) else { return nil }
            found.append(made)
        }
        return found
    }

    /// Rounded to what the element was: the shortest text of a narrower number is another number in double precision.
    private static func number(_ element: JSONCursor, _ datatype: String) throws -> Double {
        if datatype == Datatype.bytes.rawValue { return number(of: try element.string()) }
        let number = try number(element)
        return switch Datatype(rawValue: datatype) {
        case .fp16: Double(Float16(number))
        case .fp32, .bf16: Double(Float(number))
        default: number
        }
    }

    private static func number(_ element: JSONCursor) throws -> Double {
        if let flag = try? element.bool() { return flag ? 1 : 0 }
        // What JSON has no number for is written as text.
        if let text = try? element.string(), let number = Double(text) { return number }
        return try element.number()
    }

    private static func protobufOutputs(_ value: ArraySlice<UInt8>) -> [Output]? {
        guard let message = try? Inference_ModelInferResponse(serializedBytes: Array(value)) else { return nil }
        let raw = message.rawOutputContents
        guard raw.isEmpty || raw.count == message.outputs.count else { return nil }
        var found: [Output] = []
        for (index, output) in message.outputs.enumerated() {
            let elements =
                raw.isEmpty
                ? self.elements(output.contents) : self.elements(ArraySlice(Array(raw[index])), output.datatype)
            guard let made = Output(output.name, output.datatype, output.shape.map { Int($0) }, elements) else {
                return nil
            }
            found.append(made)
        }
        return found
    }

    /// One of the lists has something in it.
    private static func elements(_ contents: Inference_InferTensorContents) -> [Double] {
        contents.boolContents.map { $0 ? 1 : 0 } + contents.intContents.map { Double($0) }
            + contents.int64Contents.map { Double($0) } + contents.uintContents.map { Double($0) }
            + contents.uint64Contents.map { Double($0) } + contents.fp32Contents.map { Double($0) }
            + contents.fp64Contents
            + contents.bytesContents.map { number(of: String(decoding: $0, as: UTF8.self)) }
    }

    /// A digest (FNV-1a) of as many bits as a number holds.
    private static func number(of text: String) -> Double {
        let digest = text.utf8.reduce(UInt64(0xCBF2_9CE4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return Double(digest >> 11)
    }

    /// Strings with their lengths before them; nil when they do not add up.
    static func strings(_ bytes: ArraySlice<UInt8>) -> [String]? {
        var rest = bytes
        var result: [String] = []
        while !rest.isEmpty {
            guard rest.count >= 4 else { return nil }
            let length = rest.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(4)
            guard length <= rest.count else { return nil }
            result.append(String(decoding: rest.prefix(length), as: UTF8.self))
            rest = rest.dropFirst(length)
        }
        return result
    }

    /// Little-endian and row-major. Nil for a datatype that is not known, or half an element.
    private static func elements(_ bytes: ArraySlice<UInt8>, _ datatype: String) -> [Double]? {
        guard let type = Datatype(rawValue: datatype) else { return nil }
        if type == .bytes { return strings(bytes)?.map(number(of:)) }
        let size = max(1, type.elementType.byteCount)
        guard bytes.count.isMultiple(of: size) else { return nil }
        return stride(from: bytes.startIndex, to: bytes.endIndex, by: size).map { start in
            number(bytes[start..<(start + size)].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }, type)
        }
    }

    private static func number(_ bits: UInt64, _ type: Datatype) -> Double {
        switch type {
        case .bool: bits == 0 ? 0 : 1
        case .uint8, .uint16, .uint32, .uint64: Double(bits)
        case .int8: Double(Int8(truncatingIfNeeded: bits))
        case .int16: Double(Int16(truncatingIfNeeded: bits))
        case .int32: Double(Int32(truncatingIfNeeded: bits))
        case .int64: Double(Int64(truncatingIfNeeded: bits))
        case .fp16: Double(Float16(bitPattern: UInt16(truncatingIfNeeded: bits)))
        case .bf16: Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits) << 16))
        case .fp32: Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
        case .fp64: Double(bitPattern: bits)
        // Has no bits: read before.
        case .bytes: 0
        }
    }
}
