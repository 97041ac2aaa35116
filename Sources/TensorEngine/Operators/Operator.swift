/// A value's element type and exact shape.
struct TensorType: Sendable, Hashable, CustomStringConvertible {
    var elementType: ElementType
    var shape: Shape

    var description: String { "\(elementType.rawValue) \(shape)" }
}

/// One operator with its attributes read: a shape and type rule, and a kernel. Semantics are the ONNX operator's of the
/// graph's operator-set version.
protocol Operator: Sendable {
    /// Reads and checks the attributes.
    init(_ node: inout NodeReader) throws(GraphError)
    /// The outputs' types for these operands, or what is wrong with them.
    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType]
    /// The kernel for these operands. Called after `outputTypes`, with its result.
    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel
    /// The outputs, when they follow from the operands' types alone (Shape, Constant), or from their values where an
    /// operator has no kernel but computes whole tensors.
    func constantOutputs(_ operands: Operands) throws(GraphError) -> [Tensor]?
    /// Whether operands and outputs of two dimensions and more may have no elements. Elsewhere it is a mistake.
    static var admitsEmpty: Bool { get }
    /// What it does with operands of strings.
    static var strings: StringHandling { get }
}

extension Operator {
    static var admitsEmpty: Bool { false }
    static var strings: StringHandling { .refused }

    func constantOutputs(_ operands: Operands) throws(GraphError) -> [Tensor]? { nil }
}

/// What a node is applied to, for one set of exact shapes.
struct Operands: Sendable {
    struct Operand: Sendable {
        var name: String
        var type: TensorType
        /// The value, when it is known before the run.
        var constant: Tensor?
        /// Whether the value is a constant of the graph, the same in all its plans.
        var isGraphConstant = false
    }

    let node: WorkNode
    let kernels: KernelTable
    let packedWeights: PackedWeights
    /// nil where an optional input is omitted.
    let inputs: [Operand?]
    let options: CompilationOptions

    var count: Int { inputs.count }

    func has(_ index: Int) -> Bool { index < inputs.count && inputs[index] != nil }

    func operand(_ index: Int) throws(GraphError) -> Operand {
        guard index < inputs.count, let operand = inputs[index] else {
            throw error(.invalidGraph, "input \(index) is omitted, expected a value")
        }
        return operand
    }

    func type(_ index: Int) throws(GraphError) -> TensorType { try operand(index).type }
    func shape(_ index: Int) throws(GraphError) -> Shape { try operand(index).type.shape }

    /// The type of an input whose elements must be one of `allowed`.
    func type(_ index: Int, among allowed: ElementType...) throws(GraphError) -> TensorType {
        let operand = try operand(index)
        guard allowed.contains(operand.type.elementType) else {
            let list = allowed.map(\.rawValue).joined(separator: ", ")
            throw error(
                .unsupported,
                "input '\(operand.name)' has element type \(operand.type.elementType.rawValue), supported: \(list)")
        }
        return operand.type
    }

    /// The value of an input on which the outputs' shapes depend.
    /// - Throws: ``GraphError/Kind/valueUnknown`` when it is computed at run time; the graph is then interpreted.
    func constant(_ index: Int, meaning: String) throws(GraphError) -> Tensor {
        let operand = try operand(index)
        guard let constant = operand.constant else {
            throw error(.valueUnknown, "\(meaning) '\(operand.name)' is computed at run time, expected a constant")
        }
        return constant
    }

    /// The elements of an int64 (or int32) input that must be known before the run.
    func constantIntegers(_ index: Int, meaning: String) throws(GraphError) -> [Int] {
        let operand = try operand(index)
        let constant = try constant(index, meaning: meaning)
        switch constant.elementType {
        case .int64: return constant.withElements(Int64.self) { $0.map { Int($0) } }
        case .int32: return constant.withElements(Int32.self) { $0.map { Int($0) } }
        default:
            throw error(
                .shapeMismatch,
                "\(meaning) '\(operand.name)' has element type \(constant.elementType.rawValue), expected int64")
        }
    }

    /// A checked shape.
    func makeShape(_ dimensions: [Int]) throws(GraphError) -> Shape {
        do { return try Shape(dimensions) } catch { throw self.error(.shapeMismatch, error.description) }
    }

    func error(_ kind: GraphError.Kind, _ message: String) -> GraphError { node.error(kind, message) }
}

extension Operands {
    /// `axis` counted from the front; negative counts from the back.
    func normalizedAxis(_ axis: Int, rank: Int, allowingEnd: Bool = false) throws(GraphError) -> Int {
        let upper = allowingEnd ? rank : rank - 1
        guard axis >= -rank, axis <= upper else {
            throw error(.shapeMismatch, "axis \(axis) is outside [\(-rank), \(upper)] for rank \(rank)")
        }
        return axis < 0 ? axis + rank : axis
    }

    /// Like ``normalizedAxis(_:rank:allowingEnd:)`` for several distinct axes.
    func normalizedAxes(_ axes: [Int], rank: Int) throws(GraphError) -> [Int] {
        var result: [Int] = []
        for axis in axes {
            let normalized = try normalizedAxis(axis, rank: rank)
            guard !result.contains(normalized) else {
                throw error(.shapeMismatch, "axis \(axis) is named twice in \(axes)")
            }
            result.append(normalized)
        }
        return result
    }
}
