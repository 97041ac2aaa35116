import Testing

@testable import TensorEngine

@Suite struct StructureGradientTests {
    private static func ints(_ values: Int...) -> AttributeValue { .ints(values) }

    private static func product(_ a: Shape, _ b: Shape) -> GradientCase {
        GradientCase("MatMul", [.named("a", a), .named("b", b)], label: "\(a) × \(b)")
    }

    private static func gemm(_ a: Shape, _ b: Shape, _ c: Shape?, _ attributes: [String: AttributeValue])
        -> GradientCase
    {
        GradientCase(
            "Gemm", [.named("a", a), .named("b", b)] + (c.map { [.named("c", $0)] } ?? []), attributes: attributes,
            label: "\(attributes.keys.sorted()) \(c.map(\.description) ?? "")")
    }

    private static let products: [GradientCase] = [
        product([3, 4], [4, 5]), product([2, 3, 4], [4, 5]), product([2, 3, 4], [2, 4, 5]), product([4], [4, 5]),
        product([3, 4], [4]), product([4], [4]), product([2, 1, 3, 4], [3, 4, 2]), product([3, 4], [2, 4, 5]),
        product([1, 3, 4], [2, 4, 5]), product([4], [2, 4, 5]), product([2, 3, 4], [4]),
        product([2, 3, 4], [1, 4, 5]),
        product([37, 19], [19, 43]),
        gemm([3, 4], [4, 5], nil, [:]), gemm([3, 4], [4, 5], [5], [:]),
        gemm([4, 3], [4, 5], [3, 5], ["transA": .int(1), "alpha": .float(0.5)]),
        gemm([3, 4], [5, 4], [3, 1], ["transB": .int(1), "beta": .float(2)]),
        gemm([4, 3], [5, 4], [], ["transA": .int(1), "transB": .int(1), "alpha": .float(2), "beta": .float(0.5)]),
        GradientCase(
            "Einsum", [.named("a", [2, 3, 4]), .named("b", [4, 5])], attributes: ["equation": .string("bij,jk->bik")]),
        GradientCase(
            "Einsum", [.named("a", [2, 3, 4]), .named("b", [2, 5, 4])],
            attributes: ["equation": .string("...ij,...kj->...ik")],
            label: "ellipsis"),
        GradientCase("Einsum", [.x([3, 4])], attributes: ["equation": .string("ij->i")], label: "sum"),
        GradientCase("Einsum", [.x([3, 4])], attributes: ["equation": .string("ij->ij")], opset: 12, label: "itself"),
        GradientCase(
            "Einsum", [.named("a", [3, 4]), .named("b", [4, 2])], attributes: ["equation": .string("ij,jk")],
            label: "implicit"),
        GradientCase(
            "Einsum", [.named("a", [3, 4]), .named("b", [5])], attributes: ["equation": .string("ij,k->k")], opset: 12,
            label: "outer sum"),
    ]

    @Test(arguments: products)
    func matrixProduct(_ test: GradientCase) throws { try GradientCheck(test).run() }

    private static func reductions() -> [GradientCase] {
        var cases: [GradientCase] = []
        for function in ReductionOperator.Function.allCases {
            let isOrder = function == .max || function == .min
            let range: GradientCase.Range = function == .logSum ? .positive : isOrder ? .distinct : .nonzero
            let name = function.rawValue
            cases += [
                GradientCase(name, [.x([2, 3, 4], range)], label: "all"),
                GradientCase(
                    name, [.x([2, 3, 4], range)], attributes: ["axes": ints(-2), "keepdims": .int(0)], label: "axis -2"),
                GradientCase(
                    name, [.x([2, 3, 4], range)], constants: [("axes", .integers([0, 2]))], opset: 18,
                    label: "axes 0, 2"),
            ]
        }
        return cases
    }

    @Test(
        arguments: reductions() + [
            GradientCase("ReduceSum", [.x([2, 3])], attributes: ["noop_with_empty_axes": .int(1)], label: "nothing"),
            GradientCase("ReduceSum", [.x([5, 40])], constants: [("axes", .integers([0]))], label: "rows"),
        ])
    func reduction(_ test: GradientCase) throws { try GradientCheck(test).run() }

    @Test func productWithZeros() throws {
        let graph = Graph(
            name: "product", inputs: [], outputs: [],
            nodes: [
                Node(
                    name: "product", operatorType: "ReduceProd", inputs: ["x"], outputs: ["p"],
                    attributes: ["axes": .ints([1]), "keepdims": .int(0)]),
                Node(
                    name: "sum", operatorType: "ReduceSum", inputs: ["p"], outputs: ["loss"],
                    attributes: ["keepdims": .int(0)]),
            ],
            initializers: ["x": try Tensor(shape: [3, 3], elements: [2, 3, 4, 2, 0, 4, 0, 0, 5] as [Float])])
        let trained = try Differentiation.differentiate(graph, loss: "loss", parameters: ["x"])
        let outputs = try CompiledGraph.run(trained.graph, [graph.initializers["x"]].compactMap { $0 })
        #expect(outputs[1].floats == [12, 8, 6, 0, 8, 0, 0, 0, 0])
    }

    private static let movement: [GradientCase] = [
        GradientCase("Reshape", [.x([2, 6])], constants: [("shape", .integers([3, -1]))]),
        GradientCase("Flatten", [.x([2, 3, 2])], attributes: ["axis": .int(2)]),
        GradientCase("Squeeze", [.x([2, 1, 3])], constants: [("axes", .integers([1]))]),
        GradientCase("Squeeze", [.x([2, 1, 3])], attributes: ["axes": ints(-2)], opset: 11, label: "opset 11"),
        GradientCase("Unsqueeze", [.x([2, 3])], constants: [("axes", .integers([0, -1]))]),
        GradientCase("Transpose", [.x([2, 3, 4])]),
        GradientCase("Transpose", [.x([2, 3, 4])], attributes: ["perm": ints(2, 0, 1)], label: "perm"),
        GradientCase("Expand", [.x([3, 1])], constants: [("shape", .integers([2, 1, 4]))]),
        GradientCase("Tile", [.x([2, 3])], constants: [("repeats", .integers([3, 2]))]),
        GradientCase(
            "Concat", [.named("a", [2, 3]), .named("b", [2, 1]), .named("c", [2, 2])], attributes: ["axis": .int(-1)]),
        GradientCase("Concat", [.x([2, 3])], attributes: ["axis": .int(0)], label: "with itself", inputs: ["x", "x"]),
        GradientCase(
            "Split", [.x([2, 6])], constants: [("split", .integers([1, 2, 3]))], attributes: ["axis": .int(1)],
            outputs: ["p", "q", "r"]),
        GradientCase(
            "Split", [.x([6, 2])], constants: [("split", .integers([1, 2, 3]))], outputs: ["p", "q", "r"],
            weighted: ["p", "r"], label: "a part unused"),
        GradientCase(
            "Slice", [.x([5, 6])],
            constants: [
                ("starts", .integers([1, -1])), ("ends", .integers([4, -6])), ("axes", .integers([0, 1])),
                ("steps", .integers([1, -2])),
            ]),
        GradientCase(
            "Slice", [.x([5, 6])], attributes: ["starts": ints(1), "ends": ints(3), "axes": ints(-1)], opset: 9,
            label: "opset 9"),
        GradientCase(
            "Slice", [.x([5, 6])], constants: [("starts", .integers([1])), ("ends", .integers([100]))], label: "rows"),
        GradientCase("Pad", [.x([2, 3])], constants: [("pads", .integers([1, 0, 0, 2]))]),
        GradientCase("Pad", [.x([3, 4])], constants: [("pads", .integers([-1, 1, 0, -1]))], label: "cropping"),
        GradientCase(
            "Pad", [.x([3, 4])], constants: [("pads", .integers([1, 2, 1, 1]))],
            attributes: ["mode": .string("reflect")], label: "reflect"),
        GradientCase(
            "Pad", [.x([3, 4])], constants: [("pads", .integers([1, 2, 1, 1]))], attributes: ["mode": .string("edge")],
            label: "edge"),
        GradientCase("Pad", [.x([3, 4])], attributes: ["pads": ints(0, 1, 1, 0)], opset: 10, label: "opset 10"),
        GradientCase("Gather", [.x([4, 3])], constants: [("indices", .integers([2, 0, 2, -1], shape: [2, 2]))]),
        GradientCase(
            "Gather", [.x([2, 4, 3])], constants: [("indices", .integers([3, 1, 1]))], attributes: ["axis": .int(-2)],
            label: "axis -2"),
        GradientCase(
            "GatherElements", [.x([3, 3])], constants: [("indices", .integers([0, 2, 1, 0, 0, 2], shape: [2, 3]))],
            attributes: ["axis": .int(0)]),
        GradientCase(
            "GatherElements", [.x([3, 3])], constants: [("indices", .integers([0, 2, 1, 0, 0, 2], shape: [3, 2]))],
            attributes: ["axis": .int(1)], label: "axis 1"),
        GradientCase(
            "GatherND", [.x([3, 2, 2])], constants: [("indices", .integers([0, 1, 2, 0, 0, 1], shape: [3, 2]))]),
        GradientCase(
            "GatherND", [.x([2, 3, 2])], constants: [("indices", .integers([2, 0], shape: [2, 1]))],
            attributes: ["batch_dims": .int(1)], label: "batch"),
        GradientCase(
            "ScatterElements", [.x([3, 3]), .named("updates", [2, 3])],
            constants: [("indices", .integers([0, 2, 1, 1, 0, 2], shape: [2, 3]))], opset: 18,
            inputs: ["x", "indices", "updates"]),
        GradientCase(
            "ScatterElements", [.x([3, 3]), .named("updates", [2, 3])],
            constants: [("indices", .integers([0, 2, 1, 0, 0, 2], shape: [2, 3]))],
            attributes: ["reduction": .string("add"), "axis": .int(0)], opset: 18, label: "add",
            inputs: ["x", "indices", "updates"]),
        GradientCase(
            "ScatterND", [.x([4, 2]), .named("updates", [2, 2])],
            constants: [("indices", .integers([3, 1], shape: [2, 1]))],
            opset: 18, inputs: ["x", "indices", "updates"]),
        GradientCase(
            "TopK", [.x([3, 5], .distinct)], constants: [("k", .integers([2]))], outputs: ["y", "places"],
            weighted: ["y"]),
        GradientCase("DepthToSpace", [.x([1, 8, 2, 3])], attributes: ["blocksize": .int(2)]),
        GradientCase(
            "DepthToSpace", [.x([1, 8, 2, 3])], attributes: ["blocksize": .int(2), "mode": .string("CRD")], label: "CRD"
        ),
        GradientCase("SpaceToDepth", [.x([1, 2, 4, 6])], attributes: ["blocksize": .int(2)]),
        GradientCase("ReverseAxis", [.x([2, 4])], attributes: ["axis": .int(1)]),
        GradientCase(
            "ReverseSequence", [.x([4, 3])], constants: [("lengths", .integers([2, 4, 1]))],
            attributes: ["batch_axis": .int(1), "time_axis": .int(0)]),
        GradientCase("Trilu", [.x([3, 4])], attributes: ["upper": .int(0)]),
        GradientCase(
            "CumSum", [.x([3, 4])], constants: [("axis", .integers([1], shape: []))], attributes: ["exclusive": .int(1)]
        ),
        GradientCase(
            "Resize", [.x([1, 2, 3, 3])],
            constants: [("scales", Tensor.numbers([1, 1, 2, 2]).converted(to: .float32) ?? .numbers([]))],
            attributes: ["mode": .string("nearest")], label: "nearest", inputs: ["x", "", "scales"]),
        GradientCase(
            "Resize", [.x([1, 2, 3, 4])], constants: [("sizes", .integers([1, 2, 5, 3]))],
            attributes: ["mode": .string("linear")], label: "linear", inputs: ["x", "", "", "sizes"]),
        GradientCase(
            "Upsample", [.x([1, 1, 2, 3])],
            constants: [("scales", Tensor.numbers([1, 1, 2, 3]).converted(to: .float32) ?? .numbers([]))],
            attributes: ["mode": .string("linear")], opset: 9),
    ]

    @Test(arguments: movement)
    func movementOfElements(_ test: GradientCase) throws { try GradientCheck(test).run() }

    private static let normalizations: [GradientCase] = [
        GradientCase("LayerNormalization", [.x([3, 7]), .named("scale", [7]), .named("shift", [7])]),
        GradientCase(
            "LayerNormalization", [.x([2, 3, 4]), .named("scale", [4])], attributes: ["epsilon": .float(0.01)],
            label: "no shift"),
        GradientCase(
            "LayerNormalization", [.x([2, 3, 4]), .named("scale", [3, 4]), .named("shift", [3, 4])],
            attributes: ["axis": .int(1)], label: "axis 1"),
        GradientCase("RMSNormalization", [.x([3, 7]), .named("scale", [7])], opset: 23),
        GradientCase(
            "RMSNormalization", [.x([2, 3, 4]), .named("scale", [3, 1])], attributes: ["axis": .int(-2)], opset: 23,
            label: "broadcast scale"),
        GradientCase(
            "GroupNormalization", [.x([2, 4, 3]), .named("scale", [4]), .named("shift", [4])],
            attributes: ["num_groups": .int(2)], opset: 21),
        GradientCase(
            "GroupNormalization", [.x([2, 4, 3]), .named("scale", [2]), .named("shift", [2])],
            attributes: ["num_groups": .int(2)], opset: 18, label: "opset 18"),
        GradientCase("InstanceNormalization", [.x([2, 3, 2, 3]), .named("scale", [3]), .named("shift", [3])]),
    ]

    private static let others: [GradientCase] = [
        GradientCase(
            "LRN", [.x([2, 5, 2, 2])],
            attributes: ["size": .int(3), "alpha": .float(0.9), "beta": .float(0.6), "bias": .float(1.5)]),
        GradientCase("LRN", [.x([1, 4, 3])], attributes: ["size": .int(4), "alpha": .float(0.5)], label: "even"),
        GradientCase("MeanVarianceNormalization", [.x([2, 3, 2, 2])]),
        GradientCase("MeanVarianceNormalization", [.x([3, 5])], attributes: ["axes": ints(-1)], label: "rows"),
        GradientCase(
            "RotaryEmbedding", [.x([1, 2, 3, 4])],
            constants: [
                ("cos", .numbers([0.5, 0.8, 0.1, 0.9, 0.3, 0.7], shape: [1, 3, 2])),
                ("sin", .numbers([0.2, 0.6, 0.9, 0.4, 0.8, 0.1], shape: [1, 3, 2])),
            ], opset: 23),
    ]

    @Test(arguments: normalizations + others)
    func normalization(_ test: GradientCase) throws { try GradientCheck(test).run() }

    private static func losses() -> [GradientCase] {
        var cases: [GradientCase] = []
        let weights = ("weights", Tensor.numbers([0.5, 2, 1, 1.5]))
        for name in ["SoftmaxCrossEntropyLoss", "NegativeLogLikelihoodLoss"] {
            for reduction in ["mean", "sum", "none"] {
                let attributes: [String: AttributeValue] = ["reduction": .string(reduction)]
                cases += [
                    GradientCase(
                        name, [.x([5, 4])], constants: [("labels", .integers([1, 0, 3, 3, 2]))], attributes: attributes,
                        label: reduction),
                    GradientCase(
                        name, [.x([5, 4])], constants: [("labels", .integers([1, 0, -1, 3, 2])), weights],
                        attributes: attributes.merging(["ignore_index": .int(-1)]) { $1 },
                        label: "\(reduction), weights"),
                    GradientCase(
                        name, [.x([2, 4, 3])],
                        constants: [("labels", .integers([1, 0, 3, 3, 2, 1], shape: [2, 3])), weights],
                        attributes: attributes, label: "\(reduction), planes"),
                ]
            }
        }
        return cases
    }

    @Test(arguments: losses())
    func loss(_ test: GradientCase) throws { try GradientCheck(test).run() }
}
