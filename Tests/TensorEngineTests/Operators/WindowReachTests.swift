import TensorEngine
import Testing

/// Windows that reach beyond their input: the same sums as by the definition, at a cost that the input bounds.
@Suite struct WindowReachTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var extent: Int
        var kernel: Int
        var stride: Int
        var dilation: Int
        var pads: (Int, Int)
        var testDescription: String { "\(extent) by \(kernel), \(stride), \(dilation), \(pads)" }
    }

    static let cases: [Case] = {
        var cases: [Case] = []
        for extent in 1...5 {
            for kernel in [1, 2, 3, 7, 12] {
                for stride in [1, 2, 5] {
                    for dilation in [1, 2, 6] {
                        let reach = (kernel - 1) * dilation
                        for pads in [(0, 0), (reach, reach), (reach / 2, reach - reach / 2), (reach, 0)]
                        where extent + pads.0 + pads.1 > reach {
                            cases.append(
                                Case(extent: extent, kernel: kernel, stride: stride, dilation: dilation, pads: pads))
                        }
                    }
                }
            }
        }
        return cases
    }()

    /// Both axes have the same geometry, so that rows and columns are walked alike.
    private func run(_ operatorType: String, _ one: Case, _ input: Tensor, counts: Bool = false) throws -> [Float] {
        var attributes: [String: AttributeValue] = [
            "kernel_shape": .ints([one.kernel, one.kernel]), "strides": .ints([one.stride, one.stride]),
            "pads": .ints([one.pads.0, one.pads.0, one.pads.1, one.pads.1]),
        ]
        attributes["dilations"] = .ints([one.dilation, one.dilation])
        if counts { attributes["count_include_pad"] = .int(1) }
        let graph = Graph.single(
            operatorType, input: [.batch, .fixed(1), .fixed(one.extent), .fixed(one.extent)], attributes: attributes,
            opset: 19)
        return try CompiledGraph.run(graph, [input])[0].floats
    }

    @Test func poolsAreTheDefinitions() throws {
        var numbers = Numbers(seed: 7)
        try #require(Self.cases.count > 400)
        for one in Self.cases {
            let input = numbers.tensor(try Shape([1, 1, one.extent, one.extent]))
            let x = input.floats
            let outputs = (one.extent + one.pads.0 + one.pads.1 - (one.kernel - 1) * one.dilation - 1) / one.stride + 1
            /// The input rows or columns under the window.
            func taps(_ output: Int) -> [Int] {
                (0..<one.kernel).map { output * one.stride + $0 * one.dilation - one.pads.0 }
                    .filter { (0..<one.extent).contains($0) }
            }
            var greatest: [Float] = []
            var means: [Float] = []
            var paddedMeans: [Float] = []
            for oy in 0..<outputs {
                for ox in 0..<outputs {
                    let values = taps(oy).flatMap { y in taps(ox).map { x[y * one.extent + $0] } }
                    greatest.append(values.max() ?? -.infinity)
                    let sum = values.reduce(0, +)
                    means.append(sum / Float(values.count))
                    paddedMeans.append(sum / Float(one.kernel * one.kernel))
                }
            }
            #expect(try run("MaxPool", one, input).map(\.bitPattern) == greatest.map(\.bitPattern), "\(one)")
            #expect(isClose(try run("AveragePool", one, input), means), "\(one)")
            #expect(isClose(try run("AveragePool", one, input, counts: true), paddedMeans), "\(one)")
        }
    }

    private func isClose(_ found: [Float], _ expected: [Float]) -> Bool {
        found.count == expected.count
            && zip(found, expected).allSatisfy { abs($0 - $1) < 1e-5 || $0.isNaN && $1.isNaN }
    }

    /// 2^28 rows and columns of padding around twelve numbers: walking them takes years.
    @Test(.timeLimit(.minutes(1)), arguments: ["MaxPool", "AveragePool"], [1, 2, 1 << 20])
    func aWindowFarLargerThanItsInput(operatorType: String, stride: Int) throws {
        let graph = Graph.single(
            operatorType, input: [.batch, .fixed(1), .fixed(3), .fixed(4)],
            attributes: [
                "kernel_shape": .ints([1 << 28, 1 << 28]), "auto_pad": .string("SAME_UPPER"),
                "strides": .ints([stride, stride]),
            ])
        var numbers = Numbers(seed: 3)
        let input = numbers.tensor(try Shape([1, 1, 3, 4]))
        let outputs = try CompiledGraph.run(graph, [input])[0].floats
        let all = input.floats
        let expected = operatorType == "MaxPool" ? all.max() ?? 0 : all.reduce(0, +) / Float(all.count)
        #expect(!outputs.isEmpty)
        #expect(outputs.allSatisfy { abs($0 - expected) < 1e-6 })
    }

    /// Padding written out on both sides, and a stride that leaves gaps between the columns that matter.
    @Test(.timeLimit(.minutes(1)))
    func gapsCostNothing() throws {
        let reach = (1 << 28) - 1
        let graph = Graph.single(
            "MaxPool", input: [.batch, .fixed(1), .fixed(3)],
            attributes: [
                "kernel_shape": .ints([1 << 28]), "pads": .ints([reach, reach]), "strides": .ints([1 << 26]),
            ])
        let input = try Tensor(shape: try Shape([1, 1, 3]), elements: [1, 3, 2] as [Float])
        #expect(try CompiledGraph.run(graph, [input])[0].floats == [1, 3, 3, 3, 3])
    }
}
