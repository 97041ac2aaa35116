/// Operators whose output is the input's bytes under another shape; they cost nothing at run time. Flatten (opset 1 to
/// 21), Squeeze and Unsqueeze (axes as attribute before opset 13, as input from then on), Identity.
struct ReshapingOperator: Operator {
    static var strings: StringHandling { .moved }
    static let names: Set<String> = ["Flatten", "Squeeze", "Unsqueeze", "Identity"]

    private let operatorType: String
    private let axis: Int
    private let axes: [Int]?

    static var admitsEmpty: Bool { true }

    init(_ node: inout NodeReader) throws(GraphError) {
        operatorType = node.node.node.operatorType
        axis = operatorType == "Flatten" ? try node.int("axis", default: 1) : 0
        let takesAxes = operatorType == "Squeeze" || operatorType == "Unsqueeze"
        axes = takesAxes && node.operatorSetVersion < 13 ? try node.ints("axes") : nil
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0)
        let shape = type.shape
        let dimensions: [Int]
        switch operatorType {
        case "Flatten":
            let axis = try operands.normalizedAxis(axis, rank: shape.rank, allowingEnd: true)
            dimensions = [shape.dimensions[..<axis].reduce(1, *), shape.dimensions[axis...].reduce(1, *)]
        case "Squeeze": dimensions = try squeezed(shape, operands)
        case "Unsqueeze": dimensions = try unsqueezed(shape, operands)
        default: dimensions = shape.dimensions
        }
        let result = TensorType(elementType: type.elementType, shape: try operands.makeShape(dimensions))
        return [TensorType](repeating: result, count: operands.node.node.outputs.count)
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel { .alias }

    private func axesList(_ operands: Operands) throws(GraphError) -> [Int]? {
        if let axes { return axes }
        return operands.has(1) ? try operands.constantIntegers(1, meaning: "axes") : nil
    }

    private func squeezed(_ shape: Shape, _ operands: Operands) throws(GraphError) -> [Int] {
        guard let list = try axesList(operands) else { return shape.dimensions.filter { $0 != 1 } }
        let axes = try operands.normalizedAxes(list, rank: shape.rank)
        for axis in axes where shape[axis] != 1 {
            throw operands.error(.shapeMismatch, "cannot squeeze axis \(axis) of \(shape): its extent is not 1")
        }
        return shape.dimensions.indices.filter { !axes.contains($0) }.map { shape[$0] }
    }

    private func unsqueezed(_ shape: Shape, _ operands: Operands) throws(GraphError) -> [Int] {
        guard let list = try axesList(operands) else {
            throw operands.error(.invalidGraph, "axes are missing")
        }
        guard list.count <= 16 else {
            throw operands.error(.limitExceeded, "found \(list.count) axes, at most 16 allowed")
        }
        let rank = shape.rank + list.count
        let axes = try operands.normalizedAxes(list, rank: rank)
        var rest = shape.dimensions[...]
        return (0..<rank).map { axes.contains($0) ? 1 : rest.popFirst() ?? 1 }
    }
}

/// Reshape (opset 5, 13, 14): a target extent of 0 copies the input's (unless `allowzero`), one of -1 is inferred.
struct ReshapeOperator: Operator {
    static var strings: StringHandling { .moved }
    private let allowsZero: Bool

    static var admitsEmpty: Bool { true }

    init(_ node: inout NodeReader) throws(GraphError) {
        allowsZero = try node.bool("allowzero", default: false)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0)
        let target = try operands.constantIntegers(1, meaning: "shape")
        var dimensions = target
        let mismatch = "cannot reshape \(type.shape) to \(target)"
        for (axis, extent) in target.enumerated() where extent == 0 && !allowsZero {
            guard axis < type.shape.rank else {
                throw operands.error(.shapeMismatch, "\(mismatch): the input has no axis \(axis) to copy")
            }
            dimensions[axis] = type.shape[axis]
        }
        guard dimensions.allSatisfy({ $0 >= -1 }) else {
            throw operands.error(.shapeMismatch, "\(mismatch): an extent is negative")
        }
        let inferred = dimensions.indices.filter { dimensions[$0] == -1 }
        guard inferred.count <= 1 else {
            throw operands.error(.shapeMismatch, "\(mismatch): two extents are to be inferred")
        }
        if let axis = inferred.first {
            dimensions[axis] = 1
            let known = try operands.makeShape(dimensions).elementCount
            guard known > 0 || type.shape.elementCount == 0, known == 0 || type.shape.elementCount % known == 0 else {
                throw operands.error(.shapeMismatch, mismatch)
            }
            dimensions[axis] = known == 0 ? 0 : type.shape.elementCount / known
        }
        let shape = try operands.makeShape(dimensions)
        guard shape.elementCount == type.shape.elementCount else {
            throw operands.error(.shapeMismatch, mismatch)
        }
        return [TensorType(elementType: type.elementType, shape: shape)]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel { .alias }
}
