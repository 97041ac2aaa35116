import TensorEngine

/// GPT-2 and its like: decoders with learned positions and normalization in front of each part (Radford et al., 2019).
struct GPT2Importer {
    private let config: HuggingFaceConfig
    private var builder: TransformerBuilder
    private let prefix: String
    private let width: Int
    private let heads: Int
    private let layers: Int
    private let vocabulary: Int
    private let epsilon: Float
    let maximumLength: Int

    init(_ config: HuggingFaceConfig, _ weights: HuggingFaceWeights) throws(ModelFormatError) {
        self.config = config
        builder = TransformerBuilder(weights)
        prefix = weights.has("transformer.wte.weight") ? "transformer." : ""
        width = try config.integer("n_embd", in: 1...1 << 16)
        heads = try config.integer("n_head", in: 1...1 << 12)
        layers = try config.integer("n_layer", in: 1...1_000)
        vocabulary = try config.integer("vocab_size")
        maximumLength = try config.integer("n_positions", in: 1...1 << 20)
        epsilon = try config.number("layer_norm_epsilon", default: 1e-5)
        guard width % heads == 0 else {
            throw config.unsupported("n_embd", "found \(width), expected a multiple of the \(heads) heads")
        }
        guard try !config.bool("add_cross_attention", default: false) else {
            throw config.unsupported("add_cross_attention", "found true, supported: false")
        }
    }

    mutating func graph(textInput: Tensor?) throws(ModelFormatError) -> Graph {
        let activation = try config.activation("activation_function", default: "gelu_new")
        let innerWidth = try config.integer("n_inner", default: 4 * width, in: 1...1 << 18)
        let scales = try config.bool("scale_attn_weights", default: true)
        let scalesByLayer = try config.bool("scale_attn_by_inverse_layer_idx", default: false)
        let words = try builder.weight("\(prefix)wte.weight", [vocabulary, width])
        let positions = try builder.weight("\(prefix)wpe.weight", [maximumLength, width])
        var value = builder.emit("TokenEmbedding", ["input_ids", words, positions], name: "\(prefix)embeddings")
        for layer in 0..<layers {
            let place = "\(prefix)h.\(layer)."
            let scale = (scales ? 1 / Float(width / heads).squareRoot() : 1) / (scalesByLayer ? Float(layer + 1) : 1)
            let first = try builder.layerNorm(value, "\(place)ln_1", width: width, epsilon: epsilon)
            let projected = try builder.linear(
                first, "\(place)attn.c_attn", inputs: width, outputs: 3 * width, isTransposed: false)
            let mixed = builder.emit(
                "ScaledDotProductAttention", [projected, "", "", "attention_mask"],
                ["heads": .int(heads), "causal": .int(1), "scale": .float(scale)], name: "\(place)attn")
            let attended = try builder.linear(
                mixed, "\(place)attn.c_proj", inputs: width, outputs: width, isTransposed: false)
            let middle = builder.emit("Add", [attended, value], name: "\(place)attn.residual")
            let second = try builder.layerNorm(middle, "\(place)ln_2", width: width, epsilon: epsilon)
            let inner = try builder.linear(
                second, "\(place)mlp.c_fc", inputs: width, outputs: innerWidth, activation: activation,
                isTransposed: false)
            let outer = try builder.linear(
                inner, "\(place)mlp.c_proj", inputs: innerWidth, outputs: width, isTransposed: false)
            value = builder.emit("Add", [outer, middle], name: "\(place)mlp.residual")
        }
        value = try builder.layerNorm(value, "\(prefix)ln_f", width: width, epsilon: epsilon)
        let inputs: [ValueInfo] = [.tokens("input_ids"), .tokens("attention_mask")]
        let output = try head(value, words)
        return builder.graph(name: "gpt2", inputs: inputs, outputs: [output], textInput: textInput)
    }

    private mutating func head(
        _ hidden: String, _ words: String
    ) throws(ModelFormatError) -> (value: String, info: ValueInfo) {
        switch try config.architecture() ?? "GPT2Model" {
        case "GPT2Model": return (hidden, .perToken("last_hidden_state", width))
        case "GPT2LMHeadModel":
            let own = "lm_head.weight"
            let matrix = builder.weights.has(own) ? try builder.weight(own, [vocabulary, width]) : words
            return (builder.emit("Linear", [hidden, matrix], name: "lm_head.output"), .perToken("logits", vocabulary))
        case let found:
            throw config.unsupported("architectures[0]", "found '\(found)', supported: GPT2Model, GPT2LMHeadModel")
        }
    }
}
