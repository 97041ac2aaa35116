import Foundation
import ModelFormats
import TensorEngine
import TestSupport
import Testing

/// scikit-learn's models, converted by `Tests/Fixtures/onnx-ml/make_models.py`, answer as ONNX Runtime does.
@Suite struct ClassicalModelTests {
    static let names: [String] = {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: Fixtures.path("onnx-ml"))) ?? []
        return files.filter { $0.hasSuffix(".onnx") && !$0.hasPrefix("columns_") }.map { String($0.dropLast(5)) }
            .sorted()
    }()

    @Test func thereAreModels() { #expect(Self.names.count >= 30) }

    @Test(arguments: names) func answersAsONNXRuntime(_ name: String) throws {
        let graph = try ModelFile.open(Fixtures.path("onnx-ml/\(name).onnx")).graph
        let arrays = try Fixtures.arrays("onnx-ml/\(name).npz")
        let rows = try #require(arrays["input"])
        let compiled = try CompiledGraph(graph)
        let outputs = try compiled.run([rows], on: ExecutionContext())
        for (output, declared) in zip(outputs, compiled.outputs) {
            let expected = try #require(arrays["output_\(declared.name)"])
            if let lengths = arrays["lengths_\(declared.name)"] {
                #expect(output.elementType == .string && output.shape == lengths.shape, "output '\(declared.name)'")
                #expect(output.strings.map { Int64($0.utf8.count) } == (try lengths.elements(as: Int64.self)))
                #expect(output.strings.flatMap(\.utf8) == (try expected.elements(as: UInt8.self)))
                continue
            }
            #expect(output.shape == expected.shape, "output '\(declared.name)'")
            if expected.elementType == .int64 {
                let (found, wanted) = (try output.elements(as: Int64.self), try expected.elements(as: Int64.self))
                #expect(found == wanted, "output '\(declared.name)'")
            } else {
                let difference = try largestDifference(output, expected)
                #expect(difference < 2e-5, "output '\(declared.name)' differs by \(difference)")
            }
        }
        // Each row alone has the same bits.
        for row in 0..<min(rows.shape[0], 8) {
            let alone = try compiled.run([try rows.row(row)], on: ExecutionContext())
            for (one, all) in zip(alone, outputs) where all.shape.dimensions.first == rows.shape[0] {
                if all.elementType == .string {
                    #expect(one.strings == [all.strings[row]], "row \(row)")
                    continue
                }
                let expected = try all.row(row)
                #expect(one.withBytes { a in expected.withBytes { b in a.elementsEqual(b) } }, "row \(row)")
            }
        }
    }

    /// Trees that would lead astray are refused with the node's name and what is wrong.
    @Test func hostileTreesAreRefused() throws {
        let changes: [(String, AttributeValue, String)] = [
            ("nodes_truenodeids", .ints([0, 0, 0]), "cycle"),
            ("nodes_truenodeids", .ints([9, 0, 0]), "no child 9"),
            ("nodes_featureids", .ints([-1, 0, 0]), "feature -1"),
            ("nodes_featureids", .ints([7, 0, 0]), "look at 8 features"),
            ("nodes_modes", .strings(["BRANCH_X", "LEAF", "LEAF"]), "BRANCH_X"),
            ("nodes_values", .floats([0]), "as many of each"),
            ("target_ids", .ints([0, 5]), "target 5"),
            ("target_nodeids", .ints([1, 0]), "no leaf"),
            ("n_targets", .int(-1), "targets"),
            ("nodes_nodeids", .ints([0, 1, 1]), "two nodes 1"),
        ]
        #expect(try trees([:]).floats == [10, 20])
        for (name, value, mention) in changes {
            let error = #expect(throws: GraphError.self) { try trees([name: value]) }
            #expect(error?.node == "trees" && error?.description.contains(mention) == true, "\(name): \(error as Any)")
        }
    }

    /// One split of the first of two features at 0.5.
    private func trees(_ changes: [String: AttributeValue]) throws -> Tensor {
        let attributes: [String: AttributeValue] = [
            "n_targets": .int(1), "nodes_treeids": .ints([0, 0, 0]), "nodes_nodeids": .ints([0, 1, 2]),
            "nodes_featureids": .ints([0, 0, 0]), "nodes_modes": .strings(["BRANCH_LEQ", "LEAF", "LEAF"]),
            "nodes_values": .floats([0.5, 0, 0]), "nodes_truenodeids": .ints([1, 0, 0]),
            "nodes_falsenodeids": .ints([2, 0, 0]), "target_treeids": .ints([0, 0]), "target_nodeids": .ints([1, 2]),
            "target_ids": .ints([0, 0]), "target_weights": .floats([10, 20]),
        ]
        let graph = Graph(
            name: "trees", inputs: [ValueInfo(name: "x", elementType: .float32, dimensions: [.batch, .fixed(2)])],
            outputs: [ValueInfo(name: "y", elementType: .float32, dimensions: [])],
            nodes: [
                Node(
                    name: "trees", operatorType: "TreeEnsembleRegressor", inputs: ["x"], outputs: ["y"],
                    attributes: attributes.merging(changes) { $1 })
            ])
        return try CompiledGraph(graph).run(
            [try Tensor(shape: [2, 2], elements: [0, 9, 1, 9] as [Float])], on: ExecutionContext())[0]
    }
}

extension Tensor {
    fileprivate var floats: [Float] { withElements(Float.self) { Array($0) } }
}
