import ModelFormats
import Serving
import TensorEngine

/// Arrays of a NumPy archive as a model's inputs.
enum ArrayInputs {
    /// Matches by name, leaving out arrays that are no input; or, when every name is one of NumPy's positional ones
    /// (`arr_0`, `arr_1`, …), by position. Elements of another numeric type are converted to the input's.
    ///
    /// - Throws: ``CommandFailure`` naming the array, what was found and what the model expects.
    static func match(
        _ arrays: [(name: String, tensor: Tensor)], to signature: [ValueInfo], option: String = "--inputs"
    ) throws -> [NamedTensor] {
        let isComplete = signature.allSatisfy { input in arrays.contains { $0.name == input.name } }
        let isPositional = arrays.enumerated().allSatisfy { $0.element.name == "arr_\($0.offset)" }
        guard isComplete || (isPositional && arrays.count == signature.count) else {
            throw CommandFailure(
                .usage,
                "\(option): found the arrays \(list(arrays.map(\.name))), expected \(list(signature.map(\.name)))"
                    + (signature.count == 1 ? " or arr_0 alone" : " or arr_0 to arr_\(max(0, signature.count - 1))"))
        }
        return try signature.enumerated().map { position, declared in
            let named = isComplete ? arrays.first { $0.name == declared.name } : arrays[position]
            guard let array = named, let tensor = array.tensor.converted(to: declared.elementType) else {
                throw CommandFailure(
                    .usage,
                    "\(option): array \"\(named?.name ?? declared.name)\" holds "
                        + "\(named?.tensor.elementType.rawValue ?? "nothing"), "
                        + "which cannot be converted to \(declared.elementType.rawValue)")
            }
            return NamedTensor(name: declared.name, tensor: tensor)
        }
    }

    private static func list(_ names: [String]) -> String {
        names.isEmpty ? "none" : names.map { "\"\($0)\"" }.joined(separator: ", ")
    }
}
