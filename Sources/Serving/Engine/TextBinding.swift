package import ModelFormats
package import TensorEngine

extension InferenceRequest {
    /// The request with its strings as the tensors that the model takes: those of its inputs of strings as they are, text
    /// through its tokenizer.
    /// - Throws: ``RequestError`` with the code `UNSUPPORTED_DATATYPE` when the model takes neither, and `INVALID_INPUT` when
    ///   something else came with the text.
    package func tokenized(
        by textInput: TextInput?, for inputs: [ValueInfo]
    ) throws(RequestError) -> InferenceRequest {
        guard let text = texts.first else { return self }
        if textInput == nil, inputs.contains(where: { $0.elementType == .string }) { return try withStrings() }
        guard let textInput else {
            throw RequestError(
                .unsupportedDatatype,
                "inputs: \"\(text.name)\" is text (BYTES), and the model has no tokenizer and no input of strings",
                requestID: id)
        }
        guard texts.count == 1, text.name == TextInput.name, self.inputs.isEmpty else {
            let found = (texts.map(\.name) + self.inputs.map(\.name)).map { "\"\($0)\"" }.joined(separator: ", ")
            throw RequestError(
                .invalidInput, "inputs: found \(found), expected \"\(TextInput.name)\" alone when text comes in",
                requestID: id)
        }
        guard text.shape.rank == 1 || text.shape.rank == 2 && text.shape[1] == 1 else {
            throw RequestError(
                .invalidInput, "inputs: \"\(text.name)\" has shape \(text.shape), expected [rows] or [rows, 1]",
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

    /// The strings as tensors among the others.
    private func withStrings() throws(RequestError) -> InferenceRequest {
        var request = self
        request.texts = []
        for text in texts {
            do throws(TensorError) {
                let tensor = try Tensor(shape: text.shape, strings: text.values)
                request.inputs.append(NamedTensor(name: text.name, tensor: tensor))
            } catch {
                throw RequestError(.invalidInput, "inputs: \"\(text.name)\": \(error)", requestID: id)
            }
        }
        return request
    }
}
