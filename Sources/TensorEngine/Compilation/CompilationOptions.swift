/// How a graph is compiled, and the limits that hold whatever the graph says.
public struct CompilationOptions: Sendable, Hashable {
    public enum InstructionSetChoice: Sendable, Hashable {
        /// The best that this processor has.
        case automatic
        case avx512, avx2, baseline
    }

    public var instructionSet: InstructionSetChoice
    /// Bytes that one plan's intermediate values may take.
    public var maximumArenaByteCount: Int
    /// Elements that one intermediate value or output may have.
    public var maximumTensorElementCount: Int
    /// How often a Loop's or a Scan's graph may run.
    public var maximumLoopTripCount: Int
    /// Plans kept per compiled graph; the least recently used one goes first.
    public var maximumCachedPlanCount: Int
    /// Whether nodes are fused and rewritten; off to compare.
    public var fuses: Bool

    public init(
        instructionSet: InstructionSetChoice = .automatic, maximumArenaByteCount: Int = 1 << 30,
        maximumTensorElementCount: Int = 1 << 28, maximumCachedPlanCount: Int = 64,
        maximumLoopTripCount: Int = 1 << 20, fuses: Bool = true
    ) {
        self.instructionSet = instructionSet
        self.maximumArenaByteCount = maximumArenaByteCount
        self.maximumTensorElementCount = maximumTensorElementCount
        self.maximumCachedPlanCount = maximumCachedPlanCount
        self.maximumLoopTripCount = maximumLoopTripCount
        self.fuses = fuses
    }

    /// The chosen set and its kernels.
    /// - Throws: ``GraphError`` when this processor does not have them.
    func resolveInstructionSet() throws(GraphError) -> (InstructionSet, KernelTable) {
        let wanted: [InstructionSet] =
            switch instructionSet {
            case .automatic: [.avx512, .avx2, .baseline]
            case .avx512: [.avx512]
            case .avx2: [.avx2]
            case .baseline: [.baseline]
            }
        for set in wanted {
            if let kernels = set.kernels { return (set, kernels) }
        }
        throw GraphError(
            .unsupported,
            "instruction set \(wanted.map(\.rawValue).joined()) is not available, this processor has "
                + InstructionSet.available.map(\.rawValue).joined(separator: ", "))
    }
}
