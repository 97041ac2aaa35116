/// RowLookup, this engine's own: for each identifier the row of a table [rows, features]. Identifiers are integers, or
/// float32 whose fraction is cut off, as Keras's Embedding takes them. One that is outside the table gives a row of NaN: a
/// kernel cannot refuse a request, and an answer made from another row would look like one.
struct RowLookupOperator: Operator {
    init(_ node: inout NodeReader) throws(GraphError) {}

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let table = try operands.type(0, among: .float32).shape
        let identifiers = try operands.type(1, among: .float32, .int32, .int64).shape
        guard table.rank == 2 else {
            throw operands.error(.shapeMismatch, "the table is \(table), expected two dimensions")
        }
        let shape = try operands.makeShape(identifiers.dimensions + [table[1]])
        return [TensorType(elementType: .float32, shape: shape)]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let table = try operands.shape(0)
        let (rows, features) = (table[0], table[1])
        let type = try operands.type(1)
        let count = type.shape.elementCount
        func body<Element>(_ row: @escaping @Sendable (Element) -> Int?) -> Kernel {
            Kernel { arguments in
                let source = arguments.input(0, as: Float.self)
                let identifiers = arguments.input(1, as: Element.self)
                let target = arguments.output(0, as: Float.self)
                for index in 0..<count {
                    if let row = row(identifiers[index]), (0..<rows).contains(row) {
                        (target + index * features).update(from: source + row * features, count: features)
                    } else {
                        (target + index * features).update(repeating: .nan, count: features)
                    }
                }
            }
        }
        switch type.elementType {
        case .int32: return body { (value: Int32) in Int(value) }
        case .int64: return body { (value: Int64) in Int(exactly: value) }
        default: return body { (value: Float) in Int(exactly: value.rounded(.towardZero)) }
        }
    }
}
