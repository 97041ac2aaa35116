import CTensorKernels

extension FusedActivation {
    /// Applies the activation in place where no epilogue could.
    func apply(_ kernels: KernelTable, to values: UnsafeMutablePointer<Float>, count: Int) {
        switch self {
        case .none: break
        case .relu: kernels.functions.unary(MK_UNARY_RELU, values, values, count, 0, 0)
        case .leakyRelu(let slope): kernels.functions.unary(MK_UNARY_LEAKY_RELU, values, values, count, slope, 0)
        case .clip(let lower, let upper): kernels.functions.unary(MK_UNARY_CLIP, values, values, count, lower, upper)
        }
    }
}
