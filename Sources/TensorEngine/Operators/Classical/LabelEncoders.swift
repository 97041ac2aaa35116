/// One side of a mapping of labels.
private enum LabelList: Sendable {
    case numbers([Double])
    case strings([String])

    var count: Int {
        switch self {
        case .numbers(let list): list.count
        case .strings(let list): list.count
        }
    }
}

/// LabelEncoder (ai.onnx.ml 1 to 4) and CategoryMapper (1): numbers or strings to numbers or strings.
struct LabelEncoderOperator: StringOperator {
    /// The places of keys among the values.
    private enum Keys: Sendable {
        case numbers([Double: Int], notANumber: Int?)
        case strings([StringKey: Int])
    }

    /// The values, and what stands for a key that is none.
    private enum Values: Sendable {
        case numbers([Double], otherwise: Double, ElementType)
        case strings([String], otherwise: String)
    }

    private struct Mapping: Sendable {
        let keys: Keys
        let values: Values

        init(_ keys: LabelList, _ values: Values) {
            self.values = values
            switch keys {
            case .numbers(let list):
                var (table, notANumber): ([Double: Int], Int?) = ([:], nil)
                for (place, key) in list.enumerated() {
                    if key.isNaN { notANumber = notANumber ?? place } else { table[key] = table[key] ?? place }
                }
                self.keys = .numbers(table, notANumber: notANumber)
            case .strings(let list):
                self.keys = .strings(Dictionary(list.enumerated().map { (StringKey($1), $0) }) { first, _ in first })
            }
        }

        var elementType: ElementType {
            if case .numbers(_, _, let type) = values { type } else { .string }
        }
    }

    /// For keys that are numbers, and for strings.
    private let (byNumber, byString): (Mapping?, Mapping?)

    init(_ node: inout NodeReader) throws(GraphError) {
        let defaults = (
            string: try node.string("default_string", default: "_Unused"),
            integer: Double(try node.int("default_int64", default: -1))
        )
        let attributes = node.node.node.attributes
        let isMapper = node.node.node.operatorType == "CategoryMapper"
        if isMapper || attributes["classes_strings"] != nil {
            // Between strings and integers, whichever comes in.
            let names = try node.strings(isMapper ? "cats_strings" : "classes_strings") ?? []
            let numbers =
                isMapper ? (try node.ints("cats_int64s") ?? []).map(Double.init) : names.indices.map(Double.init)
            guard names.count == numbers.count, !names.isEmpty else {
                throw node.error(
                    .invalidGraph, "found \(names.count) strings and \(numbers.count) integers, expected as many")
            }
            byNumber = Mapping(.numbers(numbers), .strings(names, otherwise: defaults.string))
            byString = Mapping(.strings(names), .numbers(numbers, otherwise: defaults.integer, .int64))
            return
        }
        let float = Double(try node.float("default_float", default: -0.0))
        let given = try node.tensor("default_tensor")
        let (keys, _) = try Self.list(&node, "keys")
        let (values, type) = try Self.list(&node, "values")
        guard keys.count == values.count, keys.count > 0 else {
            throw node.error(.invalidGraph, "found \(keys.count) keys and \(values.count) values, expected as many")
        }
        let mapping: Mapping
        switch values {
        case .strings(let list):
            mapping = Mapping(keys, .strings(list, otherwise: given?.strings.first ?? defaults.string))
        case .numbers(let list):
            let otherwise =
                given?.converted(to: .float64)?.withElements(Double.self) { $0.first ?? 0 }
                ?? (type == .float32 || type == .float64 ? float : defaults.integer)
            mapping = Mapping(keys, .numbers(list, otherwise: otherwise, type))
        }
        if case .strings = keys { (byNumber, byString) = (nil, mapping) } else { (byNumber, byString) = (mapping, nil) }
    }

    /// The keys or the values, from whichever of the four attributes there is.
    private static func list(
        _ node: inout NodeReader, _ name: String
    ) throws(GraphError) -> (list: LabelList, type: ElementType) {
        let strings = try node.strings("\(name)_strings")
        let integers = try node.ints("\(name)_int64s")
        if case .tensor(let tensor)? = node.node.node.attributes["\(name)_tensor"] {
            if tensor.elementType == .string {
                _ = try node.tensor("\(name)_tensor")
                return (.strings(tensor.strings), .string)
            }
            return (.numbers(try node.numbers("", tensor: "\(name)_tensor") ?? []), tensor.elementType)
        }
        if let strings { return (.strings(strings), .string) }
        if let floats = try node.floats("\(name)_floats") { return (.numbers(floats.map(Double.init)), .float32) }
        return (.numbers((integers ?? []).map(Double.init)), .int64)
    }

    private func mapping(_ operands: Operands) throws(GraphError) -> Mapping {
        let operand = try operands.operand(0)
        let isString = operand.type.elementType == .string
        guard let mapping = isString ? byString : byNumber else {
            throw operands.error(
                .shapeMismatch,
                "input '\(operand.name)' is \(operand.type.elementType.rawValue), the keys are "
                    + (isString ? "numbers" : "strings"))
        }
        return mapping
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, in: ElementType.numeric + [.string])
        return [TensorType(elementType: try mapping(operands).elementType, shape: type.shape)]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let type = try operands.type(0)
        guard case .numbers(let values, let otherwise, _) = try mapping(operands).values else {
            throw operands.error(.valueUnknown, "makes strings, for which there are no kernels")
        }
        let places = try mapping(operands).keys
        return Kernel { arguments in
            let results = Self.places(arguments.doubles(0, type), places).map { $0.map { values[$0] } ?? otherwise }
            arguments.store(results, 0, outputs[0])
        }
    }

    func evaluateStrings(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> [Tensor] {
        let mapping = try mapping(operands)
        let places: [Int?]
        if case .strings(let table) = mapping.keys {
            places = try operands.strings(0).map { table[StringKey($0)] }
        } else {
            let value = try operands.constant(0, meaning: "input")
            let numbers = value.converted(to: .float64)?.withElements(Double.self) { Array($0) } ?? []
            places = Self.places(numbers, mapping.keys)
        }
        switch mapping.values {
        case .strings(let list, let otherwise):
            return [try operands.stringTensor(outputs[0].shape, places.map { $0.map { list[$0] } ?? otherwise })]
        case .numbers(let list, let otherwise, let type):
            let numbers = places.map { $0.map { list[$0] } ?? otherwise }
            return [
                Tensor(type, shape: outputs[0].shape) { target in
                    numbers.withUnsafeBytes { source in
                        guard let from = source.baseAddress, let to = target.baseAddress else { return }
                        ElementConversion(from: .float64, to: type).convert(from, to: to, numbers.count)
                    }
                }
            ]
        }
    }

    private static func places(_ numbers: [Double], _ keys: Keys) -> [Int?] {
        guard case .numbers(let table, let notANumber) = keys else { return numbers.map { _ in nil } }
        return numbers.map { $0.isNaN ? notANumber : table[$0] }
    }
}
