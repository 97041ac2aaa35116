/// OneHotEncoder (ai.onnx.ml 1) of integers or strings: a column for each category.
struct OneHotEncoderOperator: StringOperator {
    private let categories: [Double]
    /// The columns of categories that are strings; nil when they are integers.
    private let columns: [StringKey: Int]?
    private let width: Int
    private let admitsUnknown: Bool

    init(_ node: inout NodeReader) throws(GraphError) {
        let names = try node.strings("cats_strings") ?? []
        categories = (try node.ints("cats_int64s") ?? []).map(Double.init)
        admitsUnknown = try node.bool("zeros", default: true)
        guard categories.isEmpty != names.isEmpty else {
            throw node.error(
                .invalidGraph,
                "found \(categories.count) elements of 'cats_int64s' and \(names.count) of 'cats_strings', expected one list"
            )
        }
        columns = names.isEmpty ? nil : Dictionary(names.enumerated().map { (StringKey($1), $0) }) { first, _ in first }
        width = max(categories.count, names.count)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, in: columns == nil ? [.float32, .float64, .int64, .int32] : [.string])
        let shape = try operands.makeShape(type.shape.dimensions + [width])
        return [TensorType(elementType: .float32, shape: shape)]
    }

    func evaluateStrings(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> [Tensor] {
        var ones: [Int] = []
        for (row, text) in try operands.strings(0).enumerated() {
            if let column = columns?[StringKey(text)] {
                ones.append(row * width + column)
            } else if !admitsUnknown {
                throw operands.error(
                    .invalidValue, "value '\(text.prefix(80))' at position \(row) is none of the \(width) categories")
            }
        }
        return [
            Tensor(.float32, shape: outputs[0].shape) { target in
                let y = target.initializeMemory(as: Float.self, repeating: 0)
                for index in ones { y[index] = 1 }
            }
        ]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let type = try operands.type(0)
        let (categories, admitsUnknown) = (categories, admitsUnknown)
        return Kernel { arguments in
            let y = arguments.output(0, as: Float.self)
            for (row, value) in arguments.doubles(0, type).enumerated() {
                let whole = value.rounded(.towardZero)
                if !admitsUnknown, !categories.contains(whole) {
                    arguments.fault.set(
                        "value \(value) at position \(row) is none of the \(categories.count) categories")
                }
                for (column, category) in categories.enumerated() {
                    y[row * categories.count + column] = category == whole ? 1 : 0
                }
            }
        }
    }
}
