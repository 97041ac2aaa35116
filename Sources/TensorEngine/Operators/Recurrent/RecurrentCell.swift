import CTensorKernels

/// What differs between RNN, GRU and LSTM: gates, biases and one step.
protocol RecurrentCell: Sendable {
    /// Whether there is a second state beside the hidden one.
    var hasState: Bool { get }
    /// How the recurrent weights' rows are divided into products, in order.
    func products(hidden: Int) -> [Range<Int>]
    /// Units, from a gate on, whose recurrent bias belongs to the recurrent product; nil adds it to the input's.
    func separateBias(hidden: Int) -> Range<Int>?
    /// Moves `hidden` (and `state`) of all rows on by one step.
    func advance(_ step: RecurrentStep)
}

/// The operands of one step, all rows.
struct RecurrentStep {
    let kernels: KernelTable
    let cell: UnsafePointer<mk_recurrent_cell>
    let rows: Int
    let units: Int
    /// Rows of gates × units elements.
    let projected: UnsafePointer<Float>
    let projectedStride: Int
    let hidden: UnsafeMutablePointer<Float>
    let state: UnsafeMutablePointer<Float>
    /// Scratch for [rows, gates × units].
    let product: UnsafeMutablePointer<Float>
    /// Scratch for two of [rows, units].
    let candidate: UnsafeMutablePointer<Float>
    let reset: UnsafeMutablePointer<Float>
    let weights: (first: UnsafePointer<Float>, second: UnsafePointer<Float>)
    /// Added to the first product's columns.
    let bias: UnsafePointer<Float>?

    /// `output[rows, n] = input[rows, units] · packed + bias`.
    func multiply(
        _ input: UnsafePointer<Float>, _ packed: UnsafePointer<Float>, n: Int,
        bias: UnsafePointer<Float>? = nil, into output: UnsafeMutablePointer<Float>
    ) {
        var epilogue = FusedActivation.none.epilogue
        epilogue.column_bias = bias
        kernels.functions.gemm(rows, n, units, input, units, packed, output, n, &epilogue)
    }
}
