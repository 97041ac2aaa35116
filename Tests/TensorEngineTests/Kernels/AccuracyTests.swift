import Foundation
import TensorEngine
import Testing

/// Elementwise functions against float64, in units in the last place of the exact result.
@Suite struct AccuracyTests {
    struct Function: Sendable, CustomTestStringConvertible {
        var name: String
        var range: ClosedRange<Float>
        var bound: Double
        var exact: @Sendable (Double) -> Double
        var testDescription: String { name }
    }

    static let functions = [
        Function(name: "Exp", range: -87...88.7, bound: 2) { exp($0) },
        Function(name: "Sigmoid", range: -80...80, bound: 4) { 1 / (1 + exp(-$0)) },
        Function(name: "Tanh", range: -12...12, bound: 4) { tanh($0) },
        Function(name: "Softplus", range: -80...80, bound: 4) { max($0, 0) + log1p(exp(-abs($0))) },
        Function(name: "Elu", range: -20...1, bound: 4) { $0 < 0 ? expm1($0) : $0 },
        Function(name: "Softsign", range: -50...50, bound: 2) { $0 / (1 + abs($0)) },
    ]

    @Test(arguments: functions) func staysWithinItsBound(_ function: Function) throws {
        let count = 200_000
        let step = (function.range.upperBound - function.range.lowerBound) / Float(count)
        var inputs = (0...count).map { function.range.lowerBound + Float($0) * step }
        // Small magnitudes too, where an absolute error would hide.
        inputs += (1...60).flatMap { exponent -> [Float] in
            let x = Float(sign: .plus, exponent: -exponent, significand: 1.37)
            return [x, -x]
        }
        let outputs = try apply(function.name, inputs)
        var worst = (error: 0.0, input: Float(0))
        for (x, y) in zip(inputs, outputs) {
            let exact = function.exact(Double(x))
            let ulp = Double(Float(exact).ulp)
            let error = abs(Double(y) - exact) / ulp
            if error > worst.error { worst = (error, x) }
        }
        #expect(worst.error <= function.bound, "\(worst.error) ulp at \(worst.input)")
    }

    @Test func specialValues() throws {
        let infinity = Float.infinity
        #expect(try apply("Exp", [-infinity, -200, -0.0, 0, 89, infinity]) == [0, 0, 1, 1, infinity, infinity])
        #expect(try apply("Sigmoid", [-infinity, 0, infinity]) == [0, 0.5, 1])
        #expect(try apply("Tanh", [-infinity, -20, 0, 20, infinity]) == [-1, -1, 0, 1, 1])
        #expect(try apply("Softplus", [-infinity, infinity]) == [0, infinity])
        #expect(try apply("Elu", [-infinity]) == [-1])
        // Subnormal results come out gradually.
        let tiny = try apply("Exp", [-100])[0]
        #expect(abs(Double(tiny) - exp(-100)) <= 2 * Double(Float.leastNonzeroMagnitude))
        for name in [
            "Relu", "LeakyRelu", "Exp", "Sigmoid", "Tanh", "Softplus", "Softsign", "Elu", "Selu", "HardSigmoid",
        ] {
            #expect(try apply(name, [.nan]).allSatisfy(\.isNaN), "\(name)")
        }
        #expect(try apply("Relu", [-infinity, infinity, -1]) == [0, infinity, 0])
    }

    /// The same bits on every instruction set: only products differ between them.
    @Test(arguments: functions) func instructionSetsAgree(_ function: Function) throws {
        var numbers = Numbers(seed: 5)
        let inputs = (0..<4099).map { _ in numbers.next() * 90 }
        let results = try InstructionSet.available.map { try apply(function.name, inputs, $0).map(\.bitPattern) }
        #expect(Set(results).count == 1)
    }

    private func apply(_ name: String, _ inputs: [Float], _ set: InstructionSet = .baseline) throws -> [Float] {
        let tensor = try Tensor(shape: Shape([inputs.count]), elements: inputs)
        let graph = Graph.single(name, input: [.symbolic("n")])
        return try CompiledGraph.run(graph, [tensor], options: .init(set))[0].floats
    }
}
