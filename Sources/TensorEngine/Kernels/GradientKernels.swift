import CTensorKernels

/// An element type with C functions for gradients: float32, or float64 for their checks.
protocol GradientKernelElement: GradientElement {
    static func gradientKernels(_ table: KernelTable) -> GradientKernels<Self>
}

/// The C functions of one instruction set for one element type (`CTensorKernelsGradient.h`); static, immutable memory,
/// hence sendable.
struct GradientKernels<Element: GradientKernelElement>: @unchecked Sendable {
    typealias Source = UnsafePointer<Element>?
    typealias Target = UnsafeMutablePointer<Element>?
    typealias Offsets = UnsafePointer<Int>?
    typealias Sums = UnsafeMutablePointer<Double>?
    typealias Window = UnsafePointer<mk_window>?
    typealias Rows = UnsafePointer<UInt8>?
    typealias Functions = UnsafePointer<mk_gate_function>?

    let lanes: Int
    let product: (Int, Int, Int, Source, Offsets, Offsets, Source, Source, Int, Target, Int) -> Void
    let pack: (Int, Int, Int, Int, Source, Int, Int, Target) -> Void
    let packGathered: (Int, Int, Source, Offsets, Int, Target) -> Void
    let unpack: (Int, Int, Source, Int, Source, Target, Int, Int) -> Void
    let pad: (Int, Source, Int, Target, Int, Int, Offsets, Offsets, Int) -> Void
    let channelSum: (Source, Int, Int, Int, Sums, Target) -> Void
    let depthwiseInput: (Window, Source, Source, Target) -> Void
    let depthwiseWeight: (Window, Source, Source, Sums) -> Void
    let maxPool: (Window, Source, Source, Target) -> Void
    let averagePool: (Window, Source, UnsafePointer<Float>?, UnsafePointer<Float>?, Target) -> Void
    let moments: (Source, Int, Int, Int, Sums, Sums) -> Void
    let normalize: (Source, Target, Int, Int, Int, Source, Source, Source) -> Void
    let normalizationSums: (Source, Source, Int, Int, Int, Source, Sums, Sums) -> Void
    let normalizationInput: (Source, Source, Target, Int, Int, Int, Source, Source, Source, Source) -> Void
    let dropout: (Source, Target, UnsafeMutablePointer<UInt8>?, Int, UInt64, UInt64, Element) -> Void
    let rnnForward: (mk_gate_function, Int, Int, Rows, Target, Source, Target) -> Void
    let rnnBackward: (mk_gate_function, Int, Int, Rows, Source, Target, Target) -> Void
    let lstmForward: (Functions, Int, Int, Rows, Target, Source, Source, Target, Target, Target) -> Void
    let lstmBackward: (Functions, Int, Int, Rows, Source, Source, Source, Target, Target, Target) -> Void
    let gruGates: (mk_gate_function, Int32, Int, Int, Target, Source, Target) -> Void
    let gruForward: (mk_gate_function, Int32, Int, Int, Rows, Target, Source, Source, Target) -> Void
    let gruBackward:
        (
            mk_gate_function, mk_gate_function, Int32, Int, Int, Rows, Source, Source, Source, Target, Target, Target
        ) -> Void
    let gruBackwardReset: (mk_gate_function, Int, Int, Source, Source, Source, Target, Target) -> Void

    /// Elements that a packed `k × n` operand takes.
    func packedCount(k: Int, n: Int) -> Int { k * ((n + lanes - 1) / lanes * lanes) }
}

extension Float: GradientKernelElement {
    static func gradientKernels(_ table: KernelTable) -> GradientKernels<Float> {
        let c = table.gradientsFloat
        return GradientKernels(
            lanes: c.lanes, product: c.product, pack: c.pack, packGathered: c.pack_gathered, unpack: c.unpack,
            pad: c.pad, channelSum: c.channel_sum, depthwiseInput: c.depthwise_input,
            depthwiseWeight: c.depthwise_weight, maxPool: c.max_pool, averagePool: c.average_pool, moments: c.moments,
            normalize: c.normalize, normalizationSums: c.normalization_sums,
            normalizationInput: c.normalization_input, dropout: c.dropout, rnnForward: c.rnn_forward,
            rnnBackward: c.rnn_backward, lstmForward: c.lstm_forward, lstmBackward: c.lstm_backward,
            gruGates: c.gru_gates, gruForward: c.gru_forward, gruBackward: c.gru_backward,
            gruBackwardReset: c.gru_backward_reset)
    }
}

extension Double: GradientKernelElement {
    static func gradientKernels(_ table: KernelTable) -> GradientKernels<Double> {
        let c = table.gradientsDouble
        return GradientKernels(
            lanes: c.lanes, product: c.product, pack: c.pack, packGathered: c.pack_gathered, unpack: c.unpack,
            pad: c.pad, channelSum: c.channel_sum, depthwiseInput: c.depthwise_input,
            depthwiseWeight: c.depthwise_weight, maxPool: c.max_pool, averagePool: c.average_pool, moments: c.moments,
            normalize: c.normalize, normalizationSums: c.normalization_sums,
            normalizationInput: c.normalization_input, dropout: c.dropout, rnnForward: c.rnn_forward,
            rnnBackward: c.rnn_backward, lstmForward: c.lstm_forward, lstmBackward: c.lstm_backward,
            gruGates: c.gru_gates, gruForward: c.gru_forward, gruBackward: c.gru_backward,
            gruBackwardReset: c.gru_backward_reset)
    }
}

extension KernelTable {
    /// - Precondition: the table is of an instruction set that this processor has, as every table is.
    fileprivate var gradientsFloat: mk_gradients_f32 {
        guard let table = mk_gradients_f32_for(functions.instruction_set) else {
            preconditionFailure("no gradient kernels for \(functions.instruction_set)")
        }
        return table.pointee
    }

    fileprivate var gradientsDouble: mk_gradients_f64 {
        guard let table = mk_gradients_f64_for(functions.instruction_set) else {
            preconditionFailure("no gradient kernels for \(functions.instruction_set)")
        }
        return table.pointee
    }
}

/// Calls a generic function with the Swift type of an element type and its C functions.
protocol GradientKernelVisitor {
    associatedtype Result
    func visit<Element: GradientKernelElement>(_ kernels: GradientKernels<Element>) throws(GraphError) -> Result
}

extension Operands {
    /// The element types that gradients are computed in.
    static let gradientTypes: [ElementType] = [.float32, .float64]

    /// Runs a visitor on an element type that ``gradientTypes`` has.
    func visitGradientKernels<Visitor: GradientKernelVisitor>(
        _ elementType: ElementType, _ visitor: Visitor
    ) throws(GraphError) -> Visitor.Result {
        switch elementType {
        case .float32: return try visitor.visit(Float.gradientKernels(kernels))
        case .float64: return try visitor.visit(Double.gradientKernels(kernels))
        default:
            throw error(.unsupported, "element type \(elementType.rawValue), supported in training: float32, float64")
        }
    }
}

/// Divides a kernel's scratch memory into parts of one element type, each aligned to a cache line.
struct ScratchLayout: Sendable {
    private(set) var byteCount = 0

    /// The offset in bytes of a part of `count` elements.
    mutating func take<Element>(_ count: Int, of type: Element.Type) -> Int {
        defer { byteCount += (max(count, 0) * MemoryLayout<Element>.stride + 63) / 64 * 64 }
        return byteCount
    }
}

extension KernelArguments {
    /// A part of the scratch memory that a ``ScratchLayout`` gave away.
    func scratch<Element>(at offset: Int, as type: Element.Type = Element.self) -> UnsafeMutablePointer<Element> {
        (scratch(as: UInt8.self) + offset).withMemoryRebound(to: type, capacity: 1) { $0 }
    }
}
