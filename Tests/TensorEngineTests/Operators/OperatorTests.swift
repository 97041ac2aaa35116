import Foundation
import TensorEngine
import Testing

@Suite struct OperatorTests {
    /// Every instruction set gives the reference's shape, type and values.
    @Test(arguments: InstructionSet.available) func matchesReference(_ set: InstructionSet) throws {
        let cases = try OperatorCase.load()
        #expect(cases.count > 250)
        check(cases, set)
    }

    /// RNN, LSTM and GRU as ONNX Runtime computes them.
    @Test(arguments: InstructionSet.available) func recurrentLayersMatchReference(_ set: InstructionSet) throws {
        let cases = try OperatorCase.load("recurrent_cases")
        #expect(cases.count > 60)
        check(cases, set)
    }

    private func check(_ cases: [OperatorCase], _ set: InstructionSet) {
        for test in cases {
            do {
                let (graph, inputs) = try test.graph()
                let outputs = try CompiledGraph.run(graph, inputs, options: .init(set))
                for (found, value) in zip(outputs, test.outputs) {
                    let expected = try value.tensor()
                    #expect(found.shape == expected.shape, "\(test.name)")
                    #expect(found.elementType == expected.elementType, "\(test.name)")
                    expectClose(found, expected, tolerance: test.tolerance, test.name)
                }
            } catch {
                Issue.record("\(test.name): \(error)")
            }
        }
    }

    /// Floating point within `tolerance` of the greater of 1 and the magnitude; everything else exactly.
    private func expectClose(_ found: Tensor, _ expected: Tensor, tolerance: Double, _ name: String) {
        switch (found.elementType, expected.elementType) {
        case (.float32, .float32): close(found.floats.map(Double.init), expected.floats.map(Double.init))
        case (.float64, .float64):
            close(found.withElements(Double.self) { Array($0) }, expected.withElements(Double.self) { Array($0) })
        default:
            #expect(found.withBytes { Data($0) } == expected.withBytes { Data($0) }, "\(name)")
        }
        func close(_ a: [Double], _ b: [Double]) {
            for (x, y) in zip(a, b) where !(x == y || (x.isNaN && y.isNaN)) {
                if !(abs(x - y) <= tolerance * max(1, abs(y))) {
                    Issue.record("\(name): found \(x), expected \(y)")
                    return
                }
            }
        }
    }
}

extension CompilationOptions {
    init(_ set: InstructionSet) {
        switch set {
        case .avx512: self.init(instructionSet: .avx512)
        case .avx2: self.init(instructionSet: .avx2)
        case .baseline: self.init(instructionSet: .baseline)
        }
    }
}
