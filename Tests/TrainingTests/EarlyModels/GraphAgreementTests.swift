import JSONDocuments
import ModelFormats
import TensorEngine
import TestSupport
import Testing
import Training

/// Graphs say what the fitted models say, whatever the classes are called.
@Suite struct GraphAgreementTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let kind: EarlyModelKind
        let options: JSONValue
        let data: String
        var testDescription: String { "\(kind.rawValue) \(data)" }
    }

    static let cases: [Case] = [
        Case(kind: .decisionTree, options: ["max_depth": 4], data: "cancer_standardized"),
        Case(kind: .decisionTree, options: [:], data: "diabetes"),
        Case(kind: .randomForest, options: ["n_estimators": 30, "max_depth": 3], data: "cancer_standardized"),
        Case(kind: .randomForest, options: ["n_estimators": 30], data: "wine_standardized"),
        Case(kind: .randomForest, options: ["n_estimators": 10], data: "diabetes"),
        Case(kind: .nearestNeighbors, options: [:], data: "wine_standardized"),
        Case(kind: .nearestNeighbors, options: ["weights": "distance"], data: "iris"),
        Case(kind: .nearestNeighbors, options: ["weights": "distance", "metric": "manhattan"], data: "diabetes"),
        Case(kind: .supportVectorMachine, options: [:], data: "wine_standardized"),
        Case(kind: .supportVectorMachine, options: ["kernel": "linear"], data: "cancer_standardized"),
        Case(kind: .supportVectorMachine, options: ["kernel": "poly", "probability": true], data: "iris_standardized"),
        Case(kind: .supportVectorMachine, options: ["kernel": "sigmoid", "C": 20], data: "diabetes"),
        Case(kind: .linearRegression, options: [:], data: "diabetes"),
        Case(kind: .ridge, options: ["alpha": 10], data: "diabetes"),
        Case(kind: .logisticRegression, options: [:], data: "wine_standardized"),
        Case(kind: .logisticRegression, options: ["penalty": "none", "tol": 0.01], data: "cancer_standardized"),
    ]

    @Test(arguments: cases) func graphsSayWhatModelsSay(_ testCase: Case) throws {
        let data = try ClassicalData(testCase.data)
        let fitted = try data.fit(try model(testCase.kind, testCase.options), rows: data.rows.filter { $0 % 4 != 0 })
        // A sixth of the rows, some that it was fitted to among them.
        let rows = data.rows.filter { $0 % 6 == 0 }
        let features = try data.features.selecting(rows: rows)
        let answers = try fitted.answers(features)
        let expected = fitted.predictions(features)
        #expect(answers.labels == expected.compactMap(\.classIndex))
        let tolerance = testCase.kind == .decisionTree || testCase.kind == .randomForest ? 0 : 2e-5
        #expect(largestDifference(answers.values, expected.flatMap(\.values), floor: 1) <= tolerance)
        #expect(fitted.kind == testCase.kind)
        #expect(fitted.task == (data.isClassification ? .classification : .regression))
        // The same once more, to the bit.
        let again = try data.fit(try model(testCase.kind, testCase.options), rows: data.rows.filter { $0 % 4 != 0 })
        #expect(try again.answers(features) == answers)
        #expect(again.details == fitted.details)
        // A row does not depend on its batch.
        let alone = try fitted.answers(features.selecting(rows: [7]))
        let width = answers.values.count / rows.count
        #expect(alone.values == Array(answers.values[7 * width..<8 * width]))
    }

    /// The graph is served from a bundle.
    @Test(arguments: cases) func bundlesHoldThem(_ testCase: Case) throws {
        let data = try ClassicalData(testCase.data)
        let fitted = try data.fit(try model(testCase.kind, testCase.options))
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/model"
        try ModelBundle(
            manifest: Manifest(name: "early", graph: fitted.graph, createdAt: "2026-01-01T00:00:00Z"),
            graph: fitted.graph
        )
        .write(to: path)
        let graph = try ModelBundle.load(at: path).graph
        let width = data.features.columns
        let input = try Tensor(shape: Shape([20, width]), elements: Array(data.features.values[..<(20 * width)]))
        let found = try CompiledGraph(graph).run([input], on: ExecutionContext())
        let expected = try CompiledGraph(fitted.graph).run([input], on: ExecutionContext())
        for (one, other) in zip(found, expected) {
            #expect(one.withBytes { a in other.withBytes { b in a.elementsEqual(b) } })
        }
    }

    /// Classes that have names, one of them without examples.
    @Test(arguments: [
        EarlyModelKind.decisionTree, .randomForest, .nearestNeighbors, .supportVectorMachine, .logisticRegression,
    ]) func classesHaveNames(_ kind: EarlyModelKind) throws {
        let data = try ClassicalData("wine_standardized")
        let classifier = try model(kind)
        let plain = try data.fit(classifier).answers(data.features)
        // The classes 0, 1, 2 at the places 0, 2, 3.
        let labels = data.labels.map { [0, 2, 3][$0] }
        let texts = ["Barolo", "Dolcetto", "Grignolino", "Barbera"]
        let named = try classifier.fit(
            features: data.features, targets: .classes(labels, names: .strings(texts)), seed: 1)
        let outputs = try named.run(data.features)
        let found = try #require(outputs["label"])
        #expect(found.shape == [178] && found.strings == plain.labels.map { texts[[0, 2, 3][$0]] })
        let values = try #require(outputs["probabilities"] ?? outputs["scores"])
        #expect(values.shape == [178, 4])
        let numbers = try values.elements(as: Float.self)
        for row in data.rows {
            let all = numbers[row * 4..<row * 4 + 4].map(Double.init)
            #expect([all[0], all[2], all[3]] == Array(plain.values[row * 3..<row * 3 + 3]))
            #expect(all[1] == (kind == .supportVectorMachine ? -1 : 0))
        }
        #expect(named.predictions(data.features).map { $0.classIndex ?? -1 } == plain.labels.map { [0, 2, 3][$0] })
        let integers = try classifier.fit(
            features: data.features, targets: .classes(data.labels, names: .integers([40, -7, 1 << 40])), seed: 1)
        #expect(try integers.answers(data.features).labels == plain.labels.map { [40, -7, 1 << 40][$0] })
        #expect(integers.graph.outputs.map(\.elementType) == [.int64, .float32])
    }

    /// Rows that are all the same, two of them, one column: nothing can be learned, and nothing breaks.
    @Test(arguments: EarlyModelKind.allCases) func degenerateDataIsFitted(_ kind: EarlyModelKind) throws {
        for (rows, columns) in [(2, 1), (12, 3)] {
            let features = try FeatureMatrix(
                rows: rows, columns: columns, values: [Float](repeating: 0.1, count: rows * columns))
            let options: JSONValue = kind == .nearestNeighbors ? ["n_neighbors": 2] : [:]
            for task in kind.tasks.sorted(by: { $0.rawValue < $1.rawValue }) {
                let halves = (0..<rows).map { $0 % 2 }
                let fitted = try model(kind, options).fit(
                    features: features,
                    targets: task == .regression
                        ? .values(halves.map(Double.init)) : .classes(halves, names: .indices(count: 2)), seed: 1)
                let answers = try fitted.answers(features)
                #expect(answers.labels.count == (task == .regression ? 0 : rows))
                #expect(answers.values.allSatisfy { $0.isFinite && abs($0) < 2 })
                #expect(answers.values.count == (task == .regression ? rows : 2 * rows))
                #expect(Set(answers.labels).count <= 1)
            }
        }
    }

    /// The fewest rows that a machine with probabilities can be fitted to.
    @Test func probabilitiesOfTwoRows() throws {
        let features = try FeatureMatrix(rows: 2, columns: 1, values: [-1, 1])
        let fitted = try model(.supportVectorMachine, ["probability": true, "kernel": "linear"]).fit(
            features: features, targets: .classes([0, 1], names: .indices(count: 2)))
        let answers = try fitted.answers(features)
        #expect(answers.labels == [0, 1])
        #expect(answers.values.allSatisfy { $0 > 0 && $0 < 1 })
    }
}
