import TensorEngine
import Testing

@Suite("Gradients of convolutions")
struct ConvolutionGradientTests {
    private static func conv(
        _ name: String, _ x: [Int], _ w: [Int], bias: Bool = false, _ attributes: [String: AttributeValue] = [:]
    ) -> LayerGradientCase {
        LayerGradientCase(
            name, "Conv", [.parameter(x), .parameter(w)] + (bias ? [.parameter([w[0]])] : []), attributes)
    }

    private static func transposed(
        _ name: String, _ x: [Int], _ w: [Int], bias: Int? = nil, _ attributes: [String: AttributeValue] = [:]
    ) -> LayerGradientCase {
        LayerGradientCase(
            name, "ConvTranspose", [.parameter(x), .parameter(w)] + (bias.map { [.parameter([$0])] } ?? []),
            attributes)
    }

    static let cases = [
        conv("3 × 3", [2, 3, 6, 5], [4, 3, 3, 3], bias: true, ["pads": .ints([1, 1, 1, 1])]),
        conv("without padding", [2, 2, 5, 6], [3, 2, 2, 3]),
        conv("1 × 1 in steps of 2", [1, 2, 5, 5], [3, 2, 1, 1], ["strides": .ints([2, 2])]),
        conv(
            "strides", [2, 2, 7, 8], [3, 2, 3, 3], bias: true,
            ["strides": .ints([2, 3]), "pads": .ints([1, 0, 1, 2])]),
        conv("strides larger than the window", [1, 2, 9, 8], [2, 2, 2, 2], ["strides": .ints([3, 3])]),
        conv(
            "dilations", [1, 2, 9, 8], [2, 2, 3, 2],
            ["dilations": .ints([2, 3]), "strides": .ints([2, 2]), "pads": .ints([2, 1, 1, 3])]),
        conv("groups", [2, 4, 5, 5], [6, 2, 3, 3], bias: true, ["group": .int(2), "pads": .ints([1, 1, 1, 1])]),
        conv("depthwise", [2, 3, 6, 10], [3, 1, 3, 3], bias: true, ["group": .int(3), "pads": .ints([1, 1, 1, 1])]),
        conv(
            "depthwise, two filters a channel", [2, 3, 7, 6], [6, 1, 3, 2],
            ["group": .int(3), "strides": .ints([2, 1]), "pads": .ints([1, 0, 0, 1])]),
        conv("one dimension", [2, 3, 11], [4, 3, 4], bias: true, ["strides": .ints([2]), "pads": .ints([2, 1])]),
        conv("depthwise in one dimension", [2, 3, 11], [3, 1, 4], ["group": .int(3), "dilations": .ints([2])]),
        conv(
            "three dimensions", [1, 2, 4, 5, 4], [3, 2, 2, 3, 2], bias: true,
            ["strides": .ints([1, 2, 1]), "pads": .ints([0, 1, 1, 1, 1, 0])]),
        conv("depthwise in three dimensions", [1, 2, 4, 4, 4], [2, 1, 2, 2, 2], ["group": .int(2)]),
        conv(
            "SAME_UPPER", [1, 2, 6, 7], [2, 2, 3, 2], ["auto_pad": .string("SAME_UPPER"), "strides": .ints([2, 2])]),
        conv(
            "SAME_LOWER", [1, 2, 6, 7], [2, 2, 2, 4], ["auto_pad": .string("SAME_LOWER"), "strides": .ints([1, 3])]),
        conv("VALID", [1, 2, 6, 7], [2, 2, 3, 3], ["auto_pad": .string("VALID")]),
        conv("a window larger than its input", [1, 1, 3, 3], [2, 1, 5, 5], ["pads": .ints([2, 3, 2, 1])]),
        conv("padding beyond the window", [1, 1, 3, 4], [2, 1, 2, 2], ["pads": .ints([3, 0, 2, 4])]),
        conv("many channels", [2, 17, 5, 6], [37, 17, 3, 3], bias: true, ["pads": .ints([1, 1, 1, 1])]),
        conv("many small images", [70, 3, 5, 5], [4, 3, 3, 3], ["pads": .ints([1, 1, 1, 1])]),
        conv("a large image", [2, 2, 40, 37], [3, 2, 3, 3], bias: true, ["pads": .ints([1, 1, 1, 1])]),
        transposed("plain", [2, 3, 3, 4], [3, 2, 3, 2], bias: 2),
        transposed(
            "strides and output_padding", [2, 3, 4, 3], [3, 2, 3, 3], bias: 2,
            ["strides": .ints([2, 2]), "pads": .ints([1, 1, 1, 1]), "output_padding": .ints([1, 1])]),
        transposed(
            "groups and dilations", [1, 4, 4, 4], [4, 3, 2, 3], bias: 6,
            ["group": .int(2), "dilations": .ints([2, 1])]),
        transposed(
            "output_shape", [1, 2, 3, 3], [2, 2, 3, 3], ["strides": .ints([3, 2]), "output_shape": .ints([10, 8])]),
        transposed(
            "SAME_UPPER", [1, 2, 3, 4], [2, 2, 3, 3], ["strides": .ints([2, 2]), "auto_pad": .string("SAME_UPPER")]),
        transposed("one dimension", [2, 2, 5], [2, 3, 4], bias: 3, ["strides": .ints([3]), "pads": .ints([1, 2])]),
        transposed("three dimensions", [1, 2, 2, 3, 2], [2, 2, 2, 2, 3], ["strides": .ints([2, 1, 2])]),
    ]

    @Test("agree with differences", arguments: cases)
    func gradients(_ layer: LayerGradientCase) throws { try layer.check() }

    @Test("run in any order of threads to the same bits")
    func bits() throws {
        let check = try LayerGradientCheck(Self.cases[18], .float32)
        let first = try check.run(check.values).map(\.bits)
        for _ in 0..<3 { #expect(try check.run(check.values).map(\.bits) == first) }
    }

    @Test("name what does not fit")
    func errors() throws {
        let layer = Self.conv("of integers", [1, 1, 3, 3], [1, 1, 2, 2])
        var graph = try LayerGradientCheck(layer, .float32).differentiated.graph
        let index = try #require(graph.nodes.firstIndex { $0.operatorType == "ConvInputGradient" })
        graph.nodes[index].attributes["strides"] = .ints([2, 2])
        #expect {
            try CompiledGraph(graph)
        } throws: {
            let message = ($0 as? GraphError)?.description ?? ""
            return message.contains("(ConvInputGradient)") && message.contains("expected [1, 1, 1, 1]")
        }
    }

    @Test("a transposed convolution spreads its input over its output")
    func spreads() throws {
        let graph = Graph.single(
            "ConvTranspose", input: [.fixed(1), .fixed(1), .fixed(2)],
            constants: [try Tensor(shape: [1, 1, 3], elements: [1, 10, 100] as [Float])],
            attributes: ["strides": .ints([2])])
        let x = try Tensor(shape: [1, 1, 2], elements: [1, 2] as [Float])
        #expect(try CompiledGraph.run(graph, [x])[0].floats == [1, 10, 102, 20, 200])
    }

    @Test(
        "a transposed convolution is the adjoint of the convolution",
        arguments: [
            ["strides": .ints([2, 3])], ["pads": .ints([1, 0, 2, 1]), "strides": .ints([2, 1])], ["group": .int(2)],
            ["dilations": .ints([2, 1]), "pads": .ints([1, 1, 1, 1])],
        ] as [[String: AttributeValue]])
    func adjoint(_ attributes: [String: AttributeValue]) throws {
        var numbers = Numbers(seed: 9)
        let isGrouped = attributes["group"] != nil
        let x = try LayerGradientCheck.cast(numbers.tensor([2, 4, 4, 5]), .float64)
        let w = try LayerGradientCheck.cast(numbers.tensor([4, isGrouped ? 3 : 6, 3, 2]), .float64)
        func run(_ type: String, _ input: Tensor) throws -> Tensor {
            let graph = Graph.single(
                type, input: input.shape.dimensions.map { .fixed($0) }, constants: [w], attributes: attributes,
                elementType: .float64)
            return try CompiledGraph.run(graph, [input])[0]
        }
        let spread = try run("ConvTranspose", x)
        let flow = try LayerGradientCheck.cast(numbers.tensor(spread.shape), .float64)
        // ⟨transposed(x), flow⟩ = ⟨x, convolution(flow)⟩, the latter by another kernel.
        let left = zip(spread.doubles, flow.doubles).reduce(0) { $0 + $1.0 * $1.1 }
        let right = zip(x.doubles, try run("Conv", flow).doubles).reduce(0) { $0 + $1.0 * $1.1 }
        #expect(abs(left - right) < 1e-12 * max(1, abs(left)))
    }
}
