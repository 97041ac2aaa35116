package import ModelRegistry
package import TensorEngine

/// A request joined with the model version that will answer it.
///
/// A class: it passes through every stage of the pipeline, and a reference is cheaper to pass on than its dozen members.
package final class BoundRequest: Sendable {
    package let request: InferenceRequest
    package let model: LoadedModel
    /// What made this version live for the request's reference, see ``Registry/Resolution``.
    package let activation: Int64?
    /// Answers too, beside the results.
    let shadow: Registry.Shadow?
    package let match: SignatureMatch
    package let batchKey: BatchKey

    package var inputs: [Tensor] { match.inputs }
    package var rowCount: Int { match.rowCount }
    package var bytesPerRow: Int { match.bytesPerRow }

    /// - Parameters:
    ///   - fallback: the model meant by a request that names none: the binding of its topic.
    ///   - key, position: of the record, by which a traffic rule decides; see ``Registry``.
    /// - Throws: ``RequestError`` with the code `UNKNOWN_MODEL` or `UNKNOWN_VERSION`, one that awaits its model, or as
    ///   ``SignatureMatch``.
    package convenience init(
        binding request: InferenceRequest, in registry: Registry, fallback: ModelReference?,
        key: @autoclosure () -> ArraySlice<UInt8>? = nil, position: @autoclosure () -> String = ""
    ) throws(RequestError) {
        guard let reference = request.model ?? fallback else {
            throw RequestError(
                .unknownModel,
                "model: found none, expected the header millrace-model, the member model_name, "
                    + "or a binding of the topic in the configuration",
                requestID: request.id)
        }
        let resolution: Registry.Resolution
        do {
            resolution = try registry.resolve(reference, key: key(), position: position())
        } catch let error {
            throw RequestError(resolving: error, requestID: request.id)
        }
        try self.init(request, resolution)
    }

    /// - Throws: as ``SignatureMatch``.
    init(_ request: InferenceRequest, _ resolution: Registry.Resolution) throws(RequestError) {
        model = resolution.model
        activation = resolution.activation
        shadow = resolution.shadow
        let request = try request.tokenized(by: model.textInput, for: model.graph.inputs)
        self.request = request
        match = try SignatureMatch(request, inputs: model.graph.inputs, outputs: model.graph.outputs)
        batchKey = BatchKey(model: model.version.identity, rowShapes: match.rowShapes)
    }
}

extension RequestError {
    fileprivate init(resolving error: RegistryError, requestID: String?) {
        let code: RequestErrorCode =
            switch error {
            case .unknownVersion, .unknownAlias, .notLoaded: .unknownVersion
            case .loading: .overloaded
            case .loadFailed: .internal
            default: .unknownModel
            }
        self.init(code, "\(error)", requestID: requestID)
        if case .loading = error { awaitsModel = true }
    }
}
