/// What an operator lowers to for exact shapes: a body and how its memory may be laid out.
struct Kernel: Sendable {
    typealias Body = @Sendable (borrowing KernelArguments) -> Void

    /// What the planner may do with the first output's memory.
    enum Placement: Sendable {
        case separate
        /// The output may overwrite one of these inputs, element by element, when nothing else reads it later.
        case inPlace([Int])
        /// The output is the input's bytes under another shape; the body never runs.
        case alias(Int)
    }

    var scratchByteCount = 0
    var placement = Placement.separate
    var body: Body

    init(scratchByteCount: Int = 0, placement: Placement = .separate, body: @escaping Body) {
        self.scratchByteCount = scratchByteCount
        self.placement = placement
        self.body = body
    }

    /// The first input's bytes under another shape.
    static let alias = Kernel(placement: .alias(0)) { _ in }
}

/// What a kernel found wrong with its operands' values, which no check of types and shapes can see: an index outside of a
/// table. The kernel writes something all the same, and the run fails after its step.
final class KernelFault {
    private(set) var message: String?

    /// Keeps the first message of a step.
    func set(_ message: String) { if self.message == nil { self.message = message } }

    func clear() { message = nil }
}

/// Where one step finds its operands; valid while the step runs. The plan has checked every shape and byte count.
struct KernelArguments: ~Copyable {
    let pointers: UnsafeMutablePointer<UnsafeMutableRawPointer?>
    let inputSlots: [Int]
    let outputSlots: [Int]
    let scratch: UnsafeMutableRawPointer?
    let fault: KernelFault

    /// - Precondition: the operator's arity admits the input and it is not omitted.
    func input<Element>(_ index: Int, as type: Element.Type = Element.self) -> UnsafePointer<Element> {
        UnsafePointer(Self.present(pointers[inputSlots[index]]).assumingMemoryBound(to: type))
    }

    func output<Element>(_ index: Int = 0, as type: Element.Type = Element.self) -> UnsafeMutablePointer<Element> {
        Self.present(pointers[outputSlots[index]]).assumingMemoryBound(to: type)
    }

    func rawInput(_ index: Int) -> UnsafeRawPointer { UnsafeRawPointer(Self.present(pointers[inputSlots[index]])) }
    func rawOutput(_ index: Int = 0) -> UnsafeMutableRawPointer { Self.present(pointers[outputSlots[index]]) }

    func scratch<Element>(as type: Element.Type = Element.self) -> UnsafeMutablePointer<Element> {
        Self.present(scratch).assumingMemoryBound(to: type)
    }

    /// The planner gave every used slot an address: a missing one is an error of this module, not of outside data.
    private static func present(_ pointer: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer {
        guard let pointer else { preconditionFailure("kernel argument without memory") }
        return pointer
    }
}
