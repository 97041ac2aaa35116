package import TensorEngine

/// Reads ONNX models (https://onnx.ai/onnx/repo-docs/IR.html): operators of the default domain and of `ai.onnx.ml`,
/// weights inline or as external data in the model's folder.
package enum ONNXImporter {
    /// Versions of the default operator set whose meaning the engine follows.
    static let operatorSetVersions = 1...28

    /// Whether the bytes begin as ONNX models do: with the IR version (field 1), which is small.
    static func isONNX(_ file: MappedFile) -> Bool {
        file.path.hasSuffix(".onnx") || file.bytes.count > 4 && file.bytes[0] == 0x08 && file.bytes[1] < 0x40
    }

    static func load(
        _ file: MappedFile, limits: ModelFormatLimits
    ) throws(ModelFormatError) -> (graph: Graph, version: String, metadata: [String: String]) {
        do throws(WireError) {
            let model = try ONNXModel(ONNXSource(file, limits: limits))
            guard let graph = model.graph else { throw WireError("the model has no graph") }
            let version = model.operatorSets[""] ?? operatorSetVersions.upperBound
            guard operatorSetVersions.contains(version) else {
                throw WireError("the operator set \(version) is not supported, supported are \(operatorSetVersions)")
            }
            let producer = [model.producer, model.producerVersion].filter { !$0.isEmpty }.joined(separator: " ")
            return (
                try ONNXTranslation.graph(graph, operatorSetVersion: version),
                producer.isEmpty ? "IR \(model.irVersion)" : producer, model.metadata
            )
        } catch {
            let reason: ModelFormatError.Reason =
                error.message.contains("not supported") ? .unsupported : .malformed
            throw ModelFormatError(reason, file: file.path, error.message)
        }
    }

    /// Reads one serialized TensorProto, as the specification's test data are.
    package static func tensor(
        at path: String, limits: ModelFormatLimits = .default
    ) throws(ModelFormatError) -> Tensor {
        let file = try MappedFile(path, limits: limits)
        do throws(WireError) {
            return try ONNXTensor(WireMessage(file.bytes)).tensor(ONNXSource(file, limits: limits))
        } catch {
            throw ModelFormatError(.malformed, file: path, error.message)
        }
    }
}
