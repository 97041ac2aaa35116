import TensorEngine
import Testing

/// Every malformed graph is refused with an error that names the node and what is wrong.
@Suite struct MalformedGraphTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var graph: Graph
        var message: String
        var testDescription: String { name }
    }

    private static func graph(
        _ nodes: [Node], inputs: [ValueInfo]? = nil, outputs: [String] = ["y"], constants: [String: Tensor] = [:],
        opset: Int = 17
    ) -> Graph {
        Graph(
            name: "bad", operatorSetVersion: opset,
            inputs: inputs ?? [ValueInfo(name: "x", elementType: .float32, dimensions: [.batch, .fixed(4)])],
            outputs: outputs.map { ValueInfo(name: $0, elementType: .float32, dimensions: []) }, nodes: nodes,
            initializers: constants)
    }

    private static func node(
        _ name: String, _ type: String, _ inputs: [String], _ outputs: [String],
        _ attributes: [String: AttributeValue] = [:]
    ) -> Node {
        Node(name: name, operatorType: type, inputs: inputs, outputs: outputs, attributes: attributes)
    }

    private static func zeros(_ shape: Shape) -> Tensor { Tensor(zeros: .float32, shape: shape) }

    private static func image(_ dimensions: [Dimension]) -> [ValueInfo] {
        [ValueInfo(name: "x", elementType: .float32, dimensions: dimensions)]
    }

    static let cases: [Case] = structure + attributes + shapes

    private static let structure: [Case] = [
        Case(
            name: "cycle",
            graph: graph([node("a", "Add", ["x", "y"], ["z"]), node("b", "Relu", ["z"], ["y"])]),
            message: "node 'a' (Add): is part of, or depends on, a cycle"),
        Case(
            name: "missing input", graph: graph([node("a", "Relu", ["nowhere"], ["y"])]),
            message: "node 'a' (Relu): input 'nowhere' is neither an input, a constant nor an output of a node"),
        Case(
            name: "duplicate node name",
            graph: graph([node("a", "Relu", ["x"], ["z"]), node("a", "Relu", ["z"], ["y"])]),
            message: "node 'a' (Relu): another node has the same name"),
        Case(
            name: "duplicate value",
            graph: graph([node("a", "Relu", ["x"], ["y"]), node("b", "Tanh", ["x"], ["y"])]),
            message: "node 'b' (Tanh): output 'y' has the name of another value"),
        Case(
            name: "output overwrites an input", graph: graph([node("a", "Relu", ["x"], ["x"])], outputs: ["x"]),
            message: "node 'a' (Relu): output 'x' has the name of another value"),
        Case(
            name: "constant named like an input",
            graph: graph([node("a", "Relu", ["x"], ["y"])], constants: ["x": zeros([1])]),
            message: "constant 'x' has the name of a graph input"),
        Case(
            name: "unknown operator", graph: graph([node("a", "Frobnicate", ["x"], ["y"])]),
            message: "node 'a' (Frobnicate): unknown operator"),
        Case(
            name: "output nobody makes", graph: graph([node("a", "Relu", ["x"], ["z"])]),
            message: "graph output 'y' is made by no node"),
        Case(name: "no outputs", graph: graph([], outputs: []), message: "the graph has no outputs"),
        Case(
            name: "two outputs of one name", graph: graph([node("a", "Relu", ["x"], ["y"])], outputs: ["y", "y"]),
            message: "two graph outputs are named 'y'"),
        Case(
            name: "too many inputs", graph: graph([node("a", "Relu", ["x", "x"], ["y"])]),
            message: "node 'a' (Relu): has 2 inputs, expected 1"),
        Case(
            name: "omitted required input",
            graph: graph([node("a", "Gemm", ["x", ""], ["y"])]),
            message: "node 'a' (Gemm): input 1 is omitted, expected a value"),
        Case(
            name: "too many outputs", graph: graph([node("a", "Relu", ["x"], ["y", "z"])]),
            message: "node 'a' (Relu): has 2 outputs, expected 1"),
        Case(
            name: "negative input extent",
            graph: graph([node("a", "Relu", ["x"], ["y"])], inputs: image([.batch, .fixed(-4)])),
            message: "graph input 'x' has extent -4, expected none below 0"),
        Case(
            name: "overflowing input extents",
            graph: graph([node("a", "Relu", ["x"], ["y"])], inputs: image([.batch, .fixed(1 << 62), .fixed(8)])),
            message: "graph input 'x': shape [3, 4611686018427387904, 8]: the number of elements overflows"),
    ]

    private static let attributes: [Case] = [
        Case(
            name: "wrong attribute type",
            graph: graph([node("a", "LeakyRelu", ["x"], ["y"], ["alpha": .string("steep")])]),
            message: "node 'a' (LeakyRelu): attribute 'alpha' is of type string, expected float"),
        Case(
            name: "unknown attribute", graph: graph([node("a", "Relu", ["x"], ["y"], ["slope": .int(1)])]),
            message: "node 'a' (Relu): unknown attribute 'slope'"),
        Case(
            name: "missing attribute",
            graph: graph([node("a", "Concat", ["x", "x"], ["y"])]),
            message: "node 'a' (Concat): attribute 'axis' is missing"),
        Case(
            name: "bad auto_pad",
            graph: graph(
                [node("a", "MaxPool", ["x"], ["y"], ["auto_pad": .string("SAME"), "kernel_shape": .ints([2])])],
                inputs: image([.batch, .fixed(2), .fixed(8)])),
            message: "node 'a' (MaxPool): auto_pad is 'SAME', expected NOTSET, VALID, SAME_UPPER or SAME_LOWER"),
        Case(
            name: "zero stride",
            graph: graph(
                [node("a", "MaxPool", ["x"], ["y"], ["strides": .ints([0]), "kernel_shape": .ints([2])])],
                inputs: image([.batch, .fixed(2), .fixed(8)])),
            message: "node 'a' (MaxPool): strides is [0], expected values from 1 to 2^31 - 1"),
        Case(
            name: "kernel of two dimensions for three",
            graph: graph(
                [node("a", "MaxPool", ["x"], ["y"], ["kernel_shape": .ints([2, 2])])],
                inputs: image([.batch, .fixed(2), .fixed(8), .fixed(8), .fixed(8)])),
            message: "node 'a' (MaxPool): kernel_shape has 2 values, expected 3 for 3 spatial dimensions"),
        Case(
            name: "training mode",
            graph: graph(
                [node("a", "BatchNormalization", ["x", "c", "c", "c", "c"], ["y"], ["training_mode": .int(1)])],
                constants: ["c": zeros([4])]),
            message: "node 'a' (BatchNormalization): training_mode is 1, supported: 0"),
    ]

    private static let shapes: [Case] = [
        Case(
            name: "weights do not fit",
            graph: graph([node("a", "Gemm", ["x", "w"], ["y"])], constants: ["w": zeros([5, 3])]),
            message: "node 'a' (Gemm): operands do not fit: [3, 4] × [5, 3] (transA 0, transB 0)"),
        Case(
            name: "product does not fit",
            graph: graph([node("a", "MatMul", ["x", "w"], ["y"])], constants: ["w": zeros([5, 3])]),
            message: "node 'a' (MatMul): operands do not fit: [3, 4] × [5, 3]"),
        Case(
            name: "wrong rank",
            graph: graph([node("a", "Conv", ["x", "w"], ["y"])], constants: ["w": zeros([2, 4, 3])]),
            message: "node 'a' (Conv): input has 2 dimensions, expected at least 3: [3, 4]"),
        Case(
            name: "channels do not fit",
            graph: graph(
                [node("a", "Conv", ["x", "w"], ["y"])], inputs: image([.batch, .fixed(3), .fixed(8)]),
                constants: ["w": zeros([2, 4, 3])]),
            message: "node 'a' (Conv): weights [2, 4, 3] do not fit 3 input channels in 1 groups"),
        Case(
            name: "window larger than input",
            graph: graph(
                [node("a", "Conv", ["x", "w"], ["y"])], inputs: image([.batch, .fixed(4), .fixed(2)]),
                constants: ["w": zeros([2, 4, 3])]),
            message: "node 'a' (Conv): window of extent 3 is larger than the padded input extent 2 on spatial axis 0"),
        Case(
            name: "bias does not fit",
            graph: graph(
                [node("a", "Conv", ["x", "w", "b"], ["y"])], inputs: image([.batch, .fixed(4), .fixed(9)]),
                constants: ["w": zeros([2, 4, 3]), "b": zeros([3])]),
            message: "node 'a' (Conv): bias has shape [3], expected [2]"),
        Case(
            name: "shapes do not broadcast",
            graph: graph([node("a", "Add", ["x", "w"], ["y"])], constants: ["w": zeros([5])]),
            message: "node 'a' (Add): shapes do not broadcast: [3, 4] and [5]"),
        Case(
            name: "unsupported element type",
            graph: graph(
                [node("a", "Not", ["x"], ["y"])],
                inputs: [ValueInfo(name: "x", elementType: .int8, dimensions: [.batch])]),
            message: "node 'a' (Not): input 'x' has element type int8, supported: bool"),
        Case(
            name: "axis outside",
            graph: graph([node("a", "Softmax", ["x"], ["y"], ["axis": .int(2)])]),
            message: "node 'a' (Softmax): axis 2 is outside [-2, 1] for rank 2"),
        Case(
            name: "reshape to another size",
            graph: graph([node("a", "Reshape", ["x", "s"], ["y"])], constants: ["s": integers([5, 5])]),
            message: "node 'a' (Reshape): cannot reshape [3, 4] to [5, 5]"),
        Case(
            name: "reshape overflows",
            graph: graph([node("a", "Reshape", ["x", "s"], ["y"])], constants: ["s": integers([1 << 40, 1 << 40])]),
            message: "node 'a' (Reshape): shape [1099511627776, 1099511627776]: the number of elements overflows"),
        Case(
            name: "pads too many elements",
            graph: graph(
                [node("a", "Pad", ["x", "p"], ["y"])], constants: ["p": integers([0, 0, 1 << 20, 1 << 20])]),
            message: "node 'a' (Pad): output 'y' of shape [1048579, 1048580] has 1099518967820 elements, "
                + "at most 268435456 allowed"),
    ]

    private static func integers(_ values: [Int64]) -> Tensor {
        Tensor(.int64, shape: [2 * (values.count / 2)]) { buffer in
            values.withUnsafeBytes { buffer.copyMemory(from: $0) }
        }
    }

    @Test(arguments: cases) func isRefused(_ test: Case) {
        let error = #expect(throws: GraphError.self) { try CompiledGraph(test.graph) }
        #expect(error?.description == test.message)
    }
}
