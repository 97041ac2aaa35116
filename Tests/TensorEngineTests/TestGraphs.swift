import TensorEngine

/// Reproducible numbers in [-1, 1): SplitMix64.
struct Numbers {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> Float {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        z ^= z >> 31
        return Float(Int32(truncatingIfNeeded: z >> 40) - (1 << 23)) / Float(1 << 23)
    }

    mutating func tensor(_ shape: Shape) -> Tensor {
        let elements = (0..<shape.elementCount).map { _ in next() }
        return Tensor(.float32, shape: shape) { buffer in
            buffer.withMemoryRebound(to: Float.self) { _ = $0.update(fromContentsOf: elements) }
        }
    }
}

extension Tensor {
    var floats: [Float] { withElements(Float.self) { Array($0) } }
    var bits: [UInt32] { floats.map(\.bitPattern) }
    /// The same numbers in float64.
    var inDoubles: Tensor {
        let elements = floats.map(Double.init)
        return Tensor(.float64, shape: shape) { target in
            for (index, element) in elements.enumerated() {
                target.storeBytes(of: element, toByteOffset: index * 8, as: Double.self)
            }
        }
    }
}

extension Graph {
    /// One node from `x` to `y`; the other inputs are constants in order.
    static func single(
        _ operatorType: String, input dimensions: [Dimension], constants: [Tensor] = [],
        attributes: [String: AttributeValue] = [:], opset: Int = 17, elementType: ElementType = .float32
    ) -> Graph {
        let names = constants.indices.map { "c\($0)" }
        return Graph(
            name: operatorType, operatorSetVersion: opset,
            inputs: [ValueInfo(name: "x", elementType: elementType, dimensions: dimensions)],
            outputs: [ValueInfo(name: "y", elementType: elementType, dimensions: [])],
            nodes: [
                Node(
                    name: "node", operatorType: operatorType, inputs: ["x"] + names, outputs: ["y"],
                    attributes: attributes)
            ],
            initializers: Dictionary(uniqueKeysWithValues: zip(names, constants)))
    }
}

extension CompiledGraph {
    /// Compiles, plans and runs once.
    static func run(_ graph: Graph, _ inputs: [Tensor], options: CompilationOptions = .init()) throws -> [Tensor] {
        let compiled = try CompiledGraph(graph, options: options)
        return try ExecutionContext().run(compiled.plan(inputShapes: inputs.map(\.shape)), inputs: inputs)
    }
}
