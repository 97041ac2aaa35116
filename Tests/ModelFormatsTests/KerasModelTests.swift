import JSONDocuments
import ModelFormats
import TensorEngine
import TestSupport
import Testing

/// Models that Keras 2 and Keras 3 wrote compute what Keras computes.
@Suite struct KerasModelTests {
    @Test func allFixturesAreThere() {
        #expect(Fixtures.kerasModels.count == 72)
        #expect(Fixtures.kerasArchives.count == 14)
        #expect(Fixtures.kerasModels.contains("functional.keras2"))
        #expect(Fixtures.kerasModels.contains("functional.keras3"))
    }

    @Test(arguments: Fixtures.kerasModels)
    func computesWhatKerasComputes(_ name: String) throws { try check(name, "h5") }

    @Test(arguments: Fixtures.kerasArchives)
    func archivesComputeWhatKerasComputes(_ name: String) throws { try check(name, "keras") }

    private func check(_ name: String, _ suffix: String) throws {
        let model = try ModelFile.open(Fixtures.path("keras/\(name).\(suffix)"))
        let arrays = try Fixtures.arrays("keras/\(name).npz")
        #expect(model.source.framework == "keras")
        #expect(model.source.version.hasPrefix(name.hasSuffix("keras3") ? "3." : "2."))
        #expect(model.source.fileName == "\(name).\(suffix)")
        #expect(model.source.sha256.count == 64)
        var inputs: [String: Tensor] = [:]
        var expected: [String: Tensor] = [:]
        for (key, tensor) in arrays {
            if key.hasPrefix("input.") { inputs[String(key.dropFirst(6))] = tensor }
            if key.hasPrefix("output.") { expected[String(key.dropFirst(7))] = tensor }
        }
        #expect(Set(model.graph.inputs.map(\.name)) == Set(inputs.keys))
        #expect(Set(model.graph.outputs.map(\.name)) == Set(expected.keys))
        let found = try run(model.graph, inputs)
        for (output, tensor) in expected {
            let result = try #require(found[output])
            #expect(result.shape == tensor.shape, "output '\(output)'")
            let difference = try largestDifference(result, tensor)
            #expect(difference < 1e-5, "output '\(output)' differs by \(difference)")
        }
    }

    /// The declared outputs are what the graph yields.
    @Test(arguments: Fixtures.kerasModels)
    func declaresItsOutputs(_ name: String) throws {
        let graph = try ModelFile.open(Fixtures.path("keras/\(name).h5")).graph
        let inferred = try CompiledGraph(graph).outputs
        #expect(inferred.map(\.name) == graph.outputs.map(\.name))
        for (found, declared) in zip(inferred, graph.outputs) {
            #expect(declared.dimensions.first == .batch)
            #expect(found.elementType == declared.elementType)
            // An extent that follows an input's is named after either.
            #expect(
                found.dimensions.map { $0.isFixed ? $0 : .batch }
                    == declared.dimensions.map { $0.isFixed ? $0 : .batch },
                "output '\(declared.name)'")
        }
    }

    /// A row of a whole model has the same bits alone and among others.
    @Test(arguments: Fixtures.kerasModels + Fixtures.kerasArchives.filter { !Fixtures.kerasModels.contains($0) })
    func rowsStandAlone(_ name: String) throws {
        let suffix = Fixtures.kerasModels.contains(name) ? "h5" : "keras"
        let graph = try ModelFile.open(Fixtures.path("keras/\(name).\(suffix)")).graph
        let arrays = try Fixtures.arrays("keras/\(name).npz")
        let inputs = try graph.inputs.map { try #require(arrays["input.\($0.name)"]) }
        let compiled = try CompiledGraph(graph)
        let context = ExecutionContext()
        let whole = try context.run(compiled.plan(inputShapes: inputs.map(\.shape)), inputs: inputs)
        for row in 0..<inputs[0].shape[0] {
            let rows = try inputs.map { try $0.row(row) }
            let alone = try context.run(compiled.plan(inputShapes: rows.map(\.shape)), inputs: rows)
            for (index, output) in alone.enumerated() {
                let expected = try whole[index].row(row)
                #expect(output.withBytes { Array($0) } == expected.withBytes { Array($0) }, "output \(index)")
            }
        }
    }

    /// What a bundle keeps of a model computes the same bits.
    @Test(arguments: Fixtures.kerasArchives)
    func bundlesKeepIt(_ name: String) throws {
        let model = try ModelFile.open(Fixtures.path("keras/\(name).keras"))
        let manifest = Manifest(
            name: "model", version: 1, graph: model.graph, source: model.source, training: [:], metrics: [:],
            metadata: [:], createdAt: ModelBundleTests.createdAt)
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/bundle"
        try ModelBundle(manifest: manifest, graph: model.graph).write(to: path)
        let read = try ModelBundle.load(at: path).graph
        let arrays = try Fixtures.arrays("keras/\(name).npz")
        var inputs: [String: Tensor] = [:]
        for input in model.graph.inputs { inputs[input.name] = arrays["input.\(input.name)"] }
        let (before, after) = (try run(model.graph, inputs), try run(read, inputs))
        #expect(Set(before.keys) == Set(after.keys))
        for (output, tensor) in before {
            #expect(after[output]?.withBytes { Array($0) } == tensor.withBytes { Array($0) }, "output '\(output)'")
        }
    }

    @Test(arguments: [("cnn", "images"), ("mlp", "pixels")])
    func classifiesTheDigitsAsKerasDoes(_ name: String, _ input: String) throws {
        let graph = try ModelFile.open(Fixtures.path("digits/\(name).h5")).graph
        let data = try Fixtures.arrays("digits/digits.npz")
        let expected = try #require(try Fixtures.arrays("digits/\(name)_outputs.npz")["probabilities"])
        let images = try #require(data[input])
        let labels = try #require(data["labels"]).elements(as: Int64.self)
        #expect(graph.inputs.count == 1)
        let found = try #require(
            try run(graph, [graph.inputs[0].name: images])["probabilities"])
        #expect(found.shape == [1797, 10])
        #expect(try largestDifference(found, expected) < 1e-5)
        let classes = try predictedClasses(found)
        #expect(classes == (try predictedClasses(expected)))
        let correct = zip(classes, labels).count { $0 == Int($1) }
        #expect(Double(correct) / 1797 >= 0.97)
    }

    private func predictedClasses(_ probabilities: Tensor) throws -> [Int] {
        let values = try probabilities.elements(as: Float.self)
        return stride(from: 0, to: values.count, by: 10).map { start in
            (0..<10).max { values[start + $0] < values[start + $1] } ?? -1
        }
    }

    /// A channels-last image model transposes once on the way in and once before it flattens.
    @Test func transposesOnlyAtTheEnds() throws {
        let graph = try ModelFile.open(Fixtures.path("digits/cnn.h5")).graph
        #expect(graph.nodes.count { $0.operatorType == "Transpose" } == 2)
        #expect(graph.inputs[0].dimensions == [.batch, .fixed(8), .fixed(8), .fixed(1)])
    }

    @Test func sharedLayersShareTheirWeights() throws {
        let graph = try ModelFile.open(Fixtures.path("keras/shared_output.keras3.h5")).graph
        #expect(graph.outputs.map(\.name) == ["shared", "shared_1"])
        #expect(graph.initializers.count == 2)
    }
}
