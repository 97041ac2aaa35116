import Testing

@testable import TensorEngine

/// The engine's own operators have no float64: their gradients are compared with those of ONNX operators that do the same.
@Suite struct EngineOperatorGradientTests {
    private func compare(_ own: GradientCase, _ reference: GradientCase, _ comment: String = "") throws {
        let found = try GradientCheck(own).gradients(.float32)
        let expected = try GradientCheck(reference).gradients(.float64)
        GradientCheck.compare(found, expected, tolerance: 1e-4, "\(own.name) \(comment)")
        #expect(expected.allSatisfy { $0.contains { $0 != 0 } })
        try GradientCheck(reference).run()
    }

    private static func node(
        _ operatorType: String, _ inputs: [String], _ output: String, _ attributes: [String: AttributeValue] = [:]
    ) -> Node {
        Node(name: output, operatorType: operatorType, inputs: inputs, outputs: [output], attributes: attributes)
    }

    /// Attention of two heads of 3 columns by products, for 2 rows of 4 queries and 5 keys.
    private static func attention(keys: Int) -> [Node] {
        func heads(_ name: String, _ permutation: [Int]) -> [Node] {
            [
                node("Reshape", [name, "\(name)/shape"], "\(name)/split"),
                node("Transpose", ["\(name)/split"], "\(name)/heads", ["perm": .ints(permutation)]),
            ]
        }
        return heads("q", [0, 2, 1, 3]) + heads("k", [0, 2, 3, 1]) + heads("v", [0, 2, 1, 3]) + [
            node("MatMul", ["q/heads", "k/heads"], "products"),
            node("Mul", ["products", "scale"], "scaled"),
            node("Add", ["scaled", "bias"], "scores"),
            node("Softmax", ["scores"], "weights", ["axis": .int(-1)]),
            node("MatMul", ["weights", "v/heads"], "mixed"),
            node("Transpose", ["mixed"], "rows", ["perm": .ints([0, 2, 1, 3])]),
            node("Reshape", ["rows", "shape"], "y"),
        ]
    }

    @Test(arguments: ["plain", "masked", "causal", "packed", "packed causal"])
    func attention(_ kind: String) throws {
        let isCausal = kind.hasSuffix("causal")
        let isPacked = kind.hasPrefix("packed")
        let keys = isCausal || isPacked ? 4 : 5
        let mask: [Int64] = [1, 1, 0, 1, 0, 1, 1, 1, 1, 0]
        var bias = [Double](repeating: 0, count: 2 * 4 * keys)
        for row in 0..<2 {
            for query in 0..<4 {
                for key in 0..<keys where isCausal && key > query || kind == "masked" && mask[row * 5 + key] == 0 {
                    bias[(row * 4 + query) * keys + key] = -1e9
                }
            }
        }
        let constants: [String: Tensor] = [
            "q/shape": .integers([2, 4, 2, 3]), "k/shape": .integers([2, Int64(keys), 2, 3]),
            "v/shape": .integers([2, Int64(keys), 2, 3]), "shape": .integers([2, 4, 6]),
            "scale": .numbers([1 / 3.0.squareRoot()], shape: []),
            "bias": .numbers(bias, shape: try Shape([2, 1, 4, keys])),
        ]
        let attributes: [String: AttributeValue] = ["heads": .int(2), "causal": .int(isCausal ? 1 : 0)]
        if isPacked {
            let operands = [GradientCase.Operand.x([2, 4, 18])]
            let split = Node(
                name: "split", operatorType: "Split", inputs: ["x"], outputs: ["q", "k", "v"],
                attributes: ["axis": .int(-1)])
            try compare(
                GradientCase("ScaledDotProductAttention", operands, attributes: attributes),
                GradientCase(
                    "products", nodes: [split] + Self.attention(keys: keys), operands: operands, constants: constants),
                kind)
            return
        }
        let operands: [GradientCase.Operand] = [
            .named("q", [2, 4, 6]), .named("k", try Shape([2, keys, 6])), .named("v", try Shape([2, keys, 6])),
        ]
        let masks = kind == "masked" ? [("mask", Tensor.integers(mask, shape: [2, 5]))] : []
        try compare(
            GradientCase("ScaledDotProductAttention", operands, constants: masks, attributes: attributes),
            GradientCase("products", nodes: Self.attention(keys: keys), operands: operands, constants: constants), kind)
    }

    @Test(arguments: ["none", "relu", "tanh", "gelu", "gelu_tanh"], [true, false])
    func linear(_ activation: String, _ isTransposed: Bool) throws {
        let operands: [GradientCase.Operand] = [
            .x([2, 3, 4]), .named("w", isTransposed ? [5, 4] : [4, 5]), .named("b", [5]),
        ]
        let own = GradientCase(
            "Linear", operands,
            attributes: ["activation": .string(activation), "transposed": .int(isTransposed ? 1 : 0)])
        let functions = ["relu": "Relu", "tanh": "Tanh", "gelu": "Gelu", "gelu_tanh": "Gelu"]
        let reference = [
            Self.node(isTransposed ? "Transpose" : "Identity", ["w"], "w/columns"),
            Self.node("MatMul", ["x", "w/columns"], "m"), Self.node("Add", ["m", "b"], "s"),
            Self.node(
                functions[activation] ?? "Identity", ["s"], "y",
                activation == "gelu_tanh" ? ["approximate": .string("tanh")] : [:]),
        ]
        try compare(own, GradientCase("products", nodes: reference, operands: operands), activation)
    }

    @Test func skipLayerNormalization() throws {
        let operands: [GradientCase.Operand] = [
            .x([2, 3, 4]), .named("r", [2, 3, 4]), .named("scale", [4]), .named("shift", [4]),
        ]
        try compare(
            GradientCase("SkipLayerNormalization", operands),
            GradientCase(
                "sum",
                nodes: [
                    Self.node("Add", ["x", "r"], "s"), Self.node("LayerNormalization", ["s", "scale", "shift"], "y"),
                ], operands: operands))
    }

    @Test(arguments: [false, true])
    func tokenEmbedding(_ isPadded: Bool) throws {
        let operands: [GradientCase.Operand] = [
            .named("words", [7, 3]), .named("places", [6, 3]), .named("types", [2, 3]),
        ]
        let constants: [String: Tensor] = [
            "ids": .integers([3, 1, 1, 6, 2, 1], shape: [2, 3]),
            "kinds": .integers([0, 1, 1, 0, 0, 1], shape: [2, 3]),
            // RoBERTa counts from one behind the padding index 1, which padding has itself.
            "positions": .integers(isPadded ? [2, 1, 1, 2, 3, 1] : [0, 1, 2, 0, 1, 2], shape: [2, 3]),
        ]
        let own = GradientCase(
            "TokenEmbedding",
            nodes: [
                Self.node(
                    "TokenEmbedding", ["ids", "words", "places", "kinds", "types"], "y",
                    isPadded ? ["padded": .int(1), "padding_index": .int(1)] : [:])
            ], operands: operands, constants: constants.filter { $0.key != "positions" })
        let reference = GradientCase(
            "Gather",
            nodes: [
                Self.node("Gather", ["words", "ids"], "w"), Self.node("Gather", ["places", "positions"], "p"),
                Self.node("Gather", ["types", "kinds"], "t"), Self.node("Sum", ["w", "p", "t"], "y"),
            ], operands: operands, constants: constants)
        try compare(own, reference, "padded \(isPadded)")
    }

    @Test func rowLookupAndMaskSteps() throws {
        let operands: [GradientCase.Operand] = [.named("table", [5, 3])]
        let ids = Tensor.integers([4, 1, 1, 0], shape: [2, 2])
        let mask = Tensor.numbers([1, 0, 1, 1], shape: [2, 2, 1])
        let own = GradientCase(
            "RowLookup",
            nodes: [Self.node("RowLookup", ["table", "ids"], "r"), Self.node("MaskSteps", ["r", "mask"], "y")],
            operands: operands, constants: ["ids": ids, "mask": try mask.reshaped(to: [2, 2])])
        let reference = GradientCase(
            "Gather", nodes: [Self.node("Gather", ["table", "ids"], "r"), Self.node("Mul", ["r", "mask"], "y")],
            operands: operands, constants: ["ids": ids, "mask": mask])
        try compare(own, reference)
    }

    @Test(arguments: ["mean", "max", "first"], [false, true])
    func tokenPooling(_ mode: String, _ normalizes: Bool) throws {
        let operands = [GradientCase.Operand.x([2, 3, 4], .distinct)]
        let hasMask = mode != "first"
        let own = GradientCase(
            "TokenPooling", operands,
            constants: hasMask ? [("mask", .integers([1, 1, 0, 0, 1, 1], shape: [2, 3]))] : [],
            attributes: ["mode": .string(mode), "normalize": .int(normalizes ? 1 : 0)])
        var nodes: [Node]
        var constants = ["axes": Tensor.integers([1])]
        switch mode {
        case "mean":
            constants["mask"] = .numbers([0.5, 0.5, 0, 0, 0.5, 0.5], shape: [2, 3, 1])
            nodes = [
                Self.node("Mul", ["x", "mask"], "m"),
                Self.node("ReduceSum", ["m", "axes"], "p", ["keepdims": .int(0)]),
            ]
        case "max":
            constants["mask"] = .numbers([0, 0, -1e3, -1e3, 0, 0], shape: [2, 3, 1])
            nodes = [
                Self.node("Add", ["x", "mask"], "m"),
                Self.node("ReduceMax", ["m", "axes"], "p", ["keepdims": .int(0)]),
            ]
        default:
            constants["first"] = .integers([0], shape: [])
            nodes = [Self.node("Gather", ["x", "first"], "p", ["axis": .int(1)])]
        }
        nodes.append(Self.node(normalizes ? "LpNormalization" : "Identity", ["p"], "y"))
        try compare(own, GradientCase("by parts", nodes: nodes, operands: operands, constants: constants), mode)
    }
}
