import JSONDocuments
import ModelFormats
import TensorEngine
import TestSupport
import Testing

@testable import Training

@Suite struct PrependTests {
    private func data() throws -> InMemoryDataset {
        var random = RandomSource(seed: 5, stream: "data")
        return try InMemoryDataset(
            DatasetSchema(
                features: [
                    .init(name: "a", kind: .number), .init(name: "city", kind: .category),
                    .init(name: "b", kind: .number), .init(name: "image", kind: .tensor([2, 2, 3])),
                ], label: nil),
            examples: (0..<30).map { row in
                Example(
                    numbers: (0..<14).map { _ in Float(random.uniform(-3, 50)) }, texts: [["x", "y", "z"][row % 3]],
                    label: .none, provenance: .row(row))
            })
    }

    /// y = x W + b over an input of this name and width.
    private func model(input: String, width: Int, operatorSet: Int = 17) throws -> Graph {
        var random = RandomSource(seed: 6, stream: "model")
        let weights = try Tensor(
            shape: Shape([width, 2]), elements: (0..<2 * width).map { _ in Float(random.normal()) })
        return Graph(
            name: "linear", operatorSetVersion: operatorSet,
            inputs: [ValueInfo(name: input, elementType: .float32, dimensions: [.batch, .fixed(width)])],
            outputs: [ValueInfo(name: "y", elementType: .float32, dimensions: [.batch, .fixed(2)])],
            nodes: [
                Node(name: "product", operatorType: "MatMul", inputs: [input, "w"], outputs: ["p"]),
                Node(name: "sum", operatorType: "Add", inputs: ["p", "c"], outputs: ["y"]),
            ], initializers: ["w": weights, "c": try Tensor(shape: [2], elements: [0.5, -1] as [Float])])
    }

    private let steps: [PreprocessingStep] = [
        .standardize(columns: ["a", "b"], .element), .oneHot(columns: nil, refusesUnknown: false),
        .rescale(columns: ["image"], scale: 1 / 255, offset: -0.5),
        .standardize(columns: ["image"], .channel(.channelsLast)),
    ]

    @Test(arguments: ["features", "x", "city", "preprocessing/Sub_2"])
    func servingComputesWhatTrainingSaw(input: String) throws {
        let data = try data()
        let fitted = try Pipeline(steps).fit(data, rows: Array(0..<20))
        let model = try model(input: input, width: 17)
        let served = try fitted.prepend(to: model)
        #expect(served.initializers.keys.sorted() == ["c", "w"])
        #expect(served.outputs.map(\.name) == ["y"])
        #expect(served.inputs.map(\.name) == ["features", "city", "image"])
        let context = ExecutionContext()
        let raw = try fitted.rawTensors(data, rows: 0..<30)
        let prepared = try fitted.transform(raw, on: context)
        #expect(prepared[0].shape == [30, 17])
        let expected = try CompiledGraph(model).run(prepared, on: context)[0].elements(as: Float.self)
        let found = try CompiledGraph(served).run(raw, on: context)[0].elements(as: Float.self)
        #expect(found.map(\.bitPattern) == expected.map(\.bitPattern))
    }

    @Test func oneInputKeepsTheModelsName() throws {
        let data = try data()
        let fitted = try Pipeline([.select(columns: ["a", "b"]), .standardize(columns: nil, .element)])
            .fit(data, rows: Array(0..<30))
        let served = try fitted.prepend(to: try model(input: "table", width: 2))
        #expect(served.inputs == [ValueInfo(name: "table", elementType: .float32, dimensions: [.batch, .fixed(2)])])
        // Again on top: the names of the first are taken.
        let twice = try fitted.prepend(to: served)
        let context = ExecutionContext()
        let raw = try fitted.rawTensors(data, rows: 0..<30)
        let once = try fitted.transform(raw, on: context)
        let expected = try CompiledGraph(served).run(once, on: context)[0].elements(as: Float.self)
        #expect(try CompiledGraph(twice).run(raw, on: context)[0].elements(as: Float.self) == expected)
        // Without strings there is a plan.
        #expect(try !CompiledGraph(twice).isDynamic)
    }

    @Test func shapesAndTypesAreMadeToFit() throws {
        let data = try data()
        let fitted = try Pipeline([.select(columns: ["image"])]).fit(data, rows: [0])
        #expect(fitted.outputs[0].dimensions == [2, 2, 3])
        let served = try fitted.prepend(to: try model(input: "flat", width: 12))
        let raw = try fitted.rawTensors(data, rows: 3..<5)
        #expect(raw[0].shape == [2, 2, 2, 3])
        #expect(try CompiledGraph(served).run(raw, on: ExecutionContext())[0].shape == [2, 2])
        #expect(
            message { _ = try fitted.prepend(to: try model(input: "flat", width: 13)) }
                == "input \"flat\": the preprocessing makes [batch, 2, 2, 3], the model expects [batch, 13]")
        #expect(
            message { _ = try fitted.prepend(to: try model(input: "flat", width: 12, operatorSet: 9)) }
                == "preprocessing: the model is of operator set 9, expected at least 13")
    }

    @Test func severalInputsAreFed() throws {
        let data = try data()
        let pipeline = Pipeline(
            [.oneHot(columns: ["city"], refusesUnknown: false)], inputs: ["table": ["city", "b"], "photo": ["image"]])
        let fitted = try pipeline.fit(data, rows: Array(0..<30))
        let graph = Graph(
            name: "two",
            inputs: [
                ValueInfo(name: "table", elementType: .float32, dimensions: [.batch, .fixed(4)]),
                ValueInfo(name: "photo", elementType: .float64, dimensions: [.batch, .fixed(12)]),
            ],
            outputs: [
                ValueInfo(name: "t", elementType: .float32, dimensions: [.batch, .fixed(4)]),
                ValueInfo(name: "photo", elementType: .float64, dimensions: [.batch, .fixed(12)]),
            ], nodes: [Node(name: "n", operatorType: "Neg", inputs: ["table"], outputs: ["t"])])
        let served = try fitted.prepend(to: graph)
        #expect(served.inputs.map(\.name) == ["features", "city", "image"])
        let adapted = try fitted.adapted(to: graph.inputs)
        #expect(adapted.outputs.map(\.name) == ["table", "photo"])
        #expect(adapted.outputs.map(\.elementType) == [.float32, .float64])
        #expect(adapted.outputs[0].columnNames == ["b", "city=x", "city=y", "city=z"])
        let results = try CompiledGraph(served).run(
            try fitted.rawTensors(data, rows: [1]), on: ExecutionContext())
        #expect(try results[0].elements(as: Float.self) == [-data.features(1)[1], 0, -1, 0])
        #expect(try results[1].elements(as: Double.self) == data.features(1).dropFirst(2).map { Double($0) })
        let other = Pipeline(
            [.oneHot(columns: nil, refusesUnknown: false)], inputs: ["tabel": ["a"], "photo": ["image"]])
        let found = message { _ = try other.fit(data, rows: [0, 1]).prepend(to: graph) }
        #expect(
            found == "preprocessing.inputs: nothing goes to the model's input \"table\"; did you mean it by \"tabel\"?")
    }

    @Test func graphsInsideOfTheModelSeeTheirInput() throws {
        let data = try data()
        let fitted = try Pipeline([.select(columns: ["a"]), .rescale(columns: nil, scale: 2, offset: 0)])
            .fit(data, rows: [0, 1])
        func branch(_ operation: String, shadows: Bool) -> Graph {
            // The second branch has a value of its own that is called as the input is.
            let nodes =
                shadows
                ? [
                    Node(name: "own", operatorType: "Identity", inputs: ["one"], outputs: ["x"]),
                    Node(name: "n", operatorType: operation, inputs: ["x"], outputs: ["t"]),
                ] : [Node(name: "n", operatorType: operation, inputs: ["x"], outputs: ["t"])]
            return Graph(
                name: "branch", inputs: [],
                outputs: [ValueInfo(name: "t", elementType: .float32, dimensions: [.batch, .fixed(1)])], nodes: nodes)
        }
        for (condition, factor) in [(true, -2), (false, 1)] as [(Bool, Float)] {
            let graph = Graph(
                name: "if", inputs: [ValueInfo(name: "x", elementType: .float32, dimensions: [.batch, .fixed(1)])],
                outputs: [ValueInfo(name: "y", elementType: .float32, dimensions: [.batch, .fixed(1)])],
                nodes: [
                    Node(
                        name: "if", operatorType: "If", inputs: ["c"], outputs: ["y"],
                        attributes: [
                            "then_branch": .graph(branch("Neg", shadows: false)),
                            "else_branch": .graph(branch("Abs", shadows: true)),
                        ])
                ],
                initializers: [
                    "c": try Tensor(shape: [], elements: [condition]),
                    "one": try Tensor(shape: [1, 1], elements: [1 as Float]),
                ])
            let served = try fitted.prepend(to: graph)
            let raw = try fitted.rawTensors(data, rows: [4])
            let found = try CompiledGraph(served).run(raw, on: ExecutionContext())[0].elements(as: Float.self)
            #expect(found == [condition ? data.features(4)[0] * factor : 1])
        }
    }

    @Test func textModelsAreStoredAndServed() throws {
        let schema = DatasetSchema(features: [.init(name: "t", kind: .text)], label: nil)
        let data = try InMemoryDataset(
            schema,
            examples: ["one two", "two, three", ""].map {
                Example(numbers: [], texts: [$0], label: .none, provenance: .row(0))
            })
        let fitted = try Pipeline([.tokenIDs(column: "t", .init(), .init(length: 3))]).fit(data, rows: [0, 1, 2])
        let table = try Tensor(shape: [5, 2], elements: (0..<10).map { Float($0) })
        let model = Graph(
            name: "embedding",
            inputs: [ValueInfo(name: "ids", elementType: .int32, dimensions: [.batch, .fixed(3)])],
            outputs: [ValueInfo(name: "y", elementType: .float32, dimensions: [.batch, .fixed(3), .fixed(2)])],
            nodes: [Node(name: "g", operatorType: "Gather", inputs: ["table", "ids"], outputs: ["y"])],
            initializers: ["table": table])
        let served = try fitted.prepend(to: model)
        #expect(served.inputs.map(\.name) == ["ids"])
        #expect(served.inputs[0].elementType == .string)
        let raw = [try Tensor(shape: [2, 1], strings: ["Three two four", ""])]
        let context = ExecutionContext()
        let direct = try CompiledGraph(served).run(raw, on: context)[0]
        #expect(direct.shape == [2, 3, 2])
        #expect(try direct.elements(as: Float.self) == [8, 9, 4, 5, 2, 3, 0, 1, 0, 1, 0, 1])
        let folder = try TemporaryFolder()
        try ModelBundle(
            manifest: Manifest(name: "text", graph: served, createdAt: "2026-01-01T00:00:00Z"), graph: served
        )
        .write(to: folder.path + "/bundle")
        let loaded = try ModelFile.open(folder.path + "/bundle").graph
        #expect(
            try CompiledGraph(loaded).run(raw, on: context)[0].elements(as: Float.self)
                == direct.elements(as: Float.self))
    }

    @Test func rowsAreTransformedOnceAndForAll() throws {
        let data = try data()
        let fitted = try Pipeline(steps).fit(data, rows: Array(0..<20))
        let kept = try fitted.transformed(data)
        let fresh = try fitted.transform(data, rows: 0..<30, on: ExecutionContext())[0].elements(as: Float.self)
        #expect(kept.schema.features == [.init(name: "features", kind: .tensor([17]))])
        #expect((0..<30).flatMap { kept.features($0) } == fresh)
        #expect((0..<30).allSatisfy { kept.provenance($0) == data.provenance($0) })
    }

    @Test func channelsHaveStatisticsOfTheirOwn() throws {
        let data = try InMemoryDataset(
            DatasetSchema(features: [.init(name: "i", kind: .tensor([2, 1, 2]))], label: nil),
            examples: [[1, 3, 10, .nan], [5, 7, 30, 20]].map {
                Example(numbers: $0, label: .none, provenance: .row(0))
            })
        func transformed(_ steps: [PreprocessingStep]) throws -> [Float] {
            let fitted = try Pipeline(steps).fit(data, rows: [0, 1])
            #expect(fitted.outputs[0].dimensions == [2, 1, 2])
            return try fitted.transform(data, rows: [0, 1], on: ExecutionContext())[0].elements(as: Float.self)
        }
        func ranged(_ statistics: PreprocessingStep.Statistics) throws -> [Float] {
            try transformed([
                .impute(columns: nil, .number(15)),
                .minMax(columns: ["i"], statistics, lower: 0, upper: 1, clips: false),
            ])
        }
        // Numerators of what lies in each range, and the ranges.
        for (statistics, parts, ranges) in [
            (PreprocessingStep.Statistics.channel(.channelsFirst), [0, 2, 0, 5, 4, 6, 20, 10], [6, 6, 20, 20]),
            (.channel(.channelsLast), [0, 0, 9, 12, 4, 4, 29, 17], [29, 17, 29, 17]),
            (.all, [0, 2, 9, 14, 4, 6, 29, 19], [29, 29, 29, 29]),
            (.element, [0, 0, 0, 0, 4, 4, 20, 5], [4, 4, 20, 5]),
        ] as [(PreprocessingStep.Statistics, [Float], [Float])] {
            let found = try ranged(statistics)
            for index in 0..<8 { #expect(abs(found[index] - parts[index] / ranges[index % 4]) < 1e-6, "\(statistics)") }
        }
        #expect(try transformed([.impute(columns: nil, .mean)]) == [1, 3, 10, 20, 5, 7, 30, 20])
        #expect(try transformed([.impute(columns: ["i"], .median)])[3] == 20)
    }

    @Test func imagesAreResized() throws {
        let schema = DatasetSchema(features: [.init(name: "i", kind: .tensor([1, 4, 4]))], label: nil)
        let data = try InMemoryDataset(
            schema, examples: [Example(numbers: (0..<16).map { Float($0) }, label: .none, provenance: .row(0))])
        var options = PreprocessingStep.ResizeOptions(height: 2, width: 2)
        options.layout = .channelsFirst
        options.antialiases = false
        let fitted = try Pipeline([.resize(columns: nil, options)]).fit(data, rows: [0])
        let values = try fitted.transform(data, rows: [0], on: ExecutionContext())[0]
        #expect(values.shape == [1, 1, 2, 2])
        // Each is the mean of four.
        #expect(try values.elements(as: Float.self) == [2.5, 4.5, 10.5, 12.5])
    }

    @Test(arguments: [
        (
            "{\"steps\": [{\"type\": \"standardise\"}]}",
            "preprocessing.steps[0].type: found \"standardise\", expected \"bag_of_words\", \"impute\", \"min_max\", \"one_hot\", \"rescale\", \"resize\", \"select\", \"standardize\", \"token_ids\"; did you mean \"standardize\"?"
        ),
        (
            "{\"steps\": [{\"type\": \"one_hot\", \"unknown\": \"zero\"}]}",
            "preprocessing.steps[0].unknown: found \"zero\", expected \"error\", \"zeros\"; did you mean \"zeros\"?"
        ),
        (
            "{\"steps\": [{\"type\": \"impute\", \"strategy\": \"mean\", \"value\": 1}]}",
            "preprocessing.steps[0].value: only the strategy \"constant\" has a value"
        ),
        (
            "{\"steps\": [{\"type\": \"token_ids\", \"column\": \"t\", \"length\": 0}]}",
            "preprocessing.steps[0].length: found 0, expected 1 to 65536"
        ),
        ("{\"step\": []}", "preprocessing: unknown member \"step\"; did you mean \"steps\"?"),
    ])
    func mistakesInSpecsAreNamed(json: String, expected: String) {
        #expect(
            message { _ = try Pipeline(JSONCursor(try JSONValue(parsing: json), path: "preprocessing")) } == expected)
    }

    @Test func specsAreReadAndWritten() throws {
        let json = """
            {"steps": [{"type": "standardize", "statistics": "channel", "layout": "channels_first"},
                {"type": "min_max", "columns": ["a"], "lower": -1, "clip": true, "statistics": "all"},
                {"type": "impute", "strategy": "constant", "value": 3}, {"type": "impute", "strategy": "median"},
                {"type": "impute", "strategy": "constant", "value": "none"}, {"type": "one_hot", "unknown": "error"},
                {"type": "token_ids", "column": "t", "length": 9, "padding": "start", "stop_words": ["the"]},
                {"type": "bag_of_words", "column": "t", "weighting": "count", "longest": 3, "lowercase": false},
                {"type": "rescale", "scale": 0.5}, {"type": "resize", "height": 3, "width": 4, "mode": "cubic"},
                {"type": "select", "columns": ["a", "t"]}],
             "inputs": {"x": ["a"]}}
            """
        let pipeline = try Pipeline(JSONCursor(try JSONValue(parsing: json)))
        #expect(pipeline.steps.count == 11)
        #expect(try Pipeline(JSONCursor(pipeline.json)) == pipeline)
        guard case .bagOfWords(_, _, let bag) = pipeline.steps[7] else {
            Issue.record("no bag")
            return
        }
        #expect(!bag.normalizes && bag.longest == 3)
    }
}
