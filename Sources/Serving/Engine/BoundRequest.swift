package import ModelRegistry
package import TensorEngine

/// A request joined with the model version that will answer it.
///
/// A class: it passes through every stage of the pipeline, and a reference is cheaper to pass on than its dozen members.
package final class BoundRequest: Sendable {
    package let request: InferenceRequest
    package let model: LoadedModel
    package let match: SignatureMatch
    package let batchKey: BatchKey

    package var inputs: [Tensor] { match.inputs }
    package var rowCount: Int { match.rowCount }
    package var bytesPerRow: Int { match.bytesPerRow }

    /// - Parameter fallback: the model meant by a request that names none: the binding of its topic.
    /// - Throws: ``RequestError`` with the code `UNKNOWN_MODEL` or `UNKNOWN_VERSION`, or as ``SignatureMatch``.
    package init(
        binding request: InferenceRequest, in registry: Registry, fallback: ModelReference?
    ) throws(RequestError) {
        guard let reference = request.model ?? fallback else {
            throw RequestError(
                .unknownModel,
                "model: found none, expected the header millrace-model, the member model_name, "
                    + "or a binding of the topic in the configuration",
                requestID: request.id)
        }
        do {
            model = try registry.resolve(reference)
        } catch let error {
            let code: RequestErrorCode =
                switch error {
                case .unknownVersion, .unknownAlias, .notLoaded: .unknownVersion
                default: .unknownModel
                }
            throw RequestError(
                code, "\(error)", requestID: request.id)
        }
        self.request = request
        match = try SignatureMatch(request, inputs: model.graph.inputs, outputs: model.graph.outputs)
        batchKey = BatchKey(model: model.version.identity, rowShapes: match.rowShapes)
    }
}
