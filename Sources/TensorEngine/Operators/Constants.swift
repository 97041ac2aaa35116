/// Constant (opset 1 to 23): a tensor, a number or string, or a list of them as an attribute.
struct ConstantOperator: Operator {
    let value: Tensor

    static var admitsEmpty: Bool { true }

    init(_ node: inout NodeReader) throws(GraphError) {
        let names = [
            "value", "value_float", "value_floats", "value_int", "value_ints", "value_string", "value_strings",
        ]
        let present = names.filter { node.node.node.attributes[$0] != nil }
        guard present.count == 1 else {
            throw node.error(.invalidGraph, "has \(present.count) of the attributes \(names), expected one")
        }
        do {
            switch node.take(present[0]) {
            case .tensor(let tensor): value = tensor
            case .float(let number): value = try Tensor(shape: [], elements: [number])
            case .floats(let numbers): value = try Tensor(shape: [numbers.count], elements: numbers)
            case .int(let number): value = try Tensor(shape: [], elements: [Int64(number)])
            case .ints(let numbers): value = try Tensor(shape: [numbers.count], elements: numbers.map { Int64($0) })
            case .string(let text): value = try Tensor(shape: [], strings: [text])
            case .strings(let texts): value = try Tensor(shape: [texts.count], strings: texts)
            default: throw node.error(.invalidGraph, "attribute '\(present[0])' has the wrong type")
            }
        } catch let error as GraphError {
            throw error
        } catch {
            throw node.error(.invalidGraph, "\(error)")
        }
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        [TensorType(elementType: value.elementType, shape: value.shape)]
    }

    func constantOutputs(_ operands: Operands) throws(GraphError) -> [Tensor]? { [value] }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        throw operands.error(.unsupported, "a constant has no kernel")
    }
}

/// Shape (opset 1 to 21): known before the run, because plans are made for exact shapes.
struct ShapeOperator: Operator {
    static var strings: StringHandling { .moved }
    private let start: Int
    private let end: Int?

    static var admitsEmpty: Bool { true }

    init(_ node: inout NodeReader) throws(GraphError) {
        start = try node.int("start", default: 0)
        end = node.node.node.attributes["end"] == nil ? nil : try node.int("end", default: 0)
    }

    private func extents(_ operands: Operands) throws(GraphError) -> [Int] {
        let shape = try operands.shape(0)
        func clamp(_ axis: Int) -> Int { min(max(axis < 0 ? axis + shape.rank : axis, 0), shape.rank) }
        let (first, last) = (clamp(start), clamp(end ?? shape.rank))
        return first < last ? Array(shape.dimensions[first..<last]) : []
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let count = try extents(operands).count
        return [TensorType(elementType: .int64, shape: try operands.makeShape([count]))]
    }

    func constantOutputs(_ operands: Operands) throws(GraphError) -> [Tensor]? {
        let extents = try extents(operands).map { Int64($0) }
        let shape = try operands.makeShape([extents.count])
        return [
            Tensor(.int64, shape: shape) { buffer in
                extents.withUnsafeBytes { if !$0.isEmpty { buffer.copyMemory(from: $0) } }
            }
        ]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        throw operands.error(.unsupported, "a shape has no kernel")
    }
}
