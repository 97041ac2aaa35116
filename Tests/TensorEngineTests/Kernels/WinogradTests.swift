import TensorEngine
import Testing

@Suite struct WinogradTests {
    struct Layer: Sendable, CustomStringConvertible {
        var images: Int
        var channels: Int
        var filters: Int
        var height: Int
        var width: Int
        var pads: [Int]

        var description: String { "\(images)x\(channels)x\(height)x\(width) -> \(filters), pads \(pads)" }
    }

    static let layers = [
        Layer(images: 1, channels: 8, filters: 8, height: 4, width: 4, pads: [1, 1, 1, 1]),
        Layer(images: 5, channels: 16, filters: 32, height: 8, width: 8, pads: [1, 1, 1, 1]),
        // Odd extents: the last tiles stick out; images begin in the middle of a panel.
        Layer(images: 7, channels: 11, filters: 13, height: 9, width: 11, pads: [1, 1, 1, 1]),
        Layer(images: 3, channels: 8, filters: 40, height: 16, width: 15, pads: [0, 0, 0, 0]),
        Layer(images: 2, channels: 9, filters: 8, height: 6, width: 19, pads: [3, 0, 1, 2]),
        // More padding than input, tiles of padding alone.
        Layer(images: 2, channels: 8, filters: 9, height: 2, width: 3, pads: [5, 4, 6, 7]),
        // More tiles than a block takes.
        Layer(images: 2, channels: 24, filters: 26, height: 31, width: 56, pads: [1, 1, 1, 1]),
        Layer(images: 1, channels: 8, filters: 8, height: 40, width: 5, pads: [1, 1, 1, 1]),
    ]

    /// Against the general convolution in float64, with a bias and an activation.
    @Test(arguments: layers) func agreesWithTheDefinition(_ layer: Layer) throws {
        var numbers = Numbers(seed: 5)
        let x = numbers.tensor(try Shape([layer.images, layer.channels, layer.height, layer.width]))
        let weights = numbers.tensor(try Shape([layer.filters, layer.channels, 3, 3]))
        let bias = numbers.tensor(try Shape([layer.filters]))
        var exact = Self.graph(layer, .float64)
        exact.initializers = ["w": weights.inDoubles, "b": bias.inDoubles]
        let reference = try CompiledGraph.run(exact, [x.inDoubles])[0].withElements(Double.self) { Array($0) }
        var graph = Self.graph(layer, .float32)
        graph.initializers = ["w": weights, "b": bias]
        for set in InstructionSet.available {
            let found = try CompiledGraph.run(graph, [x], options: .init(set))[0].floats
            #expect(found.count == reference.count)
            let worst = zip(found, reference).map { abs(Double($0) - $1) }.max() ?? 0
            // Terms below 1, of which each tile position sums up to 16 times as many.
            #expect(worst <= 9 * Double(layer.channels) * 4 * Double(Float.ulpOfOne), "\(set)")
            #expect(found.contains(0) && found.contains { $0 > 0 })
        }
    }

    private static func graph(_ layer: Layer, _ type: ElementType) -> Graph {
        let dimensions = [.batch] + [layer.channels, layer.height, layer.width].map(Dimension.fixed)
        return Graph(
            name: "convolution", inputs: [ValueInfo(name: "x", elementType: type, dimensions: dimensions)],
            outputs: [ValueInfo(name: "y", elementType: type, dimensions: [])],
            nodes: [
                Node(
                    name: "conv", operatorType: "Conv", inputs: ["x", "w", "b"], outputs: ["c"],
                    attributes: ["pads": .ints(layer.pads)]),
                Node(name: "relu", operatorType: "Relu", inputs: ["c"], outputs: ["y"]),
            ])
    }
}
