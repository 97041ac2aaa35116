import CTensorKernels

extension FusedActivation {
    /// The C epilogue with this activation and no bias.
    var epilogue: mk_epilogue {
        var result = mk_epilogue()
        switch self {
        case .none: result.activation = MK_NO_ACTIVATION
        case .relu: result.activation = MK_RELU
        case .leakyRelu(let slope):
            result.activation = MK_LEAKY_RELU
            result.alpha = slope
        case .clip(let lower, let upper):
            result.activation = MK_CLIP
            result.lower = lower
            result.upper = upper
        }
        return result
    }
}
