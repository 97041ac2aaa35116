import TensorEngine
import Testing

@Suite struct VolumeConvolutionTests {
    struct Layer: Sendable, CustomStringConvertible {
        var input: [Int]
        var filters: [Int]
        var groups = 1
        var strides = [1, 1, 1]
        var dilations = [1, 1, 1]
        var pads = [0, 0, 0, 0, 0, 0]

        var description: String { "\(input) by \(filters), \(groups), \(strides), \(dilations), \(pads)" }
    }

    static let layers = [
        Layer(input: [2, 3, 5, 6, 7], filters: [4, 3, 3, 2, 3]),
        Layer(input: [1, 4, 4, 9, 8], filters: [6, 2, 3, 3, 3], groups: 2, pads: [1, 1, 1, 1, 1, 1]),
        Layer(input: [3, 5, 7, 6, 5], filters: [5, 1, 2, 3, 2], groups: 5, strides: [2, 1, 3]),
        Layer(
            input: [2, 2, 9, 8, 9], filters: [17, 2, 3, 2, 3], strides: [1, 2, 1], dilations: [2, 3, 1],
            pads: [2, 0, 1, 0, 3, 4]),
        Layer(input: [1, 20, 12, 12, 12], filters: [9, 20, 1, 1, 1]),
    ]

    /// Against the general convolution in float64, with a bias and an activation; an image's bits are its own.
    @Test(arguments: layers) func agreesWithTheDefinition(_ layer: Layer) throws {
        var numbers = Numbers(seed: 11)
        let x = numbers.tensor(try Shape(layer.input))
        let weights = numbers.tensor(try Shape(layer.filters))
        let bias = numbers.tensor(try Shape([layer.filters[0]]))
        var exact = Self.graph(layer, .float64)
        exact.initializers = ["w": weights.inDoubles, "b": bias.inDoubles]
        let reference = try CompiledGraph.run(exact, [x.inDoubles])[0].withElements(Double.self) { Array($0) }
        var graph = Self.graph(layer, .float32)
        graph.initializers = ["w": weights, "b": bias]
        let terms = layer.filters[1...].reduce(1, *)
        for set in InstructionSet.available {
            let found = try CompiledGraph.run(graph, [x], options: .init(set))[0].floats
            #expect(found.count == reference.count)
            let worst = zip(found, reference).map { abs(Double($0) - $1) }.max() ?? 0
            #expect(worst <= Double(terms) * Double(Float.ulpOfOne), "\(set)")
            #expect(found.contains(0) && found.contains { $0 > 0 })
            let image = try Tensor(
                shape: try Shape([1] + layer.input[1...]),
                elements: Array(x.floats.suffix(layer.input[1...].reduce(1, *))))
            let alone = try CompiledGraph.run(graph, [image], options: .init(set))[0].bits
            #expect(alone == found.suffix(alone.count).map(\.bitPattern), "\(set)")
        }
    }

    private static func graph(_ layer: Layer, _ type: ElementType) -> Graph {
        let dimensions = [.batch] + layer.input[1...].map(Dimension.fixed)
        return Graph(
            name: "convolution", inputs: [ValueInfo(name: "x", elementType: type, dimensions: dimensions)],
            outputs: [ValueInfo(name: "y", elementType: type, dimensions: [])],
            nodes: [
                Node(
                    name: "conv", operatorType: "Conv", inputs: ["x", "w", "b"], outputs: ["c"],
                    attributes: [
                        "pads": .ints(layer.pads), "strides": .ints(layer.strides), "dilations": .ints(layer.dilations),
                        "group": .int(layer.groups),
                    ]),
                Node(name: "relu", operatorType: "Relu", inputs: ["c"], outputs: ["y"]),
            ])
    }
}
