/// Scaler, Normalizer, Binarizer and Imputer (ai.onnx.ml 1): functions of rows of features.
struct FeatureOperator: Operator {
    private enum Kind: Sendable {
        case scaler(scale: [Double], offset: [Double])
        case normalizer(String)
        case binarizer(Double)
        case imputer(missing: Double, values: [Double])
    }

    private let kind: Kind

    init(_ node: inout NodeReader) throws(GraphError) {
        switch node.node.node.operatorType {
        case "Scaler":
            kind = .scaler(
                scale: (try node.floats("scale") ?? []).map { Double($0) },
                offset: (try node.floats("offset") ?? []).map { Double($0) })
        case "Normalizer":
            let norm = try node.string("norm", default: "MAX")
            guard ["MAX", "L1", "L2"].contains(norm) else {
                throw node.error(.invalidGraph, "norm is '\(norm)', expected MAX, L1 or L2")
            }
            kind = .normalizer(norm)
        case "Binarizer": kind = .binarizer(Double(try node.float("threshold", default: 0)))
        default:
            let floats = try node.floats("imputed_value_floats")
            let integers = try node.ints("imputed_value_int64s")
            let missing = (
                Double(try node.float("replaced_value_float", default: 0)),
                Double(try node.int("replaced_value_int64", default: 0))
            )
            guard let values = floats?.map({ Double($0) }) ?? integers?.map({ Double($0) }), !values.isEmpty else {
                throw node.error(.invalidGraph, "imputed_value_floats and imputed_value_int64s are missing")
            }
            kind = .imputer(missing: floats == nil ? missing.1 : missing.0, values: values)
        }
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, in: [.float32, .float64, .int64, .int32])
        let width = type.shape.dimensions.last ?? 1
        func check(_ list: [Double], _ name: String) throws(GraphError) {
            guard list.count <= 1 || list.count == width else {
                throw operands.error(.shapeMismatch, "\(name) has \(list.count) values for \(width) features")
            }
        }
        switch kind {
        case .scaler(let scale, let offset):
            try check(scale, "scale")
            try check(offset, "offset")
        case .imputer(_, let values):
            try check(values, "the imputed values")
            return [type]
        case .binarizer: return [type]
        case .normalizer: break
        }
        return [TensorType(elementType: .float32, shape: type.shape)]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let type = try operands.type(0)
        let width = max(type.shape.dimensions.last ?? 1, 1)
        let kind = kind
        @Sendable func pick(_ list: [Double], _ index: Int, _ otherwise: Double) -> Double {
            list.isEmpty ? otherwise : list[list.count == 1 ? 0 : index % width]
        }
        return Kernel { arguments in
            var x = arguments.doubles(0, type)
            switch kind {
            case .scaler(let scale, let offset):
                for index in x.indices { x[index] = (x[index] - pick(offset, index, 0)) * pick(scale, index, 1) }
            case .binarizer(let threshold): for index in x.indices { x[index] = x[index] > threshold ? 1 : 0 }
            case .imputer(let missing, let values):
                for index in x.indices where x[index] == missing || (missing.isNaN && x[index].isNaN) {
                    x[index] = pick(values, index, 0)
                }
            case .normalizer(let norm):
                for row in 0..<x.count / width {
                    let places = row * width..<(row + 1) * width
                    let size =
                        switch norm {
                        case "MAX": x[places].reduce(-Double.infinity) { max($0, $1) }
                        case "L1": x[places].reduce(0) { $0 + abs($1) }
                        default: x[places].reduce(0) { $0 + $1 * $1 }.squareRoot()
                        }
                    if size != 0 { for place in places { x[place] /= size } }
                }
            }
            arguments.store(x, 0, outputs[0])
        }
    }
}

/// ArrayFeatureExtractor (ai.onnx.ml 1): columns of the last axis by index.
struct ArrayFeatureExtractorOperator: Operator {
    static var strings: StringHandling { .moved }
    init(_ node: inout NodeReader) throws(GraphError) {}

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0)
        let count = try operands.type(1, among: .int64).shape.elementCount
        guard type.shape.rank >= 1, count > 0 else {
            throw operands.error(.shapeMismatch, "input is \(type.shape), \(count) indices: expected some of each")
        }
        let leading = type.shape.rank == 1 ? [1] : Array(type.shape.dimensions.dropLast())
        return [TensorType(elementType: type.elementType, shape: try operands.makeShape(leading + [count]))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let shape = try operands.shape(0)
        let width = shape[shape.rank - 1]
        let count = try operands.shape(1).elementCount
        let rows = outputs[0].shape.elementCount / count
        let size = outputs[0].elementType.byteCount
        return Kernel { arguments in
            let indices = IndexValues(arguments.rawInput(1), .int64)
            for column in 0..<count {
                guard let index = indices.index(column, extent: width, arguments.fault) else { continue }
                for row in 0..<rows {
                    (arguments.rawOutput(0) + (row * count + column) * size).copyMemory(
                        from: arguments.rawInput(0) + (row * width + index) * size, byteCount: size)
                }
            }
        }
    }
}

/// FeatureVectorizer (ai.onnx.ml 1): the columns of several inputs side by side, as float32.
struct FeatureVectorizerOperator: Operator {
    init(_ node: inout NodeReader) throws(GraphError) { _ = try node.ints("inputdimensions") }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let rows = try operands.features(0).rows
        var width = 0
        for index in 0..<operands.count {
            let next = try operands.features(index)
            guard next.rows == rows else {
                throw operands.error(.shapeMismatch, "input \(index) has \(next.rows) rows, input 0 has \(rows)")
            }
            width += next.width
        }
        return [TensorType(elementType: .float32, shape: try operands.makeShape([rows, width]))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        var parts: [(type: TensorType, rows: Int, width: Int)] = []
        for index in 0..<operands.count { parts.append(try operands.features(index)) }
        let width = outputs[0].shape[1]
        return Kernel { [parts] arguments in
            var all = [Double](repeating: 0, count: outputs[0].shape.elementCount)
            var column = 0
            for (index, part) in parts.enumerated() {
                let x = arguments.doubles(index, part.type)
                for row in 0..<part.rows {
                    for place in 0..<part.width { all[row * width + column + place] = x[row * part.width + place] }
                }
                column += part.width
            }
            arguments.store(all, 0, outputs[0])
        }
    }
}
