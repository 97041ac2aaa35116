import ModelFormats
import TensorEngine

/// What holds for whatever a model file holds.
enum ModelChecks {
    /// In UTF-8 bytes, the scratch folder's path included.
    private static let maximumMessage = 4_096

    /// An error must be one that can be shown to a user; what was read is compiled, as importing does.
    /// - Parameter isThorough: whether to read twice and compare.
    static func check(isThorough: Bool, _ read: () throws(ModelFormatError) -> ImportedModel) {
        let first = outcome(read)
        let second = isThorough ? outcome(read) : first
        switch (first, second) {
        case (.failure(let one), .failure(let other)):
            require(one == other, "two readings ended differently: \(one) and \(other)")
            checkMessage(one.description)
        case (.success(let one), .success(let other)):
            if isThorough { require(bundle(one).digest == bundle(other).digest, "two readings gave different graphs") }
            compile(one.graph)
        default: failed("a file was read once and refused once")
        }
    }

    static func checkMessage(_ text: String) {
        require(!text.isEmpty && text.utf8.count <= maximumMessage, "a message of \(text.utf8.count) bytes")
        let isShown = text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
        require(isShown, "a message with control characters: \(text.debugDescription)")
    }

    static func bundle(_ model: ImportedModel) -> ModelBundle {
        ModelBundle(
            manifest: Manifest(name: "m", graph: model.graph, source: model.source, createdAt: ""), graph: model.graph)
    }

    private static func compile(_ graph: Graph) {
        do throws(GraphError) {
            _ = try CompiledGraph(graph)
        } catch {
            require(!error.description.isEmpty, "an error without a message")
        }
    }

    private static func outcome(
        _ read: () throws(ModelFormatError) -> ImportedModel
    ) -> Result<ImportedModel, ModelFormatError> {
        Result(catching: read)
    }
}
