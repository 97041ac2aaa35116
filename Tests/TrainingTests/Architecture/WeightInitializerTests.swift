import JSONDocuments
import TensorEngine
import Testing

@testable import Training

@Suite struct WeightInitializerTests {
    private func draw(_ json: JSONValue, _ shape: [Int], seed: UInt64 = 1) throws -> [Float] {
        var random = RandomSource(seed: seed, stream: "initializer", 0, 0)
        return try WeightInitializer(JSONCursor(json)).draw(shape, from: &random)
    }

    private func deviation(_ values: [Float]) -> Double {
        let mean = values.reduce(0.0) { $0 + Double($1) } / Double(values.count)
        return (values.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(values.count))
            .squareRoot()
    }

    /// Of weights [100, 200]; the squares of their deviations.
    static let variances: [(name: String, variance: Double)] = [
        ("glorot_uniform", 2.0 / 300), ("glorot_normal", 2.0 / 300), ("he_uniform", 2.0 / 100),
        ("he_normal", 2.0 / 100),
        ("lecun_uniform", 1.0 / 100), ("lecun_normal", 1.0 / 100), ("random_normal", 0.0025),
        // A normal that is cut off at two deviations, and one of width 0.1.
        ("truncated_normal", 0.0025 * 0.7737413), ("random_uniform", 0.01 / 12), ("orthogonal", 1.0 / 200),
    ]

    /// Within five per cent: 20,000 draws.
    @Test(arguments: variances) func deviations(_ name: String, _ variance: Double) throws {
        let expected = variance.squareRoot()
        let values = try draw(.string(name), [100, 200])
        #expect(abs(deviation(values) / expected - 1) < 0.05)
        let mean = values.reduce(0.0) { $0 + Double($1) } / 20_000
        #expect(abs(mean) < expected / 20)
    }

    @Test func bounds() throws {
        let glorot = try draw("glorot_uniform", [3, 3, 4, 8])
        // 9 places: 36 inputs and 72 outputs.
        let limit = Float((6.0 / 108).squareRoot())
        #expect(glorot.allSatisfy { abs($0) <= limit })
        #expect((glorot.max() ?? 0) > limit * 0.9)
        let normal = try draw("he_normal", [50, 40])
        let cut = 2 * Float((2.0 / 50).squareRoot()) / 0.8796
        #expect(normal.allSatisfy { abs($0) <= cut })
        let uniform = try draw(["type": "uniform", "minval": 2, "maxval": 3], [100])
        #expect(uniform.allSatisfy { $0 >= 2 && $0 <= 3 })
    }

    @Test func constants() throws {
        #expect(try draw("zeros", [3]) == [0, 0, 0])
        #expect(try draw("ones", [2]) == [1, 1])
        #expect(try draw(["type": "constant", "value": 2.5], [2]) == [2.5, 2.5])
    }

    @Test(arguments: [[6, 4], [4, 6], [5, 5], [3, 2, 4]]) func orthogonal(_ shape: [Int]) throws {
        let gain: Float = 2
        let values = try draw(["type": "orthogonal", "gain": 2], shape)
        let (rows, columns) = (shape.dropLast().reduce(1, *), shape.last ?? 1)
        let isTall = rows >= columns
        let count = min(rows, columns)
        for a in 0..<count {
            for b in 0..<count {
                var product: Float = 0
                for place in 0..<max(rows, columns) {
                    product +=
                        isTall
                        ? values[place * columns + a] * values[place * columns + b]
                        : values[a * columns + place] * values[b * columns + place]
                }
                #expect(abs(product - (a == b ? gain * gain : 0)) < 1e-5)
            }
        }
    }

    static let model = """
        {"input": {"shape": [5, 3]}, "layers": [{"type": "lstm", "units": 4, "return_sequences": true, "name": "first"},
         {"type": "lstm", "units": 4, "unit_forget_bias": false, "name": "second"}, {"type": "dense", "units": 2}]}
        """

    @Test func seedsDecide() throws {
        let spec = try ArchitectureSpec(JSONValue(json: Self.model))
        func bytes(_ seed: UInt64) throws -> [String: [Float]] {
            try spec.build(seed: seed).graph.initializers.filter { $0.value.elementType == .float32 }
                .mapValues { try $0.elements(as: Float.self) }
        }
        let once = try bytes(7)
        #expect(try bytes(7) == once)
        #expect(try bytes(8)["dense/kernel"] != once["dense/kernel"])
        // Layers of one shape draw from streams of their own.
        #expect(once["first/R"] != once["second/R"])
    }

    @Test func forgetGatesOpen() throws {
        let graph = try ArchitectureSpec(JSONValue(json: Self.model)).build(seed: 1).graph
        // ONNX's order of gates: input, output, forget, cell.
        let expected = [Float](repeating: 0, count: 8) + [1, 1, 1, 1, 0, 0, 0, 0]
        #expect(try graph.initializers["first/B"]?.elements(as: Float.self) == expected)
        #expect(try graph.initializers["second/B"]?.elements(as: Float.self) == [Float](repeating: 0, count: 16))
    }

    /// Weights in front of which layers are inserted change; those of the layers before do not.
    @Test func streamsFollowTheLayers() throws {
        let graph = try ArchitectureSpec(JSONValue(json: Self.model)).build(seed: 1).graph
        let shorter = try ArchitectureSpec(
            JSONValue(
                json: """
                    {"input": {"shape": [5, 3]}, "layers": [{"type": "lstm", "units": 4, "return_sequences": true,
                     "name": "first"}, {"type": "dense", "units": 2}]}
                    """)
        ).build(seed: 1).graph
        let name = "first/W"
        #expect(
            try graph.initializers[name]?.elements(as: Float.self)
                == shorter.initializers[name]?.elements(as: Float.self))
    }
}
