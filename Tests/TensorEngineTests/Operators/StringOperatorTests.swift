import TensorEngine
import Testing

/// Operators on strings; what they answer where the ONNX specification has no case.
@Suite struct StringOperatorTests {
    private func run(
        _ operatorType: String, _ inputs: [Tensor], _ attributes: [String: AttributeValue] = [:], outputs: Int = 1,
        version: Int = 21, options: CompilationOptions = .init()
    ) throws -> [Tensor] {
        let names = inputs.indices.map { "x\($0)" }
        let results = (0..<outputs).map { "y\($0)" }
        let graph = Graph(
            name: "strings", operatorSetVersion: version,
            inputs: zip(names, inputs).map { name, tensor in
                ValueInfo(
                    name: name, elementType: tensor.elementType, dimensions: tensor.shape.dimensions.map { .fixed($0) })
            }, outputs: results.map { ValueInfo(name: $0, elementType: .float32, dimensions: []) },
            nodes: [
                Node(
                    name: "node", operatorType: operatorType, inputs: names, outputs: results, attributes: attributes)
            ])
        return try CompiledGraph(graph, options: options).run(inputs, on: ExecutionContext())
    }

    private func strings(_ texts: String..., shape: Shape? = nil) throws -> Tensor {
        try Tensor(shape: shape ?? Shape([texts.count]), strings: texts)
    }

    @Test func tensorsHoldStrings() throws {
        let tensor = try strings("a", "größer", "", "d", shape: [2, 2])
        #expect(tensor.byteCount == 4 * 16 + 10 && tensor.withBytes { $0.isEmpty })
        #expect(try tensor.reshaped(to: [4]).strings == ["a", "größer", "", "d"])
        #expect(Tensor(zeros: .string, shape: [2]).strings == ["", ""])
        #expect(throws: TensorError.self) { try Tensor(shape: [3], strings: ["a"]) }
        #expect(throws: TensorError.self) { try Tensor(.string, shape: [0], bytes: .init(start: nil, count: 0)) }
        #expect(throws: TensorError.self) { try tensor.elements(as: Int64.self) }
        #expect(tensor.converted(to: .float32) == nil)
        var copy = tensor
        copy.withMutableBytes { #expect($0.isEmpty) }
        #expect(copy.strings == tensor.strings)
    }

    @Test func elementsMove() throws {
        let x = try strings("a", "b", "c", "d", "e", "f", shape: [2, 3])
        #expect(try run("Transpose", [x])[0].strings == ["a", "d", "b", "e", "c", "f"])
        #expect(try run("Flatten", [x], ["axis": .int(0)])[0].shape == [1, 6])
        let index = try Tensor(shape: [2], elements: [2, -3] as [Int64])
        #expect(try run("Gather", [x, index], ["axis": .int(1)])[0].strings == ["c", "a", "f", "d"])
        #expect(
            try run("ArrayFeatureExtractor", [x, try Tensor(shape: [1], elements: [1] as [Int64])])[0].strings == [
                "b", "e",
            ])
        #expect(try run("Concat", [x, x], ["axis": .int(1)])[0].strings.joined() == "abcabcdefdef")
        let condition = try Tensor(shape: [3], elements: [true, false, true])
        #expect(try run("Where", [condition, x, try strings("?")])[0].strings.joined() == "a?cd?f")
        #expect(try run("Compress", [x, condition], ["axis": .int(1)])[0].strings.joined() == "acdf")
        #expect(
            try run("Tile", [try strings("a", "b"), try Tensor(shape: [1], elements: [2] as [Int64])])[0].strings
                .joined() == "abab")
        #expect(try run("Shape", [x])[0].elements(as: Int64.self) == [2, 3])
        let unique = try run("Unique", [try strings("b", "ä", "a", "b")], outputs: 4)
        #expect(unique[0].strings == ["a", "b", "ä"])
        #expect(try unique[3].elements(as: Int64.self) == [1, 2, 1])
        let outside = try Tensor(shape: [1], elements: [3] as [Int64])
        let error = #expect(throws: GraphError.self) { try run("Gather", [x, outside], ["axis": .int(1)]) }
        #expect(error?.kind == .invalidValue)
    }

    @Test func equalityIsThatOfBytes() throws {
        let (composed, decomposed) = (try strings("\u{E9}", "e"), try strings("e\u{301}", "e"))
        #expect(try run("Equal", [composed, decomposed])[0].elements(as: Bool.self) == [false, true])
        let one = try run("OneHotEncoder", [composed], ["cats_strings": .strings(["e\u{301}", "\u{E9}", "e"])])
        #expect(try one[0].elements(as: Float.self) == [0, 1, 0, 0, 0, 1])
    }

    @Test func labelsMapBothWays() throws {
        let x = try strings("a", "?", "c")
        let classes: [String: AttributeValue] = ["classes_strings": .strings(["a", "b", "c"])]
        #expect(try run("LabelEncoder", [x], classes)[0].elements(as: Int64.self) == [0, -1, 2])
        let numbers = try Tensor(shape: [3], elements: [2, 7, 0] as [Int64])
        #expect(try run("LabelEncoder", [numbers], classes)[0].strings == ["c", "_Unused", "a"])
        let mapper: [String: AttributeValue] = [
            "cats_strings": .strings(["a", "c"]), "cats_int64s": .ints([7, 2]), "default_string": .string("none"),
        ]
        #expect(try run("CategoryMapper", [x], mapper)[0].elements(as: Int64.self) == [7, -1, 2])
        #expect(try run("CategoryMapper", [numbers], mapper)[0].strings == ["c", "a", "none"])
        let texts: [String: AttributeValue] = [
            "keys_strings": .strings(["a", "c"]), "values_strings": .strings(["x", "y"]),
        ]
        #expect(try run("LabelEncoder", [x], texts)[0].strings == ["x", "_Unused", "y"])
        let floats: [String: AttributeValue] = [
            "keys_floats": .floats([.nan, 1]), "values_strings": .strings(["nothing", "one"]),
        ]
        let values = try Tensor(shape: [3], elements: [1, .nan, 3] as [Float])
        #expect(try run("LabelEncoder", [values], floats)[0].strings == ["one", "nothing", "_Unused"])
        #expect(throws: GraphError.self) { try run("LabelEncoder", [x], floats) }
        #expect(throws: GraphError.self) { try run("LabelEncoder", [x], ["keys_strings": .strings(["a"])]) }
    }

    @Test func unknownCategoriesAreRefusedWhereTheModelSaysSo() throws {
        let attributes: [String: AttributeValue] = ["cats_strings": .strings(["a", "b"]), "zeros": .int(0)]
        #expect(try run("OneHotEncoder", [try strings("b")], attributes)[0].elements(as: Float.self) == [0, 1])
        let error = #expect(throws: GraphError.self) { try run("OneHotEncoder", [try strings("a", "z")], attributes) }
        #expect(error?.kind == .invalidValue && error?.description.contains("'z' at position 1") == true)
    }

    @Test func castsReadAndWriteNumbers() throws {
        let x = try strings("1.5", "-INF", "3e2")
        #expect(try run("Cast", [x], ["to": .int(1)])[0].elements(as: Float.self) == [1.5, -.infinity, 300])
        let numbers = try Tensor(shape: [3], elements: [0.1, 3, .nan] as [Float])
        #expect(try run("Cast", [numbers], ["to": .int(8)])[0].strings == ["0.1", "3", "NaN"])
        #expect(try run("Cast", [x], ["to": .int(8)])[0].strings == x.strings)
        #expect(throws: GraphError.self) { try run("Cast", [try strings("one")], ["to": .int(7)]) }
    }

    /// Operators that would read bytes where there are none.
    @Test(arguments: [
        "Relu", "NonZero", "ReduceSum", "Softmax", "IsNaN", "Not", "DepthToSpace", "Trilu", "Dropout", "TopK",
    ])
    func stringsAreRefused(_ operatorType: String) throws {
        let x = try strings("a", "b", "c", "d", shape: [2, 2])
        let error = #expect(throws: GraphError.self) {
            try run(
                operatorType, [x], operatorType == "DepthToSpace" ? ["blocksize": .int(1)] : [:],
                outputs: operatorType == "TopK" ? 2 : 1, version: operatorType == "TopK" ? 9 : 21)
        }
        #expect(error != nil)
    }

    @Test func stringsOutOfNothingAreRefused() throws {
        let shape = try Tensor(shape: [1], elements: [4] as [Int64])
        let error = #expect(throws: GraphError.self) {
            try run("ConstantOfShape", [shape], ["value": .tensor(try strings("a"))])
        }
        #expect(error?.kind == .unsupported)
    }

    @Test func joinedTextIsBounded() throws {
        var options = CompilationOptions()
        options.maximumArenaByteCount = 1 << 10
        let x = try strings(String(repeating: "x", count: 600))
        let error = #expect(throws: GraphError.self) { try run("StringConcat", [x, x], options: options) }
        #expect(error?.kind == .limitExceeded)
    }

    /// Strings as constants fold; what is left has a plan.
    @Test func constantStringsFold() throws {
        let graph = Graph(
            name: "folded", operatorSetVersion: 21,
            inputs: [ValueInfo(name: "x", elementType: .float32, dimensions: [.batch])],
            outputs: [ValueInfo(name: "y", elementType: .float32, dimensions: [.batch])],
            nodes: [
                Node(
                    name: "text", operatorType: "Constant", inputs: [], outputs: ["t"],
                    attributes: ["value_strings": .strings(["2.5"])]),
                Node(name: "number", operatorType: "Cast", inputs: ["t"], outputs: ["n"], attributes: ["to": .int(1)]),
                Node(name: "sum", operatorType: "Add", inputs: ["x", "n"], outputs: ["y"]),
            ])
        let compiled = try CompiledGraph(graph)
        #expect(!compiled.isDynamic)
        let outputs = try compiled.run(
            [try Tensor(shape: [2], elements: [1, 2] as [Float])], on: ExecutionContext())
        #expect(try outputs[0].elements(as: Float.self) == [3.5, 4.5])
    }

    /// A string input has no plan, and the wrong type of input is refused before anything reads it.
    @Test func plansAreRefused() throws {
        let graph = Graph(
            name: "same", inputs: [ValueInfo(name: "x", elementType: .string, dimensions: [.batch])],
            outputs: [ValueInfo(name: "x", elementType: .string, dimensions: [.batch])], nodes: [])
        let compiled = try CompiledGraph(graph)
        #expect(compiled.isDynamic)
        let error = #expect(throws: GraphError.self) { try compiled.plan(inputShapes: [[2]]) }
        #expect(error?.kind == .valueUnknown)
        #expect(try compiled.run([try strings("a", "b")], on: ExecutionContext())[0].strings == ["a", "b"])
        #expect(throws: GraphError.self) {
            try compiled.run([Tensor(zeros: .int64, shape: [2])], on: ExecutionContext())
        }
    }
}
