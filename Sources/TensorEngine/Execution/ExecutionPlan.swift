/// A compiled graph specialised on exact input shapes: steps in order, and where every value lies. Immutable and shared
/// between threads; an ``ExecutionContext`` runs it.
public final class ExecutionPlan: Sendable {
    public let inputShapes: [Shape]
    public let inputTypes: [ElementType]
    public let outputShapes: [Shape]
    public let outputTypes: [ElementType]
    /// Bytes of intermediate values; a context's arena has at least as many.
    public let arenaByteCount: Int

    let inputNames: [String]
    let outputNames: [String]
    let steps: [Step]
    /// Where each slot's memory is.
    let slots: [Location]
    /// Outputs that are inputs, constants or other outputs: (slot to copy from, output index).
    let copies: [Copy]

    struct Step: Sendable {
        let name: String
        let operatorType: String
        let kernel: Kernel
        let inputSlots: [Int]
        let outputSlots: [Int]
        /// The offset of the scratch memory, nil without any.
        let scratchSlot: Int?
    }

    enum Location: Sendable {
        case input(Int)
        case output(Int)
        case constant(Tensor)
        case arena(offset: Int)
        /// An omitted optional operand.
        case none
    }

    struct Copy: Sendable {
        let slot: Int
        let output: Int
    }

    init(
        inputs: [(name: String, type: TensorType)], outputs: [(name: String, type: TensorType)], steps: [Step],
        slots: [Location], copies: [Copy], arenaByteCount: Int
    ) {
        self.inputShapes = inputs.map(\.type.shape)
        self.inputTypes = inputs.map(\.type.elementType)
        self.inputNames = inputs.map(\.name)
        self.outputShapes = outputs.map(\.type.shape)
        self.outputTypes = outputs.map(\.type.elementType)
        self.outputNames = outputs.map(\.name)
        self.steps = steps
        self.slots = slots
        self.copies = copies
        self.arenaByteCount = arenaByteCount
    }

    public func inputByteCount(_ index: Int) -> Int {
        inputShapes[index].elementCount * inputTypes[index].byteCount
    }

    public func outputByteCount(_ index: Int) -> Int {
        outputShapes[index].elementCount * outputTypes[index].byteCount
    }

    /// The operator types of the steps that run, in order; aliases such as Reshape need none.
    package var stepOperatorTypes: [String] { steps.map(\.operatorType) }
}
