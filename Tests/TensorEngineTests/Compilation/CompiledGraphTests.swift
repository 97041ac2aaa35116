import TensorEngine
import Testing

@Suite struct CompiledGraphTests {
    private func dense() throws -> Graph {
        var numbers = Numbers(seed: 2)
        return .single("Gemm", input: [.batch, .fixed(4)], constants: [numbers.tensor([4, 3])])
    }

    @Test func plansAreCachedUpToTheBound() throws {
        let compiled = try CompiledGraph(dense(), options: .init(maximumCachedPlanCount: 2))
        let one = try compiled.plan(inputShapes: [[1, 4]])
        #expect(try compiled.plan(inputShapes: [[1, 4]]) === one)
        let two = try compiled.plan(inputShapes: [[2, 4]])
        _ = try compiled.plan(inputShapes: [[1, 4]])
        // The third one drops the least recently used: that of two rows.
        _ = try compiled.plan(inputShapes: [[3, 4]])
        #expect(try compiled.plan(inputShapes: [[1, 4]]) === one)
        #expect(try compiled.plan(inputShapes: [[2, 4]]) !== two)
    }

    @Test func shapesAreChecked() throws {
        let compiled = try CompiledGraph(dense())
        for (shapes, message) in [
            ([], "found 0 inputs, expected 1"),
            ([[1, 5]], "input 'x' has shape [1, 5], expected [batch, 4]"),
            ([[4]], "input 'x' has shape [4], expected [batch, 4]"),
            ([[0, 4]], "input 'x' has shape [0, 4]: no elements"),
        ] as [([Shape], String)] {
            let error = #expect(throws: GraphError.self) { try compiled.plan(inputShapes: shapes) }
            #expect(error?.description == message)
        }
        let two = Graph(
            name: "two",
            inputs: ["a", "b"].map { ValueInfo(name: $0, elementType: .float32, dimensions: [.batch, .fixed(2)]) },
            outputs: [ValueInfo(name: "y", elementType: .float32, dimensions: [])],
            nodes: [Node(name: "add", operatorType: "Add", inputs: ["a", "b"], outputs: ["y"])])
        let error = #expect(throws: GraphError.self) {
            try CompiledGraph(two).plan(inputShapes: [[2, 2], [3, 2]])
        }
        #expect(
            error?.description
                == "input 'b' has shape [3, 2], expected [batch, 2], where batch is 2 in input 'a'")
    }

    @Test func limitsHold() throws {
        let elements = CompilationOptions(maximumTensorElementCount: 100)
        let compiled = try CompiledGraph(dense(), options: elements)
        #expect(throws: GraphError.self) { try compiled.plan(inputShapes: [[26, 4]]) }
        #expect(try compiled.plan(inputShapes: [[25, 4]]).outputShapes == [[25, 3]])
        // Sigmoid of the product's softmax needs intermediate memory.
        var graph = try dense()
        graph.nodes[0].outputs = ["p"]
        graph.nodes.append(Node(name: "copy", operatorType: "Transpose", inputs: ["p"], outputs: ["y"]))
        let tight = try CompiledGraph(graph, options: .init(maximumArenaByteCount: 256))
        let error = #expect(throws: GraphError.self) { try tight.plan(inputShapes: [[64, 4]]) }
        #expect(error?.kind == .limitExceeded)
    }

    @Test func outputsAreInferred() throws {
        let graph = Graph.single(
            "MaxPool", input: [.batch, .fixed(3), .symbolic("height"), .fixed(8)],
            attributes: ["kernel_shape": .ints([1, 2]), "strides": .ints([1, 2])])
        let compiled = try CompiledGraph(graph)
        #expect(compiled.outputs[0].dimensions == [.batch, .fixed(3), .symbolic("height"), .fixed(4)])
        let integers = Graph.single("Shape", input: [.batch, .fixed(3)])
        #expect(try CompiledGraph(integers).outputs[0].elementType == .int64)
    }

    @Test func identityNamesTheInstructionSet() throws {
        for set in InstructionSet.available {
            let compiled = try CompiledGraph(dense(), options: .init(set))
            #expect(compiled.engineIdentity == "millrace-engine/1 \(set.rawValue)")
        }
    }

    @Test func weightsArePackedOnce() throws {
        let compiled = try CompiledGraph(dense())
        let before = compiled.weightsByteCount
        #expect(before > 4 * 3 * 4)
        for batch in 1...9 { _ = try compiled.plan(inputShapes: [Shape([batch, 4])]) }
        #expect(compiled.weightsByteCount == before)
    }
}
