import Testing

@testable import TensorEngine

@Suite struct ElementwiseGradientTests {
    private static let functions: [GradientCase] =
        [
            "Abs", "Atan", "Asinh", "Cos", "Cosh", "Elu", "Erf", "Exp", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu",
            "Mish", "Neg", "Identity", "Reciprocal", "Relu", "Selu", "Celu", "Sigmoid", "Sin", "Sinh", "Softplus",
            "Softsign", "Swish", "Tan", "Tanh",
        ].map { GradientCase($0, [.x([3, 5])]) }
        + ["Log", "Sqrt"].map { GradientCase($0, [.x([3, 5], .positive)]) }
        + ["Asin", "Acos", "Atanh"].map { GradientCase($0, [.x([3, 5], .unit)]) }

    private static let attributed: [GradientCase] = [
        GradientCase("Gelu", [.x([4, 3])], attributes: ["approximate": .string("tanh")], opset: 20, label: "tanh"),
        GradientCase("Elu", [.x([4, 3])], attributes: ["alpha": .float(0.5)], label: "alpha"),
        GradientCase("Celu", [.x([4, 3])], attributes: ["alpha": .float(0.5)], label: "alpha"),
        GradientCase("Selu", [.x([4, 3])], attributes: ["alpha": .float(1.5), "gamma": .float(2)], label: "alpha"),
        GradientCase("Swish", [.x([4, 3])], attributes: ["alpha": .float(0.5)], label: "alpha"),
        GradientCase("LeakyRelu", [.x([4, 3])], attributes: ["alpha": .float(0.2)], label: "alpha"),
        GradientCase("LeakyRelu", [.x([4, 3])], attributes: ["alpha": .float(-0.2)], label: "falling"),
        GradientCase(
            "HardSigmoid", [.x([4, 3])], attributes: ["alpha": .float(0.6), "beta": .float(0.4)], label: "alpha"),
        GradientCase("ThresholdedRelu", [.x([4, 6])], attributes: ["alpha": .float(0.5)]),
        GradientCase("Shrink", [.x([4, 6])], attributes: ["lambd": .float(0.5), "bias": .float(0.1)]),
        GradientCase("Acosh", [.x([4, 3], .large)]),
        GradientCase(
            "Clip", [.x([4, 6])],
            constants: [("min", .numbers([-0.5], shape: [])), ("max", .numbers([0.7], shape: []))]),
        GradientCase(
            "Clip", [.x([4, 6])], constants: [("max", .numbers([0.7], shape: []))], label: "max",
            inputs: ["x", "", "max"]),
        GradientCase(
            "Clip", [.x([4, 6])], attributes: ["min": .float(-0.5), "max": .float(0.7)], opset: 6, label: "opset 6"),
    ]

    private static let softmaxes: [GradientCase] = [
        GradientCase("Softmax", [.x([4, 5])]),
        GradientCase("Softmax", [.x([2, 4, 3])], attributes: ["axis": .int(1)], label: "axis 1"),
        GradientCase("Softmax", [.x([2, 4, 3])], attributes: ["axis": .int(-3)], label: "axis -3"),
        GradientCase("Softmax", [.x([2, 2, 3])], attributes: ["axis": .int(1)], opset: 11, label: "flattened"),
        GradientCase("LogSoftmax", [.x([4, 5])]),
        GradientCase("LogSoftmax", [.x([2, 4, 3])], attributes: ["axis": .int(1)], label: "axis 1"),
        GradientCase("LogSoftmax", [.x([2, 2, 3])], opset: 11, label: "flattened"),
        GradientCase("LpNormalization", [.x([4, 5])]),
        GradientCase("LpNormalization", [.x([2, 4, 3])], attributes: ["axis": .int(1), "p": .int(1)], label: "p 1"),
    ]

    @Test(arguments: functions + attributed + softmaxes)
    func functionOfOneOperand(_ test: GradientCase) throws { try GradientCheck(test).run() }

    private static func pair(
        _ operatorType: String, _ a: Shape, _ b: Shape, _ range: GradientCase.Range = .nonzero, opset: Int = 17
    ) -> GradientCase {
        GradientCase(
            operatorType, [.named("a", a, range), .named("b", b, range)], opset: opset, label: "\(a) and \(b)")
    }

    private static let binary: [GradientCase] = [
        pair("Add", [3, 4], [3, 4]), pair("Add", [3, 4], [4]), pair("Add", [3, 1], [1, 4]), pair("Add", [], [2, 3]),
        pair("Sub", [3, 4], [3, 4]), pair("Sub", [4], [2, 3, 4]), pair("Sub", [2, 1, 4], [3, 1]),
        pair("Mul", [3, 4], [3, 4]), pair("Mul", [3, 1], [2, 1, 4]), pair("Div", [3, 4], [3, 4]),
        pair("Div", [3, 4], [1]), pair("Div", [1, 4], [3, 1]), pair("Pow", [3, 4], [3, 4], .positive),
        pair("Pow", [3, 1], [4], .positive), pair("PRelu", [3, 4], [4]), pair("PRelu", [2, 3, 4], [3, 1]),
        pair("Max", [3, 4], [3, 4]), pair("Max", [3, 1], [4]), pair("Min", [3, 4], [3, 4]), pair("Min", [4], [3, 4]),
        pair("Mean", [3, 4], [4]), pair("Sum", [3, 4], [3, 1]), pair("SwiGLU", [3, 4], [3, 4], opset: 28),
        GradientCase("Sum", [.x([3, 4]), .named("b", [4]), .named("c", [])], label: "three"),
        GradientCase("Mean", [.x([3, 4]), .named("b", [4]), .named("c", [3, 1])], label: "three"),
        GradientCase("Max", [.x([3, 4], .distinct), .named("b", [4]), .named("c", [3, 1])], label: "three"),
        GradientCase(
            "Min", [.x([3, 4]), .named("b", [4]), .named("c", [3, 1]), .named("d", [3, 4])], label: "four"),
        GradientCase("Max", [.x([3, 4])], label: "one"),
        GradientCase("Pow", [.x([3, 4])], constants: [("e", .numbers([2], shape: []))], label: "square"),
        GradientCase("Pow", [.x([3, 4])], constants: [("e", .integers([3], shape: []))], label: "integer exponent"),
        GradientCase("Add", [.x([3, 4])], label: "with itself", inputs: ["x", "x"]),
        GradientCase("Mul", [.x([3, 4])], label: "with itself", inputs: ["x", "x"]),
    ]

    @Test(arguments: binary)
    func functionOfSeveralOperands(_ test: GradientCase) throws { try GradientCheck(test).run() }

    @Test func choice() throws {
        let condition = Tensor(.bool, shape: [3, 1]) { $0.copyBytes(from: [1, 0, 1]) }
        try GradientCheck(
            GradientCase(
                "Where", [.named("a", [3, 4]), .named("b", [4])], constants: [("condition", condition)],
                inputs: ["condition", "a", "b"])
        ).run()
    }

    @Test func castBetweenFloats() throws {
        try GradientCheck(
            GradientCase(
                "Cast",
                nodes: [
                    Node(name: "f", operatorType: "Tanh", inputs: ["x"], outputs: ["t"]),
                    Node(
                        name: "cast", operatorType: "Cast", inputs: ["t"], outputs: ["c"],
                        attributes: ["to": .int(11)]),
                    Node(name: "like", operatorType: "CastLike", inputs: ["c", "x"], outputs: ["y"]),
                ], operands: [.x([3, 4])])
        ).run()
    }

    @Test func equalElementsGiveTheirGradientToTheFirst() throws {
        let graph = Graph(
            name: "tie", inputs: [], outputs: [],
            nodes: [
                Node(name: "max", operatorType: "Max", inputs: ["a", "b"], outputs: ["m"]),
                Node(
                    name: "sum", operatorType: "ReduceSum", inputs: ["m"], outputs: ["loss"],
                    attributes: ["keepdims": .int(0)]),
            ],
            initializers: [
                "a": try Tensor(shape: [2], elements: [1, 2] as [Float]),
                "b": try Tensor(shape: [2], elements: [1, 3] as [Float]),
            ])
        let trained = try Differentiation.differentiate(graph, loss: "loss", parameters: ["a", "b"])
        let outputs = try CompiledGraph.run(
            trained.graph, [graph.initializers["a"], graph.initializers["b"]].compactMap { $0 })
        #expect(outputs[1].floats == [1, 0])
        #expect(outputs[2].floats == [0, 1])
    }
}
