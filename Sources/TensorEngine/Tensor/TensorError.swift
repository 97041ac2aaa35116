/// What is wrong with a tensor or an operation on tensors; messages name the operation and its operands.
public enum TensorError: Error, Sendable, Hashable, CustomStringConvertible {
    case invalidShape([Int], String)
    /// Found, expected.
    case byteCountMismatch(found: Int, expected: Int)
    case elementTypeMismatch(found: ElementType, expected: ElementType)
    /// Found, expected.
    case stringCountMismatch(found: Int, expected: Int)
    /// Bytes were to be the elements of a tensor of strings.
    case bytesAreNoStrings

    public var description: String {
        switch self {
        case .invalidShape(let dimensions, let reason):
            "shape [\(dimensions.map(String.init).joined(separator: ", "))]: \(reason)"
        case .byteCountMismatch(let found, let expected):
            "tensor data: found \(found) bytes, expected \(expected)"
        case .elementTypeMismatch(let found, let expected):
            "tensor elements: found \(found.rawValue), expected \(expected.rawValue)"
        case .stringCountMismatch(let found, let expected): "tensor data: found \(found) strings, expected \(expected)"
        case .bytesAreNoStrings: "tensor data: found bytes, expected strings"
        }
    }
}
