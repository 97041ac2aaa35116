import CTensorKernels
import Glibc

/// LogSoftmax, Hardmax (opset 1 to 13), LpNormalization (opset 1, 22), and Softmax of other types than float32: functions of
/// the rows along an axis. Before opset 13 the first three flatten the axes from `axis` on (default 1) into one.
struct AxisFunctionOperator: Operator {
    static var admitsEmpty: Bool { true }

    private let name: String
    private let axis: Int
    private let flattens: Bool
    private let power: Int

    init(_ node: inout NodeReader) throws(GraphError) {
        name = node.node.node.operatorType
        flattens = name != "LpNormalization" && node.operatorSetVersion < 13
        axis = try node.int("axis", default: flattens ? 1 : -1)
        power = name == "LpNormalization" ? try node.int("p", default: 2) : 0
        guard name != "LpNormalization" || power == 1 || power == 2 else {
            throw node.error(.unsupported, "attribute 'p' is \(power), supported: 1 and 2")
        }
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, in: ElementType.floatingPoint)
        _ = try operands.normalizedAxis(axis, rank: type.shape.rank, allowingEnd: flattens)
        return [type]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let type = outputs[0]
        let axis = try operands.normalizedAxis(axis, rank: type.shape.rank, allowingEnd: flattens)
        let flattened = [
            type.shape.dimensions[..<axis].reduce(1, *), type.shape.dimensions[axis...].reduce(1, *),
        ]
        let rows = AxisRows(
            flattens ? try operands.makeShape(flattened) : type.shape, axis: flattens ? 1 : axis)
        let (name, power) = (name, power)
        if name == "LogSoftmax", type.elementType == .float32, rows.stride == 1, type.shape.elementCount > 0 {
            return Self.logSoftmax(rows, operands.kernels)
        }
        return Kernel { arguments in
            guard rows.length > 0, rows.count > 0 else { return }
            var values = arguments.doubles(0, type)
            for row in 0..<rows.count {
                let start = rows.start(row)
                let places = (0..<rows.length).map { start + $0 * rows.stride }
                switch name {
                case "Hardmax":
                    var best = 0
                    for index in places.indices where values[places[index]] > values[places[best]] { best = index }
                    for index in places.indices { values[places[index]] = index == best ? 1 : 0 }
                case "LpNormalization":
                    let sum = places.reduce(0.0) {
                        $0 + (power == 1 ? abs(values[$1]) : values[$1] * values[$1])
                    }
                    let norm = power == 1 ? sum : sum.squareRoot()
                    for place in places { values[place] = norm == 0 ? 0 : values[place] / norm }
                default:
                    let largest = places.reduce(-Double.infinity) { max($0, values[$1]) }
                    let sum = places.reduce(0.0) { $0 + exp(values[$1] - largest) }
                    for place in places {
                        values[place] =
                            name == "Softmax"
                            ? exp(values[place] - largest) / sum : values[place] - largest - log(sum)
                    }
                }
            }
            arguments.store(values, 0, type)
        }
    }

    /// LogSoftmax of contiguous rows of float32, in float32.
    private static func logSoftmax(_ rows: AxisRows, _ kernels: KernelTable) -> Kernel {
        Kernel(scratchByteCount: rows.length * 4, placement: .inPlace([0])) { arguments in
            let powers = arguments.scratch(as: Float.self)
            for row in 0..<rows.count {
                let x = arguments.input(0, as: Float.self) + row * rows.length
                let y = arguments.output(0, as: Float.self) + row * rows.length
                var greatest: Float = 0
                kernels.functions.row_max(x, &greatest, 1, rows.length)
                for index in 0..<rows.length { y[index] = x[index] - greatest }
                kernels.functions.unary(MK_UNARY_EXP, y, powers, rows.length, 0, 0)
                let logarithm = log(Float.sum(rows.length) { powers[$0] })
                for index in 0..<rows.length { y[index] -= logarithm }
            }
        }
    }
}
