import JSONDocuments
import TensorEngine
import Testing
import Training

/// Trees and forests, against scikit-learn.
@Suite struct TreeTests {
    @Test(arguments: ["iris", "wine_standardized", "cancer_standardized", "diabetes"])
    func treesAreAsGood(_ name: String) throws {
        let data = try ClassicalData(name)
        let options: JSONValue = data.isClassification ? [:] : ["min_samples_leaf": 10]
        let expected = FoldMean(try data.reference("decision_tree.scores"))
        let found = FoldMean(data.scores(try data.heldOut(try model(.decisionTree, options))))
        #expect(abs(found.mean - expected.mean) <= expected.error, "found \(found), scikit-learn has \(expected)")
    }

    @Test(arguments: ["iris", "wine_standardized", "cancer_standardized", "diabetes"])
    func forestsAreAsGood(_ name: String) throws {
        let data = try ClassicalData(name)
        let options: JSONValue =
            data.isClassification ? ["n_estimators": 40] : ["n_estimators": 40, "max_features": 0.34]
        let expected = FoldMean(try data.reference("random_forest.scores"))
        // The mean over seeds, as the reference is: one seed's noise is as large as the standard error.
        let forest = try model(.randomForest, options)
        let runs = try (0..<3 as Range<UInt64>).map { data.scores(try data.heldOut(forest, seed: $0)) }
        let found = FoldMean((0..<5).map { fold in runs.reduce(0) { $0 + $1[fold] / Double(runs.count) } })
        #expect(abs(found.mean - expected.mean) <= expected.error, "found \(found), scikit-learn has \(expected)")
    }

    /// Where no two splits are equally good, the whole tree is scikit-learn's.
    @Test func structuresAreTheSame() throws {
        let cancer = try ClassicalData("cancer_standardized")
        let gini = try cancer.fit(
            try model(.decisionTree, ["max_depth": 3, "min_samples_leaf": 5]), weights: cancer.cyclicWeights(3))
        try compare(gini, cancer, "tree_gini.fitted")
        let entropy = try cancer.fit(
            try model(
                .decisionTree,
                [
                    "criterion": "entropy", "max_depth": 4, "min_samples_leaf": 10, "min_impurity_decrease": 0.02,
                    "class_weight": "balanced",
                ]))
        try compare(entropy, cancer, "tree_entropy.fitted")
        let diabetes = try ClassicalData("diabetes")
        let numbers = try diabetes.fit(
            try model(.decisionTree, ["max_depth": 5, "min_samples_leaf": 4, "min_samples_split": 12]),
            weights: diabetes.cyclicWeights(3))
        try compare(numbers, diabetes, "tree.fitted")
    }

    private func compare(_ fitted: FittedModel, _ data: ClassicalData, _ what: String) throws {
        let answers = try fitted.answers(data.features).values
        let found = data.isClassification ? stride(from: 1, to: answers.count, by: 2).map { answers[$0] } : answers
        let difference = largestDifference(found, try data.reference(what), floor: 1e-3)
        #expect(difference < 1e-5, "\(data.name).\(what)")
    }

    /// Every row is alone in its leaf, and every threshold keeps neighbouring float32 numbers apart.
    @Test func neighbouringNumbersAreSplit() throws {
        var values: [Float] = [-1e-30, 0, Float.leastNormalMagnitude / 1000, 1, 1e30]
        for value in values { values += [value.nextUp, value.nextUp.nextUp] }
        values.sort()
        let features = try FeatureMatrix(rows: values.count, columns: 1, values: values)
        let targets = values.indices.map { Double($0 % 3) }
        let fitted = try model(.decisionTree).fit(features: features, targets: .values(targets))
        #expect(try fitted.answers(features).values == targets)
        #expect(try fitted.number("leaves") == Double(values.count))
    }

    @Test func limitsHold() throws {
        let data = try ClassicalData("cancer_standardized")
        let shallow = try data.fit(try model(.decisionTree, ["max_depth": 2]))
        #expect(try shallow.number("depth") == 2)
        #expect(try shallow.number("leaves") <= 4)
        let coarse = try data.fit(try model(.decisionTree, ["min_samples_leaf": 100]))
        #expect(try coarse.number("leaves") <= 5)
        // One node without a decrease that is large enough.
        let stump = try data.fit(try model(.decisionTree, ["min_impurity_decrease": 0.9]))
        #expect(try stump.number("nodes") == 1)
        let answers = try stump.answers(data.features)
        #expect(answers.labels.allSatisfy { $0 == 1 })
        #expect(abs(answers.values[1] - 357.0 / 569) < 1e-7)
        #expect(try data.fit(try model(.decisionTree)).numbers("feature_importances").reduce(0, +) - 1 < 1e-12)
    }

    /// A row of weight two is two rows, and one of weight zero none.
    @Test func weightsAreRepetitions() throws {
        let data = try ClassicalData("wine_standardized")
        let weights = data.rows.map { Double($0 % 3) }
        let repeated = data.rows.flatMap { [Int](repeating: $0, count: $0 % 3) }
        let tree = try model(.decisionTree, ["max_depth": 4])
        let weighted = try data.fit(tree, weights: weights).answers(data.features)
        let whole = try data.fit(tree, rows: repeated).answers(data.features)
        #expect(weighted.labels == whole.labels)
        #expect(largestDifference(weighted.values, whole.values) < 1e-6)
    }

    @Test func seedsDecideForests() throws {
        let data = try ClassicalData("wine_standardized")
        let forest = try model(.randomForest, ["n_estimators": 8])
        let first = try data.fit(forest, seed: 3).answers(data.features)
        #expect(try data.fit(forest, seed: 3).answers(data.features) == first)
        #expect(try data.fit(forest, seed: 4).answers(data.features).values != first.values)
        // A tree that looks at all features draws nothing.
        let tree = try model(.decisionTree)
        #expect(
            try data.fit(tree, seed: 3).answers(data.features) == data.fit(tree, seed: 4).answers(data.features))
        let drawn = try model(.decisionTree, ["max_features": "sqrt"])
        #expect(try data.fit(drawn, seed: 3).details != data.fit(drawn, seed: 4).details)
    }

    /// Of classes that are equally probable the first is the answer, also where sums of float32 shares would not say so.
    @Test func tiesGoToTheFirstClass() throws {
        // Both rows are the same: each tree says a half, or is sure of the class that alone it has drawn.
        let features = try FeatureMatrix(rows: 2, columns: 1, values: [0, 0])
        for seed in 0..<20 as Range<UInt64> {
            let fitted = try model(.randomForest, ["n_estimators": 100]).fit(
                features: features, targets: .classes([0, 1], names: .indices(count: 2)), seed: seed)
            let answers = try fitted.answers(features)
            #expect(answers.labels[0] == (answers.values[1] > answers.values[0] ? 1 : 0))
            #expect(abs(answers.values[0] + answers.values[1] - 1) < 1e-6)
        }
    }
}
