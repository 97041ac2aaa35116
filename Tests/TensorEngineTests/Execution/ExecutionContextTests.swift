import TensorEngine
import Testing

@Suite struct ExecutionContextTests {
    /// Warm runs keep the arena and the pointer table that the largest plan needed.
    @Test func memoryGrowsOnlyForLargerPlans() throws {
        let layers = LayerCase.all.filter { $0.name == "perceptron" || $0.name.hasPrefix("LSTM") }
        #expect(layers.count >= 2)
        for layer in layers {
            let compiled = try CompiledGraph(layer.graph)
            let context = ExecutionContext()
            let large = try compiled.plan(inputShapes: [Shape([64] + layer.row)])
            let small = try compiled.plan(inputShapes: [Shape([3] + layer.row)])
            _ = try run(large, context)
            let growths = context.growthCount
            #expect(context.arenaByteCount == large.arenaByteCount && large.arenaByteCount > 0)
            for _ in 0..<5 {
                _ = try run(small, context)
                _ = try run(large, context)
            }
            #expect(context.growthCount == growths)
        }
    }

    private func run(_ plan: ExecutionPlan, _ context: ExecutionContext) throws -> [Tensor] {
        var numbers = Numbers(seed: 1)
        return try context.run(plan, inputs: plan.inputShapes.map { numbers.tensor($0) })
    }

    /// Nothing of an earlier, larger batch shows in a later one.
    @Test func resultsDoNotDependOnEarlierRuns() throws {
        for layer in LayerCase.all {
            let compiled = try CompiledGraph(layer.graph)
            let plan = try compiled.plan(inputShapes: [Shape([2] + layer.row)])
            let fresh = try run(plan, ExecutionContext())[0].bits
            let context = ExecutionContext()
            let larger = try compiled.plan(inputShapes: [Shape([9] + layer.row)])
            _ = try context.run(larger, inputs: [Tensor(shape: larger.inputShapes[0], repeating: .nan)])
            #expect(try run(plan, context)[0].bits == fresh, "\(layer.name)")
        }
    }

    @Test func buffersAreChecked() throws {
        let compiled = try CompiledGraph(.single("Relu", input: [.batch, .fixed(2)]))
        let plan = try compiled.plan(inputShapes: [[1, 2]])
        let context = ExecutionContext()
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 64)
        defer { memory.deallocate() }
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        func attempt(_ input: Range<Int>, _ output: Range<Int>) -> String? {
            do {
                try context.run(
                    plan, inputs: [UnsafeRawBufferPointer(rebasing: memory[input])],
                    outputs: [UnsafeMutableRawBufferPointer(rebasing: memory[output])])
                return nil
            } catch {
                return error.description
            }
        }
        #expect(attempt(0..<8, 16..<24) == nil)
        #expect(attempt(0..<7, 16..<24) == "input 'x' has 7 bytes, expected 8")
        #expect(attempt(0..<8, 16..<28) == "output 'y' has 12 bytes, expected 8")
        #expect(attempt(1..<9, 16..<24) == "input 'x' is not aligned to its 4-byte elements")
        let wrong = #expect(throws: GraphError.self) {
            try context.run(plan, inputs: [Tensor(zeros: .int64, shape: [1, 2])])
        }
        #expect(wrong?.description == "input 'x' is int64 [1, 2], expected float32 [1, 2]")
    }

    /// Outputs that are an input, a constant, or one value twice under an alias.
    @Test func outputsMayBeInputsConstantsAndAliases() throws {
        let info = { (name: String) in ValueInfo(name: name, elementType: .float32, dimensions: []) }
        let graph = Graph(
            name: "g", inputs: [ValueInfo(name: "x", elementType: .float32, dimensions: [.batch, .fixed(2)])],
            outputs: ["x", "k", "r", "f", "v"].map(info),
            nodes: [
                Node(name: "relu", operatorType: "Relu", inputs: ["x"], outputs: ["r"]),
                Node(name: "flatten", operatorType: "Flatten", inputs: ["r"], outputs: ["f"]),
                Node(name: "view", operatorType: "Flatten", inputs: ["x"], outputs: ["v"]),
            ], initializers: ["k": Tensor(shape: [1], repeating: 5)])
        let x = try Tensor(shape: [2, 2], elements: [-1, 2, -3, 4] as [Float])
        let outputs = try CompiledGraph.run(graph, [x]).map(\.floats)
        #expect(outputs == [[-1, 2, -3, 4], [5], [0, 2, 0, 4], [0, 2, 0, 4], [-1, 2, -3, 4]])
        #expect(x.floats == [-1, 2, -3, 4])
    }
}
