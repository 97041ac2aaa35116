import TensorEngine

/// A small model with a batch dimension.
struct LayerCase: Sendable {
    var name: String
    /// The input's shape after the batch.
    var row: [Int]
    var graph: Graph
    var batchSizes: [Int]

    /// Single layers of many shapes, and chains that exercise fusion and the arena.
    static var all: [LayerCase] {
        var numbers = Numbers(seed: 3)
        func dense(_ k: Int, _ n: Int) -> LayerCase {
            layer("Gemm \(k)x\(n)", "Gemm", [k], [numbers.tensor([k, n]), numbers.tensor([n])])
        }
        func conv(_ name: String, _ row: [Int], _ weights: Shape, _ attributes: [String: AttributeValue] = [:])
            -> LayerCase
        {
            layer(
                name, "Conv", row, [numbers.tensor(weights), numbers.tensor([weights[0]])], attributes, isLarge: true)
        }
        var result = [
            dense(1, 1), dense(3, 5), dense(7, 33), dense(64, 64), dense(65, 10), dense(128, 100), dense(784, 128),
            dense(31, 257),
            layer("MatMul 17x19", "MatMul", [17], [numbers.tensor([17, 19])]),
            layer("MatMul rank 3", "MatMul", [5, 33], [numbers.tensor([33, 18])], isLarge: true),
            conv("Conv 3x3", [3, 9, 7], [8, 3, 3, 3], ["pads": .ints([1, 1, 1, 1])]),
            conv("Conv 3x3 of tiles", [8, 8, 8], [16, 8, 3, 3], ["pads": .ints([1, 1, 1, 1])]),
            conv("Conv 3x3 of cut tiles", [9, 11, 9], [13, 9, 3, 3], ["pads": .ints([0, 2, 1, 0])]),
            conv("Conv 5x5 strided", [1, 28, 28], [6, 1, 5, 5], ["strides": .ints([2, 2])]),
            conv("Conv 1x1", [16, 5, 5], [33, 16, 1, 1]),
            conv("Conv dilated", [2, 11, 11], [3, 2, 3, 3], ["dilations": .ints([2, 3])]),
            conv("Conv grouped", [6, 7, 7], [9, 2, 3, 3], ["group": .int(3)]),
            conv("Conv depthwise", [5, 9, 9], [5, 1, 3, 3], ["group": .int(5), "pads": .ints([1, 1, 1, 1])]),
            conv("Conv 1d", [3, 37], [5, 3, 4], ["strides": .ints([2])]),
            conv("Conv 1d depthwise", [3, 37], [6, 1, 3], ["group": .int(3)]),
            layer("MaxPool", "MaxPool", [3, 9, 7], [], ["kernel_shape": .ints([3, 2]), "strides": .ints([2, 2])]),
            layer(
                "AveragePool", "AveragePool", [3, 9, 7], [],
                ["kernel_shape": .ints([3, 3]), "pads": .ints([1, 1, 1, 1])]),
            layer("MaxPool 1d", "MaxPool", [3, 35], [], ["kernel_shape": .ints([4]), "strides": .ints([3])]),
            layer("GlobalAveragePool", "GlobalAveragePool", [5, 9, 7], []),
            layer("GlobalMaxPool", "GlobalMaxPool", [5, 9, 7], []),
            layer("Softmax", "Softmax", [37], []),
            layer("Softmax inner axis", "Softmax", [13, 5], [], ["axis": .int(1)]),
            layer(
                "BatchNormalization", "BatchNormalization", [7, 5],
                [
                    numbers.tensor([7]), numbers.tensor([7]), numbers.tensor([7]),
                    Tensor(shape: [7], repeating: 0.3),
                ]),
            layer("Add", "Add", [3, 7], [numbers.tensor([7])]),
            layer("Div", "Div", [3, 7], [numbers.tensor([3, 1])]),
            layer("Transpose", "Transpose", [3, 7, 2], [], ["perm": .ints([0, 3, 1, 2])]),
        ]
        for name in ["Sigmoid", "Tanh", "Exp", "Softplus", "Elu", "Selu", "Softsign", "HardSigmoid", "LeakyRelu"] {
            result.append(layer(name, name, [19], []))
        }
        result += [perceptron(&numbers), convolutional(&numbers)]
        result += recurrent(&numbers)
        result += general(&numbers)
        return result
    }

    static func layer(
        _ name: String, _ operatorType: String, _ row: [Int], _ constants: [Tensor],
        _ attributes: [String: AttributeValue] = [:], isLarge: Bool = false
    ) -> LayerCase {
        let graph = Graph.single(
            operatorType, input: [.batch] + row.map(Dimension.fixed), constants: constants, attributes: attributes)
        let sizes = isLarge ? [1, 2, 3, 5, 8, 13, 31, 64, 130] : Array(1...130)
        return LayerCase(name: name, row: row, graph: graph, batchSizes: sizes)
    }

    private static func perceptron(_ numbers: inout Numbers) -> LayerCase {
        let graph = Graph(
            name: "perceptron",
            inputs: [ValueInfo(name: "x", elementType: .float32, dimensions: [.batch, .fixed(50)])],
            outputs: [ValueInfo(name: "y", elementType: .float32, dimensions: [.batch, .fixed(10)])],
            nodes: [
                Node(name: "dense_1", operatorType: "MatMul", inputs: ["x", "w1"], outputs: ["a"]),
                Node(name: "bias_1", operatorType: "Add", inputs: ["a", "b1"], outputs: ["b"]),
                Node(name: "relu_1", operatorType: "Relu", inputs: ["b"], outputs: ["c"]),
                Node(name: "dense_2", operatorType: "Gemm", inputs: ["c", "w2", "b2"], outputs: ["d"]),
                Node(name: "softmax", operatorType: "Softmax", inputs: ["d"], outputs: ["y"]),
            ],
            initializers: [
                "w1": numbers.tensor([50, 70]), "b1": numbers.tensor([70]), "w2": numbers.tensor([70, 10]),
                "b2": numbers.tensor([10]),
            ])
        return LayerCase(name: "perceptron", row: [50], graph: graph, batchSizes: Array(1...130))
    }

    private static func convolutional(_ numbers: inout Numbers) -> LayerCase {
        let graph = Graph(
            name: "convolutional",
            inputs: [
                ValueInfo(
                    name: "x", elementType: .float32, dimensions: [.batch, .fixed(1), .fixed(14), .fixed(14)])
            ],
            outputs: [ValueInfo(name: "y", elementType: .float32, dimensions: [.batch, .fixed(10)])],
            nodes: [
                Node(name: "conv", operatorType: "Conv", inputs: ["x", "k"], outputs: ["a"]),
                Node(
                    name: "norm", operatorType: "BatchNormalization", inputs: ["a", "s", "b", "m", "v"],
                    outputs: ["n"]),
                Node(name: "relu", operatorType: "Relu", inputs: ["n"], outputs: ["r"]),
                Node(
                    name: "pool", operatorType: "MaxPool", inputs: ["r"], outputs: ["p"],
                    attributes: ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])]),
                Node(name: "flat", operatorType: "Flatten", inputs: ["p"], outputs: ["f"]),
                Node(name: "dense", operatorType: "Gemm", inputs: ["f", "w"], outputs: ["y"]),
            ],
            initializers: [
                "k": numbers.tensor([8, 1, 3, 3]), "s": numbers.tensor([8]), "b": numbers.tensor([8]),
                "m": numbers.tensor([8]), "v": Tensor(shape: [8], repeating: 0.7), "w": numbers.tensor([288, 10]),
            ])
        return LayerCase(
            name: "convolutional", row: [1, 14, 14], graph: graph, batchSizes: [1, 2, 3, 5, 8, 13, 31, 64, 130])
    }
}

extension Tensor {
    init(shape: Shape, repeating value: Float) {
        self.init(.float32, shape: shape) { buffer in
            buffer.withMemoryRebound(to: Float.self) { $0.update(repeating: value) }
        }
    }
}
