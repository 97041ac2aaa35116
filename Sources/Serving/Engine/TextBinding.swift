package import ModelFormats
package import TensorEngine

extension InferenceRequest {
    /// The request with its text as the tensors that the model takes.
    /// - Throws: ``RequestError`` with the code `UNSUPPORTED_DATATYPE` when the model takes no text, and `INVALID_INPUT` when
    ///   something else came with it.
    package func tokenized(
        by textInput: TextInput?, for inputs: [ValueInfo]
    ) throws(RequestError) -> InferenceRequest {
        guard let text = texts.first else { return self }
        guard let textInput else {
            throw RequestError(
                .unsupportedDatatype, "inputs: \"\(text.name)\" is text (BYTES), and the model has no tokenizer",
                requestID: id)
        }
        guard texts.count == 1, text.name == TextInput.name, self.inputs.isEmpty else {
            let found = (texts.map(\.name) + self.inputs.map(\.name)).map { "\"\($0)\"" }.joined(separator: ", ")
            throw RequestError(
                .invalidInput, "inputs: found \(found), expected \"\(TextInput.name)\" alone when text comes in",
                requestID: id)
        }
        guard !text.values.isEmpty else {
            throw RequestError(
                .invalidInput, "inputs: \"\(text.name)\" has no rows, expected at least one", requestID: id)
        }
        var request = self
        request.texts = []
        do throws(TensorError) {
            request.inputs = try textInput.tensors(text.values, for: inputs).map {
                NamedTensor(name: $0.name, tensor: $0.tensor)
            }
        } catch {
            throw RequestError(.tooLarge, "inputs: \"\(text.name)\": \(error)", requestID: id)
        }
        return request
    }
}
