import JSONDocuments
import TensorEngine

/// Reads folders of Hugging Face transformers and sentence-transformers: `config.json` and safetensors, and the tokenizer when
/// there is one, so that text goes in. The graph computes in float32.
enum HuggingFaceImporter {
    static func load(
        _ path: String, limits: ModelFormatLimits
    ) throws(ModelFormatError) -> ImportedModel {
        let folder = HuggingFaceFolder(path: path, limits: limits)
        guard let root = try folder.json("config.json") else {
            throw ModelFormatError(.notFound, file: "\(path)/config.json", "there is no such file")
        }
        let config = HuggingFaceConfig(file: "\(path)/config.json", root: root)
        let type = try config.string("model_type", default: "")
        let weights: HuggingFaceWeights
        let graph: Graph
        switch type {
        case "bert", "roberta", "distilbert":
            weights = try HuggingFaceWeights(folder)
            let pooling = try SentencePooling(folder)
            var importer = try BERTImporter(config, type: type, weights)
            let most = try importer.maximumLength()
            let text = try textInput(
                folder, config, type, maximumLength: min(pooling?.maximumLength ?? most, most),
                padding: type == "roberta" ? 1 : 0)
            graph = try importer.graph(pooling, textInput: text)
        case "gpt2":
            weights = try HuggingFaceWeights(folder)
            var importer = try GPT2Importer(config, weights)
            let text = try textInput(folder, config, type, maximumLength: importer.maximumLength, padding: 0)
            graph = try importer.graph(textInput: text)
        default:
            throw config.unsupported("model_type", "found '\(type)', supported: bert, roberta, distilbert, gpt2")
        }
        let version = try config.string("transformers_version", default: "")
        let source = ModelSource(
            framework: "transformers", version: version,
            fileName: path.split(separator: "/").last.map(String.init) ?? path,
            sha256: weights.sha256)
        return ImportedModel(graph: graph, source: source, metadata: [:])
    }

    /// The constant of ``TextInput``, whose tokenizer is tried here.
    private static func textInput(
        _ folder: HuggingFaceFolder, _ config: HuggingFaceConfig, _ type: String, maximumLength: Int, padding: Int
    ) throws(ModelFormatError) -> Tensor? {
        guard let tokenizer = try HuggingFaceTokenizer.document(folder, modelType: type) else { return nil }
        let document = TextInput.document(
            tokenizer: tokenizer, maximumLength: maximumLength,
            padding: try config.integer("pad_token_id", default: padding, in: 0...1 << 24))
        _ = try readingJSON(of: folder.path, at: "tokenizer") { () throws(JSONError) -> TextInput in
            try TextInput(JSONCursor(document))
        }
        let bytes = document.serialized(.compact)
        do throws(TensorError) {
            return try Tensor(shape: Shape([bytes.count]), elements: bytes)
        } catch {
            throw ModelFormatError(.malformed, file: folder.path, at: "tokenizer", error.description)
        }
    }
}
