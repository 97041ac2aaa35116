import JSONDocuments
import Testing
import Training

/// Bad input has an error that says what was found and what was expected.
@Suite struct EarlyModelErrorTests {
    private let square: [Float] = [0, 0, 0, 1, 1, 0, 1, 1]
    private let classes = EarlyModelTargets.classes([0, 1, 0, 1], names: .indices(count: 2))

    private func message(
        _ kind: EarlyModelKind, _ hyperparameters: JSONValue = [:], values: [Float]? = nil, names: [String]? = nil,
        targets: EarlyModelTargets? = nil, weights: [Double]? = nil
    ) throws -> String {
        let features = try FeatureMatrix(rows: 4, columns: 2, values: values ?? square, columnNames: names)
        let error = #expect(throws: EarlyModelError.self) {
            _ = try model(kind, hyperparameters).fit(
                features: features, targets: targets ?? classes, weights: weights, seed: 0)
        }
        return error?.description ?? ""
    }

    @Test func featuresAreFinite() throws {
        for kind in EarlyModelKind.allCases where kind.tasks.contains(.classification) {
            #expect(
                try message(kind, values: [0, 0, 0, .nan, 1, 0, 1, 1])
                    == "features: row 1, column 1 is nan, expected finite numbers")
        }
        #expect(
            try message(
                .ridge, values: [0, 0, 0, 1, -.infinity, 0, 1, 1], names: ["age", "height"],
                targets: .values([1, 2, 3, 4]))
                == "features: row 2, column 0 ('age') is -inf, expected finite numbers")
    }

    @Test func matricesAreWhole() {
        func message(_ rows: Int, _ columns: Int, _ count: Int) -> String {
            let values = [Float](repeating: 0, count: count)
            return #expect(throws: EarlyModelError.self) {
                _ = try FeatureMatrix(rows: rows, columns: columns, values: values)
            }?.description ?? ""
        }
        #expect(message(0, 3, 0) == "features: found 0 rows of 3 columns, expected at least one of each")
        #expect(message(2, 3, 5) == "features: found 5 numbers, expected 6 for 2 rows of 3 columns")
        #expect(message(1 << 40, 1 << 40, 5).contains("are more than"))
        #expect(message(1 << 20, 1 << 20, 5).contains("are more than"))
    }

    @Test func targetsFit() throws {
        func targets(_ classes: [Int], _ names: ClassNames) throws -> String {
            try message(.decisionTree, targets: .classes(classes, names: names))
        }
        #expect(
            try targets([1, 1, 1, 1], .strings(["no", "yes"]))
                == "targets: every row is of the class 'yes', expected at least two classes")
        #expect(try targets([0, 1, 2, 1], .indices(count: 2)) == "targets: row 2 is of class 2, expected 0 to 1")
        #expect(try targets([0, 1, -1, 1], .indices(count: 2)) == "targets: row 2 is of class -1, expected 0 to 1")
        #expect(try targets([0, 1, 1], .indices(count: 2)) == "targets: found 3, expected one for each of 4 rows")
        #expect(try targets([0, 0, 0, 0], .indices(count: 1)) == "targets: found 1 classes, expected 2 to 4096")
        #expect(try targets([0, 1, 1, 0], .integers([5, 5])) == "targets: found the class '5' twice")
        #expect(
            try message(.ridge, targets: .values([1, .nan, 0, 0]))
                == "targets: row 1 is nan, expected finite float32 numbers")
        #expect(
            try message(.decisionTree, targets: .values([1, 1e300, 0, 0]))
                == "targets: row 1 is 1e+300, expected finite float32 numbers")
        #expect(
            try message(.logisticRegression, targets: .values([1, 2, 0, 0]))
                == "targets: logistic_regression cannot be fitted to numbers")
        #expect(try message(.ridge) == "targets: ridge cannot be fitted to classes")
        #expect(try message(.linearRegression) == "targets: linear_regression cannot be fitted to classes")
    }

    @Test func weightsFit() throws {
        #expect(
            try message(.decisionTree, weights: [1, 1]) == "weights: found 2, expected one for each of 4 rows")
        #expect(
            try message(.decisionTree, weights: [1, 1, -1, 1])
                == "weights: row 2 weighs -1.0, expected finite and not negative")
        #expect(try message(.decisionTree, weights: [0, 0, 0, 0]) == "weights: their sum is zero or infinite")
        #expect(
            try message(.logisticRegression, weights: [0, 1, 0, 1])
                == "targets: every row is of the class '1', expected at least two classes")
        #expect(
            try message(.nearestNeighbors, ["n_neighbors": 1], weights: [1, 1, 2, 1])
                == "weights: k_nearest_neighbors cannot weigh rows differently")
        #expect(
            try message(.supportVectorMachine, weights: [1, 1, 2, 1])
                == "weights: support_vector_machine cannot weigh rows differently")
    }

    @Test func hyperparametersFitTheData() throws {
        #expect(try message(.nearestNeighbors) == "n_neighbors: found 5, but there are 4 rows")
        #expect(try message(.randomForest, ["max_features": 3]) == "max_features: found 3, but there are 2 columns")
        #expect(
            try message(.decisionTree, ["criterion": "squared_error"])
                == "criterion: \"squared_error\" is for regression, the targets are classes")
        #expect(
            try message(
                .randomForest, ["class_weight": ["1": 2, "tow": 3]],
                targets: .classes([0, 1, 0, 1], names: .strings(["1", "two"])))
                == "class_weight: \"tow\" is no class; did you mean \"two\"?")
        for kind in [EarlyModelKind.decisionTree, .randomForest, .supportVectorMachine] {
            for weight: JSONValue in ["balanced", ["nonsense": 3]] {
                #expect(
                    try message(kind, ["class_weight": weight], targets: .values([1, 2, 3, 4]))
                        == "class_weight: the targets are numbers, which have no classes to weigh")
            }
        }
        #expect(
            try message(
                .supportVectorMachine, ["kernel": "poly", "degree": 16, "gamma": 1],
                values: [0, 0, 0, 1, 1e20, 0, 1, 1]
            ).contains("standardise the features"))
    }

    /// Between trees, nodes and iterations.
    @Test(arguments: EarlyModelKind.allCases) func fitsCanBeStopped(_ kind: EarlyModelKind) throws {
        struct Enough: Error {}
        let data = try ClassicalData(kind.tasks.contains(.classification) ? "wine_standardized" : "diabetes")
        #expect(throws: Enough.self) {
            _ = try model(kind).fit(
                features: data.features, targets: data.targets(data.rows), weights: nil, seed: 0,
                shouldContinue: { throw Enough() })
        }
    }
}
