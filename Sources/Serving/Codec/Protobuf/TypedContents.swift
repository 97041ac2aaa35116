import FoundationEssentials
import TensorEngine

/// The `contents` of an input: the elements in the field that fits the datatype.
struct TypedContents {
    private let message: Inference_InferTensorContents?
    private let path: String

    init(_ message: Inference_InferTensorContents?, _ path: String) {
        self.message = message
        self.path = path
    }

    /// - Throws: ``DecodeFailure`` when the elements are in another field, too few, too many or out of range.
    func tensor(_ datatype: Datatype, _ shape: Shape) throws(DecodeFailure) -> Tensor {
        guard let field = datatype.contentsField else {
            throw .invalid(
                "\(path): \(datatype.rawValue) has no typed contents, expected raw_input_contents")
        }
        guard let message else {
            // Nothing to send is no contents for many clients.
            guard shape.elementCount > 0 else { return Tensor(zeros: datatype.elementType, shape: shape) }
            throw .malformed("\(path): missing")
        }
        if let other = Self.filled(message).first(where: { $0.field != field.rawValue }) {
            throw .invalid(
                "\(path).\(other.field): found \(other.count) elements, expected none: \(datatype.rawValue) is in "
                    + field.rawValue)
        }
        switch datatype {
        case .bool: return try copy(message.boolContents, field, shape)
        case .int8: return try narrow(message.intContents, Int8.self, datatype, field, shape)
        case .int16: return try narrow(message.intContents, Int16.self, datatype, field, shape)
        case .int32: return try copy(message.intContents, field, shape)
        case .int64: return try copy(message.int64Contents, field, shape)
        case .uint8: return try narrow(message.uintContents, UInt8.self, datatype, field, shape)
        case .uint16: return try narrow(message.uintContents, UInt16.self, datatype, field, shape)
        case .uint32: return try copy(message.uintContents, field, shape)
        case .uint64: return try copy(message.uint64Contents, field, shape)
        // FP16 and BF16 have no field and do not come here.
        case .fp32, .fp16, .bf16: return try copy(message.fp32Contents, field, shape)
        case .fp64: return try copy(message.fp64Contents, field, shape)
        // Read by ``texts(_:)``.
        case .bytes: throw .invalid("\(path): strings are no numbers")
        }
    }

    /// The strings of an input of `BYTES`.
    /// - Throws: ``DecodeFailure`` when the elements are in another field, too few, too many or not UTF-8.
    func texts(_ shape: Shape) throws(DecodeFailure) -> [String] {
        let field = ContentsField.bytes.rawValue
        guard let message else {
            guard shape.elementCount > 0 else { return [] }
            throw .malformed("\(path): missing")
        }
        if let other = Self.filled(message).first(where: { $0.field != field }) {
            throw .invalid("\(path).\(other.field): found \(other.count) elements, expected none: BYTES is in \(field)")
        }
        let elements = message.bytesContents
        guard elements.count == shape.elementCount else {
            throw .invalid(
                "\(path).\(field): found \(elements.count) strings, expected \(shape.elementCount) for shape \(shape)")
        }
        var result: [String] = []
        for (index, element) in elements.enumerated() {
            guard let text = String(validating: element, as: UTF8.self) else {
                throw .invalid("\(path).\(field)[\(index)]: not UTF-8")
            }
            result.append(text)
        }
        return result
    }

    func refuseBesidesRaw() throws(DecodeFailure) {
        guard let message, let (field, count) = Self.filled(message).first else { return }
        throw .malformed(
            "\(path).\(field): found \(count) elements, expected none besides raw_input_contents")
    }

    /// The fields that have elements.
    private static func filled(_ message: Inference_InferTensorContents) -> [(field: String, count: Int)] {
        [
            ("bool_contents", message.boolContents.count), ("int_contents", message.intContents.count),
            ("int64_contents", message.int64Contents.count), ("uint_contents", message.uintContents.count),
            ("uint64_contents", message.uint64Contents.count), ("fp32_contents", message.fp32Contents.count),
            ("fp64_contents", message.fp64Contents.count), ("bytes_contents", message.bytesContents.count),
        ].filter { $0.1 > 0 }
    }

    private func copy<Element: TensorElement>(
        _ elements: [Element], _ field: ContentsField, _ shape: Shape
    ) throws(DecodeFailure) -> Tensor {
        try checkCount(elements.count, field, shape)
        do throws(TensorError) {
            return try Tensor(shape: shape, elements: elements)
        } catch {
            throw .invalid("\(path).\(field.rawValue): \(error)")
        }
    }

    private func narrow<Wide: FixedWidthInteger, Element: TensorElement & FixedWidthInteger>(
        _ elements: [Wide], _ type: Element.Type, _ datatype: Datatype, _ field: ContentsField, _ shape: Shape
    ) throws(DecodeFailure) -> Tensor {
        try checkCount(elements.count, field, shape)
        var misfit: Int?
        let tensor = Tensor(datatype.elementType, shape: shape) { buffer in
            let target = buffer.bindMemory(to: Element.self)
            for (index, element) in elements.enumerated() {
                target[index] = Element(truncatingIfNeeded: element)
                if misfit == nil, Wide(truncatingIfNeeded: target[index]) != element { misfit = index }
            }
        }
        if let misfit {
            throw .invalid(
                "\(path).\(field.rawValue)[\(misfit)]: found \(elements[misfit]), expected \(datatype.expectation)")
        }
        return tensor
    }

    /// Before the tensor is allocated.
    private func checkCount(_ count: Int, _ field: ContentsField, _ shape: Shape) throws(DecodeFailure) {
        guard count == shape.elementCount else {
            throw .invalid(
                "\(path).\(field.rawValue): found \(count) numbers, expected \(shape.elementCount) for shape \(shape)")
        }
    }
}

/// The fields of `InferTensorContents` that hold served datatypes.
enum ContentsField: String {
    case bool = "bool_contents"
    case int = "int_contents"
    case int64 = "int64_contents"
    case uint = "uint_contents"
    case uint64 = "uint64_contents"
    case fp32 = "fp32_contents"
    case fp64 = "fp64_contents"
    case bytes = "bytes_contents"
}

extension Datatype {
    /// Nil for the datatypes that the protocol sends raw only.
    var contentsField: ContentsField? {
        switch self {
        case .bool: .bool
        case .int8, .int16, .int32: .int
        case .int64: .int64
        case .uint8, .uint16, .uint32: .uint
        case .uint64: .uint64
        case .fp32: .fp32
        case .fp64: .fp64
        case .bytes: .bytes
        case .fp16, .bf16: nil
        }
    }
}

extension Inference_InferTensorContents {
    /// The elements of a tensor; none for FP16 and BF16.
    init(_ tensor: Tensor) {
        self.init()
        switch Datatype(tensor.elementType) {
        case .bool: boolContents = tensor.withElements(Bool.self) { Array($0) }
        case .int8: intContents = tensor.withElements(Int8.self) { $0.map(Int32.init) }
        case .int16: intContents = tensor.withElements(Int16.self) { $0.map(Int32.init) }
        case .int32: intContents = tensor.withElements(Int32.self) { Array($0) }
        case .int64: int64Contents = tensor.withElements(Int64.self) { Array($0) }
        case .uint8: uintContents = tensor.withElements(UInt8.self) { $0.map(UInt32.init) }
        case .uint16: uintContents = tensor.withElements(UInt16.self) { $0.map(UInt32.init) }
        case .uint32: uintContents = tensor.withElements(UInt32.self) { Array($0) }
        case .uint64: uint64Contents = tensor.withElements(UInt64.self) { Array($0) }
        case .fp32: fp32Contents = tensor.withElements(Float.self) { Array($0) }
        case .fp64: fp64Contents = tensor.withElements(Double.self) { Array($0) }
        case .bytes: bytesContents = tensor.strings.map { Data($0.utf8) }
        case .fp16, .bf16: break
        }
    }
}
