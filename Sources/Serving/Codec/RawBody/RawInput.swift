public import TensorEngine

/// The bytes of one tensor as a raw body brings them, with as much of its description as the headers give. The model's
/// signature completes it when the request is bound.
public struct RawInput: Sendable {
    /// From `millrace-input`; nil: the model's only input.
    public var name: String?
    /// From `millrace-datatype`; nil: the input's.
    public var datatype: Datatype?
    /// From `millrace-shape`; nil: the input's, its open extent by the number of bytes.
    public var shape: Shape?
    /// Little-endian, row-major. They are the record's own, copied once, into the tensor.
    public var bytes: ArraySlice<UInt8>

    public init(name: String? = nil, datatype: Datatype? = nil, shape: Shape? = nil, bytes: ArraySlice<UInt8>) {
        self.name = name
        self.datatype = datatype
        self.shape = shape
        self.bytes = bytes
    }

    /// The input that these bytes are, by the signature of a model.
    /// - Throws: ``RequestError`` with the code `INVALID_INPUT` when the model has not exactly one input, or bytes and
    ///   headers do not fit it.
    package func completed(by signature: [ValueInfo]) throws(RequestError) -> NamedTensor {
        do throws(DecodeFailure) {
            return try tensor(by: signature)
        } catch {
            // The mistake that the content type invites.
            let isText = bytes.first == UInt8(ascii: "{") && shape == nil && datatype == nil
            let hint = isText ? " (a JSON request has the content type application/json)" : ""
            throw RequestError(error.code, error.message + hint, encoding: .rawBody)
        }
    }

    private func tensor(by signature: [ValueInfo]) throws(DecodeFailure) -> NamedTensor {
        guard let declared = signature.first, signature.count == 1 else {
            let names = signature.map { "\"\($0.name)\"" }.joined(separator: ", ")
            throw .invalid(
                "value: found raw bytes for a model with \(signature.count) inputs (\(names)), expected JSON or protobuf"
            )
        }
        if let name, name != declared.name {
            throw .invalid("header \(HeaderName.input): found \(quoted(name)), expected \"\(declared.name)\"")
        }
        let expected = Datatype(declared.elementType)
        guard expected != .bytes else {
            throw DecodeFailure(
                .unsupportedDatatype,
                "value: found raw bytes for the input \"\(declared.name)\" of BYTES, expected a request in JSON")
        }
        if let datatype, datatype != expected {
            throw .invalid(
                "header \(HeaderName.datatype): found \(datatype.rawValue), expected \(expected.rawValue)")
        }
        let shape = if let shape { shape } else { try impliedShape(declared, expected) }
        let tensor = try bytes.withUnsafeBufferPointer { bytes throws(DecodeFailure) in
            try Tensor(rawBytes: UnsafeRawBufferPointer(bytes), expected, shape, "value")
        }
        return NamedTensor(name: declared.name, tensor: tensor)
    }

    /// The declared shape with its open extent, the rows most of the time, by the number of bytes.
    private func impliedShape(_ declared: ValueInfo, _ datatype: Datatype) throws(DecodeFailure) -> Shape {
        var open: Int?
        var dimensions: [Int] = []
        for (axis, dimension) in declared.dimensions.enumerated() {
            switch dimension {
            case .fixed(let extent): dimensions.append(extent)
            case .symbolic where open == nil:
                open = axis
                dimensions.append(1)
            case .symbolic:
                throw .invalid(
                    "header \(HeaderName.shape): missing, expected extents for \(declared.shapeText): "
                        + "more than one of them is open")
            }
        }
        let unit = try Self.shape(dimensions)
        guard let open else { return unit }
        guard let unitBytes = datatype.byteCount(unit), unitBytes > 0, bytes.count.isMultiple(of: unitBytes) else {
            let expected = datatype.byteCount(unit).map(String.init) ?? "more"
            throw .invalid(
                "value: found \(bytes.count) bytes, expected a multiple of \(expected) for \(datatype.rawValue) "
                    + declared.shapeText)
        }
        dimensions[open] = bytes.count / unitBytes
        return try Self.shape(dimensions)
    }

    private static func shape(_ dimensions: [Int]) throws(DecodeFailure) -> Shape {
        do throws(TensorError) {
            return try Shape(dimensions)
        } catch {
            throw .invalid("header \(HeaderName.shape): missing, expected extents: \(error)")
        }
    }
}
