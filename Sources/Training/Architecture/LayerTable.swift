/// The kinds of layers by the names they have in a specification: Keras's class names in snake case.
enum LayerTable {
    static let definitions: [String: LayerDefinition] =
        products.merging(windows) { $1 }.merging(normalizations) { $1 }.merging(shapes) { $1 }.merging(sequences) { $1 }
        .merging(blocks) { $1 }

    static let names = definitions.keys.sorted()

    static let activations = [
        "elu", "exponential", "gelu", "hard_sigmoid", "leaky_relu", "linear", "relu", "relu6", "selu", "sigmoid",
        "silu",
        "softmax", "softplus", "softsign", "swish", "tanh",
    ]
    /// Those that the engine's recurrent operators have.
    static let recurrentActivations = [
        "elu", "hard_sigmoid", "leaky_relu", "linear", "relu", "sigmoid", "softplus", "softsign", "tanh",
    ]

    /// The largest extent that an option may ask for: units, filters, windows.
    static let maximumExtent = 65_536
    private static let extent = LayerOption.Kind.wholeNumber(1...maximumExtent)
    private static let bias: [String: LayerOption] = [
        "use_bias": .optional(.bool), "bias_initializer": .optional(.initializer),
    ]
    private static let kernel: [String: LayerOption] = ["kernel_initializer": .optional(.initializer)]

    private static let products: [String: LayerDefinition] = [
        "dense": LayerDefinition(
            .layer("Dense"), "Every output a weighted sum of the last axis.",
            options(kernel, bias, ["units": .required(extent), "activation": .optional(.activation)])),
        "conv1d": LayerDefinition(
            .layer("Conv1D"), "Convolution over the steps of [steps, channels].",
            options(convolution(1), kernel, ["groups": .optional(extent)])),
        "conv2d": LayerDefinition(
            .layer("Conv2D"), "Convolution over [rows, columns, channels].",
            options(convolution(2), kernel, ["groups": .optional(extent)])),
        "conv1d_transpose": LayerDefinition(
            .layer("Conv1DTranspose"), "Transposed convolution, which enlarges the steps.",
            options(convolution(1, causal: false), kernel)),
        "conv2d_transpose": LayerDefinition(
            .layer("Conv2DTranspose"), "Transposed convolution, which enlarges rows and columns.",
            options(convolution(2), kernel)),
        "depthwise_conv1d": LayerDefinition(
            .layer("DepthwiseConv1D"), "Filters of its own for every channel.",
            options(depthwise(1), convolution(1, filters: false))),
        "depthwise_conv2d": LayerDefinition(
            .layer("DepthwiseConv2D"), "Filters of its own for every channel.",
            options(depthwise(2), convolution(2, filters: false))),
        "separable_conv1d": LayerDefinition(
            .layer("SeparableConv1D"), "Filters for every channel, then a mixture of the channels.",
            options(depthwise(1), convolution(1), ["pointwise_initializer": .optional(.initializer)])),
        "separable_conv2d": LayerDefinition(
            .layer("SeparableConv2D"), "Filters for every channel, then a mixture of the channels.",
            options(depthwise(2), convolution(2), ["pointwise_initializer": .optional(.initializer)])),
    ]

    private static let windows: [String: LayerDefinition] = [
        "max_pooling1d": LayerDefinition(.layer("MaxPooling1D"), "The largest of every window.", pooling(1)),
        "max_pooling2d": LayerDefinition(.layer("MaxPooling2D"), "The largest of every window.", pooling(2)),
        "average_pooling1d": LayerDefinition(.layer("AveragePooling1D"), "The mean of every window.", pooling(1)),
        "average_pooling2d": LayerDefinition(.layer("AveragePooling2D"), "The mean of every window.", pooling(2)),
        "global_max_pooling1d": LayerDefinition(
            .layer("GlobalMaxPooling1D"), "The largest of all steps.", ["keepdims": .optional(.bool)]),
        "global_max_pooling2d": LayerDefinition(
            .layer("GlobalMaxPooling2D"), "The largest of all places.", ["keepdims": .optional(.bool)]),
        "global_average_pooling1d": LayerDefinition(
            .layer("GlobalAveragePooling1D"), "The mean of all steps.", ["keepdims": .optional(.bool)]),
        "global_average_pooling2d": LayerDefinition(
            .layer("GlobalAveragePooling2D"), "The mean of all places.", ["keepdims": .optional(.bool)]),
        "zero_padding1d": LayerDefinition(
            .layer("ZeroPadding1D"), "Zeros before and after the steps.", ["padding": .required(.margins(axes: 1))]),
        "zero_padding2d": LayerDefinition(
            .layer("ZeroPadding2D"), "Zeros around rows and columns.", ["padding": .required(.margins(axes: 2))]),
        "cropping1d": LayerDefinition(
            .layer("Cropping1D"), "Cuts steps off both ends.", ["cropping": .required(.margins(axes: 1))]),
        "cropping2d": LayerDefinition(
            .layer("Cropping2D"), "Cuts rows and columns off.", ["cropping": .required(.margins(axes: 2))]),
        "up_sampling1d": LayerDefinition(
            .layer("UpSampling1D"), "Repeats every step.", ["size": .optional(.window(axes: 1))]),
        "up_sampling2d": LayerDefinition(
            .layer("UpSampling2D"), "Repeats every place, or interpolates.",
            ["size": .optional(.window(axes: 2)), "interpolation": .optional(.choice(["nearest", "bilinear"]))]),
    ]

    private static let normalizations: [String: LayerDefinition] = [
        "batch_normalization": LayerDefinition(
            .layer("BatchNormalization"), "Normalizes every channel over the batch.",
            options(
                affine,
                [
                    "axis": .optional(.axis), "momentum": .optional(.number(NumberRange(lower: 0, upper: 1))),
                    "epsilon": .optional(.number(.positive)), "moving_mean_initializer": .optional(.initializer),
                    "moving_variance_initializer": .optional(.initializer),
                ])),
        "layer_normalization": LayerDefinition(
            .layer("LayerNormalization"), "Normalizes every row over its last axis.",
            options(affine, ["axis": .optional(.axis), "epsilon": .optional(.number(.positive))])),
        "group_normalization": LayerDefinition(
            .layer("GroupNormalization"), "Normalizes groups of channels.",
            options(
                affine,
                [
                    "groups": .optional(.wholeNumber(-1...maximumExtent)), "axis": .optional(.axis),
                    "epsilon": .optional(.number(.positive)),
                ])),
        "dropout": LayerDefinition(
            .layer("Dropout"), "While training, drops elements and scales the others.",
            ["rate": .required(.number(.share))]),
        "spatial_dropout1d": LayerDefinition(
            .layer("SpatialDropout1D"), "While training, drops whole channels.", ["rate": .required(.number(.share))]),
        "spatial_dropout2d": LayerDefinition(
            .layer("SpatialDropout2D"), "While training, drops whole channels.", ["rate": .required(.number(.share))]),
        "rescaling": LayerDefinition(
            .layer("Rescaling"), "x · scale + offset.",
            ["scale": .required(.numbers), "offset": .optional(.numbers)]),
    ]

    private static let shapes: [String: LayerDefinition] = [
        "activation": LayerDefinition(
            .layer("Activation"), "A function of every element.", ["activation": .required(.activation)]),
        "relu": LayerDefinition(
            .layer("ReLU"), "max(x, 0).",
            [
                "max_value": .optional(.number(.notNegative)), "negative_slope": .optional(.number(.notNegative)),
            ]),
        "leaky_relu": LayerDefinition(
            .layer("LeakyReLU"), "x above 0, negative_slope · x below.",
            ["negative_slope": .optional(.number(.notNegative))]),
        "prelu": LayerDefinition(
            .layer("PReLU"), "x above 0, a trained slope times x below.",
            ["alpha_initializer": .optional(.initializer), "shared_axes": .optional(.permutation)]),
        "elu": LayerDefinition(
            .layer("ELU"), "x above 0, alpha · (exp(x) - 1) below.", ["alpha": .optional(.number(.any))]),
        "softmax": LayerDefinition(
            .layer("Softmax"), "Shares that add up to 1 along an axis.", ["axis": .optional(.axis)]),
        "flatten": LayerDefinition(.layer("Flatten"), "Everything after the batch as one axis."),
        "reshape": LayerDefinition(
            .layer("Reshape"), "The same elements in another shape.", ["target_shape": .required(.shape)]),
        "permute": LayerDefinition(
            .layer("Permute"), "The axes after the batch in another order.", ["dims": .required(.permutation)]),
        "repeat_vector": LayerDefinition(
            .layer("RepeatVector"), "[features] as [n, features].", ["n": .required(extent)]),
    ]

    private static let sequences: [String: LayerDefinition] = [
        "embedding": LayerDefinition(
            .layer("Embedding"), "A trained vector for each identifier.",
            [
                "input_dim": .required(.wholeNumber(1...100_000_000)), "output_dim": .required(extent),
                "embeddings_initializer": .optional(.initializer),
            ]),
        "positional_embedding": LayerDefinition(
            .positions, "Adds a trained vector for each position to [steps, features].",
            [
                "max_length": .optional(extent), "embeddings_initializer": .optional(.initializer),
            ]),
        "simple_rnn": LayerDefinition(.layer("SimpleRNN"), "Elman's recurrent layer.", recurrent([:])),
        "lstm": LayerDefinition(
            .layer("LSTM"), "Long short-term memory (Hochreiter & Schmidhuber 1997).",
            recurrent([
                "recurrent_activation": .optional(.choice(recurrentActivations)), "unit_forget_bias": .optional(.bool),
            ])),
        "gru": LayerDefinition(
            .layer("GRU"), "Gated recurrent unit (Cho et al. 2014).",
            recurrent([
                "recurrent_activation": .optional(.choice(recurrentActivations)), "reset_after": .optional(.bool),
            ])),
        "bidirectional": LayerDefinition(
            .wrapper("Bidirectional"), "A recurrent layer forwards and another backwards.",
            ["layer": .required(.layer), "merge_mode": .optional(.choice(["concat", "sum", "mul", "ave"]))]),
        "time_distributed": LayerDefinition(
            .wrapper("TimeDistributed"), "The same layer for every step.", ["layer": .required(.layer)]),
        "multi_head_attention": LayerDefinition(
            .attention, "Self-attention over [steps, features] (Vaswani et al. 2017).",
            options(
                kernel, bias,
                [
                    "num_heads": .required(.wholeNumber(1...4_096)), "key_dim": .required(extent),
                    "value_dim": .optional(extent), "causal": .optional(.bool), "dropout": .optional(.number(.share)),
                ])),
    ]

    private static let blocks: [String: LayerDefinition] = [
        "residual": LayerDefinition(
            .residual, "The layers' result plus their input, projected to its shape where the two differ.",
            [
                "layers": .required(.layers), "projection": .optional(.projection),
                "activation": .optional(.activation),
            ]),
        "concat": LayerDefinition(
            .concat, "The results of several branches side by side; an empty branch is the input itself.",
            ["branches": .required(.branches), "axis": .optional(.axis)]),
    ]

    private static let affine: [String: LayerOption] = [
        "center": .optional(.bool), "scale": .optional(.bool), "beta_initializer": .optional(.initializer),
        "gamma_initializer": .optional(.initializer),
    ]

    private static func options(_ sets: [String: LayerOption]...) -> [String: LayerOption] {
        sets.reduce(into: [:]) { $0.merge($1) { $1 } }
    }

    private static func convolution(_ axes: Int, filters: Bool = true, causal: Bool = true) -> [String: LayerOption] {
        let paddings = axes == 1 && causal ? ["valid", "same", "causal"] : ["valid", "same"]
        return options(
            bias,
            [
                "kernel_size": .required(.window(axes: axes)), "strides": .optional(.window(axes: axes)),
                "padding": .optional(.choice(paddings)), "dilation_rate": .optional(.window(axes: axes)),
                "activation": .optional(.activation),
            ], filters ? ["filters": .required(extent)] : [:])
    }

    private static func depthwise(_ axes: Int) -> [String: LayerOption] {
        ["depth_multiplier": .optional(extent), "depthwise_initializer": .optional(.initializer)]
    }

    private static func pooling(_ axes: Int) -> [String: LayerOption] {
        [
            "pool_size": .optional(.window(axes: axes)), "strides": .optional(.window(axes: axes)),
            "padding": .optional(.choice(["valid", "same"])),
        ]
    }

    private static func recurrent(_ further: [String: LayerOption]) -> [String: LayerOption] {
        options(
            kernel, bias, further,
            [
                "units": .required(extent), "activation": .optional(.choice(recurrentActivations)),
                "recurrent_initializer": .optional(.initializer), "return_sequences": .optional(.bool),
                "go_backwards": .optional(.bool),
            ])
    }
}
