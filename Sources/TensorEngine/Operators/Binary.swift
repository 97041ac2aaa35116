import CTensorKernels

/// Add, Sub, Mul and Div (opset 7, 13, 14) with multidirectional broadcasting. Integers wrap around; an integer quotient by
/// zero, which ONNX leaves open, is zero.
struct BinaryOperator: Operator {
    static let names: Set<String> = ["Add", "Sub", "Mul", "Div"]

    private let operation: mk_binary
    /// For the element types without a vector kernel.
    private let general: VariadicOperator

    static var admitsEmpty: Bool { true }

    init(_ node: inout NodeReader) throws(GraphError) {
        general = try VariadicOperator(&node)
        switch node.node.node.operatorType {
        case "Add": operation = MK_ADD
        case "Sub": operation = MK_SUBTRACT
        case "Mul": operation = MK_MULTIPLY
        case "Div": operation = MK_DIVIDE
        default: throw node.error(.unsupported, "unknown arithmetic operator")
        }
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        try general.outputTypes(operands)
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        guard [.float32, .float64, .int32, .int64].contains(outputs[0].elementType),
            outputs[0].shape.elementCount > 0
        else { return try general.kernel(operands, outputs: outputs) }
        let shape = outputs[0].shape
        let a = try operands.shape(0)
        let b = try operands.shape(1)
        let loop = BroadcastLoop(a.dimensions, b.dimensions, output: shape.dimensions)
        let inPlace = [a, b].indices.filter { [a, b][$0] == shape }
        let (functions, operation) = (operands.kernels, operation)
        func body<Element>(
            _ function:
                @escaping @Sendable (
                    mk_binary, UnsafePointer<Element>?, Int, UnsafePointer<Element>?, Int,
                    UnsafeMutablePointer<Element>?, Int
                ) -> Void
        ) -> Kernel.Body {
            { arguments in
                let a = arguments.input(0, as: Element.self)
                let b = arguments.input(1, as: Element.self)
                let output = arguments.output(0, as: Element.self)
                loop.forEachRow { row, aOffset, bOffset in
                    function(
                        operation, a + aOffset, loop.aStep, b + bOffset, loop.bStep, output + row * loop.count,
                        loop.count)
                }
            }
        }
        let kernelBody: Kernel.Body =
            switch outputs[0].elementType {
            case .float64: body { functions.functions.binary_f64($0, $1, $2, $3, $4, $5, $6) }
            case .int32: body { functions.functions.binary_i32($0, $1, $2, $3, $4, $5, $6) }
            case .int64: body { functions.functions.binary_i64($0, $1, $2, $3, $4, $5, $6) }
            default: body { functions.functions.binary_f32($0, $1, $2, $3, $4, $5, $6) }
            }
        return Kernel(placement: .inPlace(inPlace), body: kernelBody)
    }
}

/// A broadcast walk over two operands: rows of `count` contiguous output elements, along which each operand either
/// advances by one or stays.
struct BroadcastLoop: Sendable {
    private struct Axis: Sendable {
        var extent: Int
        var aStride: Int
        var bStride: Int
    }

    let count: Int
    let aStep: Int
    let bStep: Int
    private let outer: [Axis]
    private let rows: Int

    init(_ a: [Int], _ b: [Int], output: [Int]) {
        let aStrides = Broadcasting.strides(of: a, broadcastTo: output)
        let bStrides = Broadcasting.strides(of: b, broadcastTo: output)
        var axes: [Axis] = []
        for index in output.indices.reversed() where output[index] != 1 {
            let axis = Axis(extent: output[index], aStride: aStrides[index], bStride: bStrides[index])
            // Axes that both operands walk evenly are one.
            if let last = axes.last, axis.aStride == last.aStride * last.extent,
                axis.bStride == last.bStride * last.extent
            {
                axes[axes.count - 1].extent *= axis.extent
            } else {
                axes.append(axis)
            }
        }
        count = axes.first?.extent ?? output.reduce(1, *)
        aStep = axes.first?.aStride ?? 0
        bStep = axes.first?.bStride ?? 0
        outer = Array(axes.dropFirst())
        rows = outer.reduce(1) { $0 * $1.extent }
    }

    func forEachRow(_ body: (_ row: Int, _ aOffset: Int, _ bOffset: Int) -> Void) {
        for row in 0..<rows {
            var rest = row
            var (aOffset, bOffset) = (0, 0)
            for axis in outer {
                let index = rest % axis.extent
                rest /= axis.extent
                aOffset += index * axis.aStride
                bOffset += index * axis.bStride
            }
            body(row, aOffset, bOffset)
        }
    }
}
