import ModelFormats
import Serving
import TensorEngine

/// Arrays of a NumPy archive as a model's inputs.
enum ArrayInputs {
    /// Matches by name; when every name is one of NumPy's positional ones (`arr_0`, `arr_1`, …), by position. Elements
    /// of another numeric type are converted to the input's.
    ///
    /// - Throws: ``CommandFailure`` naming the array, what was found and what the model expects.
    static func match(_ arrays: [(name: String, tensor: Tensor)], to signature: [ValueInfo]) throws -> [NamedTensor] {
        let isPositional = arrays.enumerated().allSatisfy { $0.element.name == "arr_\($0.offset)" }
        let isNamed = arrays.allSatisfy { array in signature.contains { $0.name == array.name } }
        guard isNamed || isPositional else {
            throw CommandFailure(
                .usage,
                "--inputs: found the arrays \(list(arrays.map(\.name))), expected \(list(signature.map(\.name))) "
                    + "or arr_0 to arr_\(max(0, signature.count - 1))")
        }
        if !isNamed, arrays.count != signature.count {
            throw CommandFailure(
                .usage, "--inputs: found \(arrays.count) positional arrays, expected \(signature.count)")
        }
        return try arrays.enumerated().map { position, array in
            let declared = isNamed ? signature.first { $0.name == array.name } : signature[position]
            guard let declared else { throw CommandFailure(.usage, "--inputs: unknown array \"\(array.name)\"") }
            guard let tensor = array.tensor.converted(to: declared.elementType) else {
                throw CommandFailure(
                    .usage,
                    "--inputs: array \"\(array.name)\" holds \(array.tensor.elementType.rawValue), "
                        + "which cannot be converted to \(declared.elementType.rawValue)")
            }
            return NamedTensor(name: declared.name, tensor: tensor)
        }
    }

    private static func list(_ names: [String]) -> String {
        names.isEmpty ? "none" : names.map { "\"\($0)\"" }.joined(separator: ", ")
    }
}
