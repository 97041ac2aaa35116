import TensorEngine
import Testing

@Suite("Gradients of pools")
struct PoolGradientTests {
    private static func pool(
        _ name: String, _ type: String, _ x: [Int], _ attributes: [String: AttributeValue]
    ) -> LayerGradientCase { LayerGradientCase(name, type, [.parameter(x)], attributes) }

    static let cases =
        ["MaxPool", "AveragePool"].flatMap { type in
            [
                pool("2 × 2", type, [2, 3, 6, 8], ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])]),
                pool(
                    "2 × 2 with a rest", type, [2, 2, 5, 7],
                    ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])]),
                pool(
                    "overlapping", type, [2, 2, 7, 6],
                    ["kernel_shape": .ints([3, 3]), "strides": .ints([2, 2]), "pads": .ints([1, 1, 1, 1])]),
                pool(
                    "asymmetric", type, [1, 2, 5, 6], ["kernel_shape": .ints([2, 3]), "pads": .ints([0, 2, 1, 1])]),
                pool(
                    "ceil_mode", type, [1, 2, 6, 7],
                    ["kernel_shape": .ints([3, 2]), "strides": .ints([2, 2]), "ceil_mode": .int(1)]),
                pool(
                    "SAME_LOWER", type, [1, 2, 6, 7],
                    ["kernel_shape": .ints([3, 2]), "strides": .ints([2, 2]), "auto_pad": .string("SAME_LOWER")]),
                pool("dilations", type, [1, 2, 7, 8], ["kernel_shape": .ints([2, 3]), "dilations": .ints([3, 2])]),
                pool(
                    "one dimension", type, [2, 3, 9],
                    ["kernel_shape": .ints([4]), "strides": .ints([3]), "pads": .ints([1, 2])]),
                pool(
                    "three dimensions", type, [1, 2, 4, 5, 4],
                    [
                        "kernel_shape": .ints([2, 3, 2]), "strides": .ints([2, 2, 1]),
                        "pads": .ints([1, 0, 0, 0, 1, 1]),
                    ]),
            ]
        } + [
            pool(
                "with its padding", "AveragePool", [1, 2, 6, 5],
                ["kernel_shape": .ints([3, 3]), "pads": .ints([1, 2, 1, 0]), "count_include_pad": .int(1)]),
            pool(
                "with its padding in three dimensions", "AveragePool", [1, 1, 4, 3, 4],
                [
                    "kernel_shape": .ints([2, 2, 2]), "pads": .ints([1, 0, 1, 0, 1, 1]), "count_include_pad": .int(1),
                    "strides": .ints([2, 2, 2]), "ceil_mode": .int(1),
                ]),
            pool("two dimensions", "GlobalAveragePool", [2, 3, 4, 5], [:]),
            pool("one dimension", "GlobalMaxPool", [2, 3, 7], [:]),
            pool("three dimensions", "GlobalMaxPool", [1, 2, 3, 2, 3], [:]),
        ]

    @Test("agree with differences", arguments: cases)
    func gradients(_ layer: LayerGradientCase) throws { try layer.check() }

    @Test("go to the first of several greatest elements")
    func ties() throws {
        for shape in [[1, 1, 2, 2], [1, 1, 2, 2, 1]] as [[Int]] {
            let extents = [Int](repeating: 2, count: shape.count - 2).enumerated().map { min($1, shape[$0 + 2]) }
            let layer = Self.pool("of equals", "MaxPool", shape, ["kernel_shape": .ints(extents)])
            let check = try LayerGradientCheck(layer, .float32)
            var values = check.values
            values["p0"] = try Tensor(shape: Shape(shape), elements: [1, 1, 1, 1] as [Float])
            let gradient = try check.run(values)[1].floats
            #expect(gradient[0] != 0 && gradient[1...].allSatisfy { $0 == 0 })
        }
    }
}
