import TensorEngine
import Testing

@Suite struct FirstTests {
    @Test func gemm() throws {
        let w = try Tensor(shape: [2, 3], elements: [1, 2, 3, 4, 5, 6] as [Float])
        let b = try Tensor(shape: [3], elements: [10, 20, 30] as [Float])
        let x = try Tensor(shape: [2, 2], elements: [1, 2, 3, 4] as [Float])
        for set in [CompilationOptions.InstructionSetChoice.avx512, .avx2, .baseline] {
            let y = try CompiledGraph.run(
                .single("Gemm", input: [.batch, .fixed(2)], constants: [w, b]), [x], options: .init(instructionSet: set)
            )
            #expect(y[0].floats == [19, 32, 45, 29, 46, 63])
        }
        let compiled = try CompiledGraph(.single("Gemm", input: [.batch, .fixed(2)], constants: [w, b]))
        #expect(compiled.outputs[0].dimensions == [.batch, .fixed(3)])
    }
}
