import JSONDocuments
import KafkaClient
import TensorEngine

/// Finds the first place at which the values of two results differ: the output and the element where they are tensors.
enum ValueDifference {
    static func first(
        _ recomputed: ArraySlice<UInt8>?, _ recomputedHeaders: [KafkaHeader], _ recorded: ArraySlice<UInt8>?,
        _ recordedHeaders: [KafkaHeader]
    ) -> ResultDifference.Field {
        let (own, other) = (Tensors(recomputed, recomputedHeaders), Tensors(recorded, recordedHeaders))
        if let own, let other, let field = firstElement(own, other) { return field }
        return firstByte(recomputed ?? [], recorded ?? [])
    }

    private static func firstElement(_ recomputed: Tensors, _ recorded: Tensors) -> ResultDifference.Field? {
        guard recomputed.outputs.count == recorded.outputs.count else { return nil }
        for (index, (own, other)) in zip(recomputed.outputs, recorded.outputs).enumerated() {
            guard own.name == other.name, own.datatype == other.datatype, own.elements.count == other.elements.count
            else { return nil }
            for position in own.elements.indices where own.elements[position] != other.elements[position] {
                return .init(
                    "outputs[\(index)] \"\(own.name)\", element \(position)", recorded: other.elements[position],
                    recomputed: own.elements[position])
            }
        }
        return nil
    }

    private static func firstByte(_ recomputed: ArraySlice<UInt8>, _ recorded: ArraySlice<UInt8>)
        -> ResultDifference.Field
    {
        let position = zip(recomputed, recorded).enumerated().first { $0.element.0 != $0.element.1 }?.offset
        guard let position else {
            return .init("value's length", recorded: "\(recorded.count) bytes", recomputed: "\(recomputed.count) bytes")
        }
        func byte(_ bytes: ArraySlice<UInt8>) -> String { "0x" + hex(UInt64(bytes[bytes.startIndex + position]), 2) }
        return .init("value, byte \(position)", recorded: byte(recorded), recomputed: byte(recomputed))
    }

    fileprivate static func hex(_ bits: UInt64, _ digits: Int) -> String {
        let text = String(bits, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}

/// The outputs of a result in JSON, in JSON with binary tensors, or as a raw body; every element as text that shows its
/// bits.
private struct Tensors {
    struct Output {
        let name: String
        let datatype: String
        let elements: [String]
    }

    let outputs: [Output]

    /// Nil for what is none of these: protobuf, an error.
    init?(_ value: ArraySlice<UInt8>?, _ headers: [KafkaHeader]) {
        guard let value else { return nil }
        func header(_ name: String) -> String? {
            headers.lastValue(named: name).map { String(decoding: $0, as: UTF8.self) }
        }
        if let name = header(HeaderName.output), let datatype = header(HeaderName.datatype) {
            guard let elements = Self.elements(value, datatype) else { return nil }
            outputs = [Output(name: name, datatype: datatype, elements: elements)]
            return
        }
        let length = header(HeaderName.inferenceHeaderContentLength).flatMap { Int($0) } ?? value.count
        guard (0...value.count).contains(length),
            let document = try? JSONValue(parsing: Array(value.prefix(length))),
            let found = try? Self.outputs(JSONCursor(document, path: "result"), binary: value.dropFirst(length))
        else { return nil }
        outputs = found
    }

    private static func outputs(_ document: JSONCursor, binary: ArraySlice<UInt8>) throws -> [Output] {
        var binary = binary
        return try document.member("outputs").elements().map { output in
            let name = try output.member("name").string()
            let datatype = try output.member("datatype").string()
            if let data = try output.optionalMember("data") {
                let elements = try data.elements().map { element in try text(of: element, datatype) }
                return Output(name: name, datatype: datatype, elements: elements)
            }
            let size = max(0, try output.member("parameters").member("binary_data_size").integer())
            let part = binary.prefix(size)
            binary = binary.dropFirst(size)
            return Output(name: name, datatype: datatype, elements: elements(part, datatype) ?? [])
        }
    }

    private static func text(of element: JSONCursor, _ datatype: String) throws -> String {
        switch datatype {
        case "FP32":
            let number = Float(try element.number())
            return "\(number) (0x\(ValueDifference.hex(UInt64(number.bitPattern), 8)))"
        case "FP64":
            let number = try element.number()
            return "\(number) (0x\(ValueDifference.hex(number.bitPattern, 16)))"
        default: return String(decoding: element.value.serialized(.compact), as: UTF8.self)
        }
    }

    /// Little-endian and row-major.
    private static func elements(_ bytes: ArraySlice<UInt8>, _ datatype: String) -> [String]? {
        guard let type = Datatype(rawValue: datatype) else { return nil }
        if type == .bytes { return ResultTensors.strings(bytes)?.map(quoted) }
        let size = max(1, type.elementType.byteCount)
        return stride(from: bytes.startIndex, to: bytes.endIndex - size + 1, by: size).map { start in
            let bits = bytes[start..<(start + size)].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            let text = "0x\(ValueDifference.hex(bits, 2 * size))"
            return switch type {
            case .fp32: "\(Float(bitPattern: UInt32(truncatingIfNeeded: bits))) (\(text))"
            case .fp64: "\(Double(bitPattern: bits)) (\(text))"
            default: text
            }
        }
    }
}
