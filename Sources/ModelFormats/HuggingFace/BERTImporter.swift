import JSONDocuments
import TensorEngine

/// The encoders of the BERT family: BERT (MiniLM too), RoBERTa and DistilBERT, with the head that `architectures` names, or
/// pooled to one vector as sentence-transformers does.
struct BERTImporter {
    private enum Family { case bert, roberta, distilBERT }

    private let config: HuggingFaceConfig
    private let family: Family
    private var builder: TransformerBuilder
    /// Of the encoder's weights, with its dot; empty when the encoder was saved by itself.
    private let prefix: String
    private let width: Int
    private let heads: Int
    private let layers: Int
    private let innerWidth: Int
    private let vocabulary: Int
    private let epsilon: Float
    private let activation: String

    init(_ config: HuggingFaceConfig, type: String, _ weights: HuggingFaceWeights) throws(ModelFormatError) {
        self.config = config
        family = type == "distilbert" ? .distilBERT : type == "roberta" ? .roberta : .bert
        builder = TransformerBuilder(weights)
        let isDistil = family == .distilBERT
        prefix = weights.has("\(type).embeddings.word_embeddings.weight") ? "\(type)." : ""
        width = try config.integer(isDistil ? "dim" : "hidden_size", in: 1...1 << 16)
        heads = try config.integer(isDistil ? "n_heads" : "num_attention_heads", in: 1...1 << 12)
        layers = try config.integer(isDistil ? "n_layers" : "num_hidden_layers", in: 1...1_000)
        innerWidth = try config.integer(isDistil ? "hidden_dim" : "intermediate_size", in: 1...1 << 18)
        vocabulary = try config.integer("vocab_size")
        epsilon = isDistil ? 1e-12 : try config.number("layer_norm_eps", default: 1e-12)
        activation = try config.activation(isDistil ? "activation" : "hidden_act", default: "gelu")
        guard width % heads == 0 else {
            throw config.unsupported("hidden_size", "found \(width), expected a multiple of the \(heads) heads")
        }
        let positions = try config.string("position_embedding_type", default: "absolute")
        guard positions == "absolute" else {
            throw config.unsupported("position_embedding_type", "found '\(positions)', supported: absolute")
        }
        guard try !config.bool("is_decoder", default: false) else {
            throw config.unsupported("is_decoder", "found true, supported: false")
        }
    }

    /// Tokens of a row that the model has positions for.
    func maximumLength() throws(ModelFormatError) -> Int {
        let positions = try config.integer("max_position_embeddings")
        guard family == .roberta else { return positions }
        return max(positions - (try paddingIndex()) - 1, 1)
    }

    private func paddingIndex() throws(ModelFormatError) -> Int {
        try config.integer("pad_token_id", default: family == .roberta ? 1 : 0, in: 0...1 << 24)
    }

    mutating func graph(_ pooling: SentencePooling?, textInput: Tensor?) throws(ModelFormatError) -> Graph {
        let hidden = try encoder(takesTypes: takesTypes(pooling))
        var inputs: [ValueInfo] = [.tokens("input_ids"), .tokens("attention_mask")]
        if takesTypes(pooling) { inputs.append(.tokens("token_type_ids")) }
        let outputs: [(value: String, info: ValueInfo)]
        if let pooling { outputs = [pooled(hidden, pooling)] } else { outputs = try head(hidden) }
        let name = try config.string("model_type", default: "bert")
        return builder.graph(name: name, inputs: inputs, outputs: outputs, textInput: textInput)
    }

    private func takesTypes(_ pooling: SentencePooling?) -> Bool { family == .bert && pooling == nil }

    private mutating func pooled(_ hidden: String, _ pooling: SentencePooling) -> (value: String, info: ValueInfo) {
        let value = builder.emit(
            "TokenPooling", [hidden, "attention_mask"],
            ["mode": .string(pooling.mode), "normalize": .int(pooling.normalizes ? 1 : 0)], name: "pooling")
        return (value, .perRow("sentence_embedding", width))
    }

    private mutating func encoder(takesTypes: Bool) throws(ModelFormatError) -> String {
        let place = "\(prefix)embeddings"
        let positions = try config.integer("max_position_embeddings")
        var inputs = [
            "input_ids", try builder.weight("\(place).word_embeddings.weight", [vocabulary, width]),
            try builder.weight("\(place).position_embeddings.weight", [positions, width]),
        ]
        if family != .distilBERT {
            let types = try config.integer("type_vocab_size", default: family == .roberta ? 1 : 2)
            inputs += [
                takesTypes ? "token_type_ids" : "",
                try builder.weight("\(place).token_type_embeddings.weight", [types, width]),
            ]
        }
        let isPadded = family == .roberta
        var value = builder.emit(
            "TokenEmbedding", inputs,
            isPadded ? ["padded": .int(1), "padding_index": .int(try paddingIndex())] : [:], name: "\(place).sum")
        value = try builder.layerNorm(value, "\(place).LayerNorm", width: width, epsilon: epsilon)
        for layer in 0..<layers { value = try self.layer(value, layer) }
        return value
    }

    private mutating func layer(_ input: String, _ index: Int) throws(ModelFormatError) -> String {
        let isDistil = family == .distilBERT
        let place = "\(prefix)\(isDistil ? "transformer" : "encoder").layer.\(index)."
        let names =
            isDistil
            ? [
                "attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin", "sa_layer_norm",
                "ffn.lin1",
                "ffn.lin2", "output_layer_norm",
            ]
            : [
                "attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense",
                "attention.output.LayerNorm", "intermediate.dense", "output.dense", "output.LayerNorm",
            ]
        let parts = names.map { place + $0 }
        var projections: [String] = []
        for part in parts.prefix(3) {
            projections.append(try builder.linear(input, part, inputs: width, outputs: width))
        }
        let mixed = builder.emit(
            "ScaledDotProductAttention", projections + ["attention_mask"], ["heads": .int(heads)],
            name: "\(place)attention")
        let attended = try builder.linear(mixed, parts[3], inputs: width, outputs: width)
        let middle = try builder.layerNorm(attended, residual: input, parts[4], width: width, epsilon: epsilon)
        let inner = try builder.linear(middle, parts[5], inputs: width, outputs: innerWidth, activation: activation)
        let outer = try builder.linear(inner, parts[6], inputs: innerWidth, outputs: width)
        return try builder.layerNorm(outer, residual: middle, parts[7], width: width, epsilon: epsilon)
    }

    // MARK: Heads

    private mutating func head(_ hidden: String) throws(ModelFormatError) -> [(value: String, info: ValueInfo)] {
        let base = family == .bert ? "Bert" : family == .roberta ? "Roberta" : "DistilBert"
        let architecture = try config.architecture() ?? "\(base)Model"
        switch architecture {
        case "\(base)Model":
            var outputs = [(hidden, ValueInfo.perToken("last_hidden_state", width))]
            if builder.weights.has("\(prefix)pooler.dense.weight") {
                outputs.append((try pooler(hidden), .perRow("pooler_output", width)))
            }
            return outputs
        case "\(base)ForSequenceClassification":
            let labels = try config.labelCount()
            return [(try sequenceLogits(hidden, labels), .perRow("logits", labels))]
        case "\(base)ForTokenClassification":
            let labels = try config.labelCount()
            let logits = try builder.linear(hidden, "classifier", inputs: width, outputs: labels)
            return [(logits, .perToken("logits", labels))]
        case "\(base)ForQuestionAnswering": return try answerLogits(hidden)
        case "\(base)ForMaskedLM": return [(try wordLogits(hidden), .perToken("logits", vocabulary))]
        default:
            throw config.unsupported(
                "architectures[0]",
                "found '\(architecture)', supported: \(base)Model, \(base)ForSequenceClassification, "
                    + "\(base)ForTokenClassification, \(base)ForQuestionAnswering, \(base)ForMaskedLM")
        }
    }

    private mutating func firstToken(_ hidden: String) -> String {
        builder.emit("TokenPooling", [hidden], ["mode": .string("first")], name: "first_token")
    }

    private mutating func pooler(_ hidden: String) throws(ModelFormatError) -> String {
        try builder.linear(
            firstToken(hidden), "\(prefix)pooler.dense", inputs: width, outputs: width, activation: "tanh")
    }

    private mutating func sequenceLogits(_ hidden: String, _ labels: Int) throws(ModelFormatError) -> String {
        switch family {
        case .bert: return try builder.linear(pooler(hidden), "classifier", inputs: width, outputs: labels)
        case .roberta:
            let dense = try builder.linear(
                firstToken(hidden), "classifier.dense", inputs: width, outputs: width, activation: "tanh")
            return try builder.linear(dense, "classifier.out_proj", inputs: width, outputs: labels)
        case .distilBERT:
            let dense = try builder.linear(
                firstToken(hidden), "pre_classifier", inputs: width, outputs: width, activation: "relu")
            return try builder.linear(dense, "classifier", inputs: width, outputs: labels)
        }
    }

    private mutating func answerLogits(_ hidden: String) throws(ModelFormatError) -> [(value: String, info: ValueInfo)]
    {
        let matrix = try builder.weights.tensor("qa_outputs.weight", [2, width])
        let vector = try builder.weights.tensor("qa_outputs.bias", [2])
        var outputs: [(value: String, info: ValueInfo)] = []
        let axes = builder.constant("axes", Tensor(.int64, shape: [1]) { $0.storeBytes(of: -1, as: Int64.self) })
        for (index, name) in ["start_logits", "end_logits"].enumerated() {
            let row = matrix.withElements(Float.self) { Array($0[(index * width)..<((index + 1) * width)]) }
            let bias = vector.withElements(Float.self) { [$0[index]] }
            do throws(TensorError) {
                let inputs = [
                    hidden, builder.constant("\(name).weight", try Tensor(shape: Shape([1, width]), elements: row)),
                    builder.constant("\(name).bias", try Tensor(shape: [1], elements: bias)),
                ]
                let logits = builder.emit("Linear", inputs, name: "\(name).linear")
                outputs.append((builder.emit("Squeeze", [logits, axes], name: "\(name).squeeze"), .perToken(name)))
            } catch {
                throw config.unsupported("hidden_size", error.description)
            }
        }
        return outputs
    }

    private mutating func wordLogits(_ hidden: String) throws(ModelFormatError) -> String {
        let (dense, norm, decoder, bias) =
            switch family {
            case .bert:
                (
                    "cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions.decoder",
                    "cls.predictions.bias"
                )
            case .roberta: ("lm_head.dense", "lm_head.layer_norm", "lm_head.decoder", "lm_head.bias")
            case .distilBERT:
                ("vocab_transform", "vocab_layer_norm", "vocab_projector", "vocab_projector.bias")
            }
        let function = family == .roberta ? "gelu" : activation
        let inner = try builder.linear(hidden, dense, inputs: width, outputs: width, activation: function)
        let normed = try builder.layerNorm(
            inner, norm, width: width, epsilon: family == .distilBERT ? 1e-12 : epsilon)
        // Tied weights are saved once, under the embedding's name.
        let tied = "\(prefix)embeddings.word_embeddings"
        return try builder.linear(
            normed, builder.weights.has("\(decoder).weight") ? decoder : tied, inputs: width, outputs: vocabulary,
            bias: builder.weights.has(bias) ? bias : "\(decoder).bias")
    }
}
