/// OneHotEncoder (ai.onnx.ml 1) of integers: a column for each category.
struct OneHotEncoderOperator: Operator {
    private let categories: [Double]
    private let admitsUnknown: Bool

    init(_ node: inout NodeReader) throws(GraphError) {
        guard try (node.strings("cats_strings") ?? []).isEmpty else {
            throw node.error(.unsupported, "the categories are strings (cats_strings), supported are integers")
        }
        categories = (try node.ints("cats_int64s") ?? []).map(Double.init)
        admitsUnknown = try node.bool("zeros", default: true)
        guard !categories.isEmpty else { throw node.error(.invalidGraph, "attribute 'cats_int64s' is missing") }
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, in: [.float32, .float64, .int64, .int32])
        let shape = try operands.makeShape(type.shape.dimensions + [categories.count])
        return [TensorType(elementType: .float32, shape: shape)]
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

/// LabelEncoder (ai.onnx.ml 2 to 4) from numbers to numbers.
struct LabelEncoderOperator: Operator {
    private let table: [Double: Double]
    private let notANumber: Double?
    private let otherwise: Double
    private let elementType: ElementType

    init(_ node: inout NodeReader) throws(GraphError) {
        for name in ["keys_strings", "values_strings"] where node.node.node.attributes[name] != nil {
            throw node.error(.unsupported, "attribute '\(name)': strings are not supported")
        }
        _ = try node.string("default_string", default: "")
        let integers = (keys: try node.ints("keys_int64s"), values: try node.ints("values_int64s"))
        let keys = try node.numbers("keys_floats", tensor: "keys_tensor") ?? integers.keys?.map(Double.init) ?? []
        let valueTensor = node.node.node.attributes["values_tensor"]
        let values =
            try node.numbers("values_floats", tensor: "values_tensor") ?? integers.values?.map(Double.init) ?? []
        let defaults = (
            Double(try node.int("default_int64", default: -1)), Double(try node.float("default_float", default: -0.0))
        )
        let given = try node.tensor("default_tensor")
        if case .tensor(let tensor)? = valueTensor {
            elementType = tensor.elementType
        } else {
            elementType = integers.values != nil ? .int64 : .float32
        }
        guard keys.count == values.count, !keys.isEmpty else {
            throw node.error(.invalidGraph, "found \(keys.count) keys and \(values.count) values, expected as many")
        }
        otherwise =
            given?.converted(to: .float64)?.withElements(Double.self) { $0.first ?? 0 }
            ?? (elementType == .float32 || elementType == .float64 ? defaults.1 : defaults.0)
        var table: [Double: Double] = [:]
        var notANumber: Double?
        for (key, value) in zip(keys, values) {
            if key.isNaN { notANumber = notANumber ?? value } else { table[key] = table[key] ?? value }
        }
        (self.table, self.notANumber) = (table, notANumber)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, in: ElementType.numeric)
        return [TensorType(elementType: elementType, shape: type.shape)]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let type = try operands.type(0)
        let (table, notANumber, otherwise) = (table, notANumber, otherwise)
        return Kernel { arguments in
            let results = arguments.doubles(0, type).map { key in
                key.isNaN ? notANumber ?? otherwise : table[key] ?? otherwise
            }
            arguments.store(results, 0, outputs[0])
        }
    }
}
