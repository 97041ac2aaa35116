/// The extents of a recurrent layer, checked against all of its operands.
struct RecurrentShape: Sendable {
    let steps: Int
    let batch: Int
    let inputSize: Int
    /// Units.
    let hidden: Int
    let directions: Int
    /// Rows of one direction's weights: gates × units.
    let gateRows: Int
    let isBatchFirst: Bool
    let elementType: ElementType

    /// The operands' places; the mask is the last.
    enum Input { static let bias = 3, lengths = 4, initialHidden = 5, initialState = 6, peepholes = 7 }

    init(
        _ attributes: RecurrentAttributes, _ operands: Operands, gates: Int, hasState: Bool,
        types: [ElementType] = [.float32]
    ) throws(GraphError) {
        let input = try operands.type(0, in: types)
        let x = input.shape
        elementType = input.elementType
        let w = try operands.type(1, among: elementType).shape
        let r = try operands.type(2, among: elementType).shape
        guard x.rank == 3, w.rank == 3, r.rank == 3 else {
            throw operands.error(
                .shapeMismatch, "X is \(x), W \(w), R \(r), expected three dimensions each")
        }
        isBatchFirst = attributes.isBatchFirst
        (steps, batch, inputSize) = isBatchFirst ? (x[1], x[0], x[2]) : (x[0], x[1], x[2])
        directions = attributes.directionCount
        hidden = r[2]
        gateRows = r[1]
        guard steps > 0, batch > 0, inputSize > 0, hidden > 0 else {
            throw operands.error(.shapeMismatch, "X is \(x), R \(r): expected no extent of 0")
        }
        if let declared = attributes.hiddenSize, declared != hidden {
            throw operands.error(.shapeMismatch, "hidden_size is \(declared), R is \(r)")
        }
        guard gateRows % gates == 0, gateRows / gates == hidden, r[0] == directions else {
            throw operands.error(.shapeMismatch, "R is \(r), expected [\(directions), \(gates) · units, units]")
        }
        guard w.dimensions == [directions, gateRows, inputSize] else {
            throw operands.error(
                .shapeMismatch, "W is \(w), expected [\(directions), \(gateRows), \(inputSize)] for X \(x)")
        }
        try check(Input.bias, "B", [directions, 2 * gateRows], operands)
        let stateShape = isBatchFirst ? [batch, directions, hidden] : [directions, batch, hidden]
        try check(Input.initialHidden, "initial_h", stateShape, operands)
        if hasState {
            try check(Input.initialState, "initial_c", stateShape, operands)
            try check(Input.peepholes, "P", [directions, 3 * hidden], operands)
        }
        if operands.has(Input.lengths) {
            let lengths = try operands.type(Input.lengths, among: .int32).shape
            guard lengths.dimensions == [batch] else {
                throw operands.error(.shapeMismatch, "sequence_lens is \(lengths), expected [\(batch)]")
            }
        }
        if attributes.isMasked {
            _ = try operands.operand(operands.count - 1)
            let mask = isBatchFirst ? [batch, steps] : [steps, batch]
            try check(operands.count - 1, "the mask", mask, operands, .float32)
        }
    }

    private func check(
        _ index: Int, _ name: String, _ expected: [Int], _ operands: Operands, _ type: ElementType? = nil
    ) throws(GraphError) {
        guard operands.has(index) else { return }
        let shape = try operands.type(index, among: type ?? elementType).shape
        guard shape.dimensions == expected else {
            throw operands.error(.shapeMismatch, "\(name) is \(shape), expected \(expected)")
        }
    }

    /// Y, Y_h and Y_c, as many as the node has.
    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let sequence = isBatchFirst ? [batch, steps, directions, hidden] : [steps, directions, batch, hidden]
        let last = isBatchFirst ? [batch, directions, hidden] : [directions, batch, hidden]
        var types: [TensorType] = []
        for index in operands.node.node.outputs.indices {
            let shape = try operands.makeShape(index == 0 ? sequence : last)
            types.append(TensorType(elementType: elementType, shape: shape))
        }
        return types
    }

    /// Where Y has the units of one row at one time.
    func sequenceOffset(time: Int, direction: Int, row: Int) -> Int {
        isBatchFirst
            ? ((row * steps + time) * directions + direction) * hidden
            : ((time * directions + direction) * batch + row) * hidden
    }

    /// Where initial states, Y_h and Y_c have the units of one row.
    func stateOffset(direction: Int, row: Int) -> Int {
        (isBatchFirst ? row * directions + direction : direction * batch + row) * hidden
    }

    /// The index of a step in the mask.
    func maskOffset(time: Int, row: Int) -> Int { isBatchFirst ? row * steps + time : time * batch + row }
}
