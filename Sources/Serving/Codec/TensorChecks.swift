import TensorEngine

/// What every encoding checks of a tensor in the same words.
extension Datatype {
    /// A datatype of numbers: strings are read apart, where they are.
    init(named name: String, _ path: @autoclosure () -> String) throws(DecodeFailure) {
        guard let datatype = Datatype(rawValue: name), datatype != .bytes else {
            let known = Datatype.numbers.map(\.rawValue).joined(separator: ", ")
            throw DecodeFailure(.unsupportedDatatype, "\(path()): found \(quoted(name)), expected one of \(known)")
        }
        self = datatype
    }

    /// The bytes of a tensor; nil when their number overflows.
    func byteCount(_ shape: Shape) -> Int? {
        let (bytes, overflow) = shape.elementCount.multipliedReportingOverflow(by: elementType.byteCount)
        return overflow ? nil : bytes
    }
}

/// The elements that the inputs of one request may still have.
struct ElementBudget {
    private let maximum: Int
    private var remaining: Int

    init(_ limits: RequestLimits) {
        maximum = limits.maximumElements
        remaining = maximum
    }

    mutating func take(_ shape: Shape, _ path: @autoclosure () -> String) throws(DecodeFailure) {
        guard shape.elementCount <= remaining else {
            throw .tooLarge(
                "\(path()): \(shape) has \(shape.elementCount) elements, expected at most "
                    + "\(maximum) in all inputs together")
        }
        remaining -= shape.elementCount
    }
}

extension Tensor {
    /// Copies raw little-endian bytes that the request sent as this datatype and shape.
    init(
        rawBytes bytes: UnsafeRawBufferPointer, _ datatype: Datatype, _ shape: Shape,
        _ path: @autoclosure () -> String
    ) throws(DecodeFailure) {
        guard let expected = datatype.byteCount(shape), bytes.count == expected else {
            let expected = datatype.byteCount(shape).map(String.init) ?? "more"
            throw .invalid(
                "\(path()): found \(bytes.count) bytes, expected \(expected) for \(datatype.rawValue) \(shape)")
        }
        // Another bit pattern in a Bool is undefined behaviour, not just another truth.
        if datatype == .bool, let offset = bytes.firstIndex(where: { $0 > 1 }) {
            throw .invalid(
                "\(path()): found byte \(bytes[offset]) at offset \(offset) of BOOL data, expected 0 or 1")
        }
        #if _endian(big)
            #error("Raw tensors are little-endian and are copied as they are.")
        #endif
        do throws(TensorError) {
            self = try Tensor(datatype.elementType, shape: shape, bytes: bytes)
        } catch {
            throw .invalid("\(path()): \(error)")
        }
    }
}
