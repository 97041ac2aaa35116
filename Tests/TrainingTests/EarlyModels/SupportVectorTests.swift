import Glibc
import JSONDocuments
import TensorEngine
import Testing
import Training

/// Support vector machines, against scikit-learn, which has the same solver.
@Suite struct SupportVectorTests {
    private static let comparisons: [(data: String, kernel: String)] = [
        ("iris_standardized", "linear"), ("iris_standardized", "rbf"), ("iris_standardized", "poly"),
        ("iris_standardized", "sigmoid"), ("wine_standardized", "linear"), ("wine_standardized", "rbf"),
        ("wine_standardized", "sigmoid"), ("cancer_standardized", "linear"), ("cancer_standardized", "rbf"),
    ]

    @Test(arguments: comparisons) func classesAreTheSame(_ name: String, _ kernel: String) throws {
        let data = try ClassicalData(name)
        let found = try data.heldOut(try model(.supportVectorMachine, ["kernel": .string(kernel)]))
        let expected = try data.reference("svm_\(kernel).held_out")
        let same = zip(found, expected).count { $0 == $1 }
        #expect(Double(same) >= 0.995 * Double(found.count), "\(same) of \(found.count)")
        let (mine, theirs) = (FoldMean(data.scores(found)), FoldMean(data.scores(expected)))
        #expect(abs(mine.mean - theirs.mean) <= theirs.error, "found \(mine), scikit-learn has \(theirs)")
    }

    @Test(arguments: ["linear", "rbf"]) func numbersAreTheSame(_ kernel: String) throws {
        let data = try ClassicalData("diabetes")
        let found = try data.heldOut(
            try model(
                .supportVectorMachine, ["kernel": .string(kernel), "C": 10, "epsilon": 1, "tol": 1e-6]))
        #expect(try largestDifference(found, data.reference("svm_\(kernel).held_out"), floor: 1) < 1e-4)
    }

    /// The scores of classes are scikit-learn's decision function, class weights included.
    @Test func scoresAreTheSame() throws {
        let data = try ClassicalData("wine_standardized")
        let fitted = try data.fit(
            try model(
                .supportVectorMachine, ["class_weight": "balanced", "C": 0.5, "gamma": "auto", "tol": 1e-6]))
        let answers = try fitted.answers(data.features)
        #expect(try largestDifference(answers.values, data.reference("svm_balanced.fitted"), floor: 1) < 1e-5)
        #expect(fitted.graph.outputs.map(\.name) == ["label", "scores"])
    }

    @Test func probabilitiesAreAsGood() throws {
        let data = try ClassicalData("iris_standardized")
        let machine = try model(.supportVectorMachine, ["probability": true])
        var losses: [Double] = []
        for fold in 0..<5 {
            let held = data.rows.filter { data.folds[$0] == fold }
            let fitted = try data.fit(machine, rows: data.rows.filter { data.folds[$0] != fold })
            let answers = try fitted.answers(data.features.selecting(rows: held))
            #expect(fitted.graph.outputs.map(\.name) == ["label", "probabilities"])
            var loss = 0.0
            for (place, row) in held.enumerated() {
                let shares = answers.values[place * 3..<place * 3 + 3]
                #expect(abs(shares.reduce(0, +) - 1) < 1e-6)
                loss -= log(answers.values[place * 3 + data.labels[row]]) / Double(held.count)
            }
            losses.append(loss)
        }
        let expected = FoldMean(try data.reference("svm_probability.losses"))
        let found = FoldMean(losses)
        #expect(abs(found.mean - expected.mean) <= expected.error, "found \(found), scikit-learn has \(expected)")
    }

    @Test func seedsDecideOnlyProbabilities() throws {
        let data = try ClassicalData("iris_standardized")
        let machine = try model(.supportVectorMachine, ["probability": true])
        let first = try data.fit(machine, seed: 1).answers(data.features)
        #expect(try data.fit(machine, seed: 1).answers(data.features) == first)
        let other = try data.fit(machine, seed: 2).answers(data.features)
        #expect(other.labels == first.labels && other.values != first.values)
    }

    /// Errors below epsilon do not count: without any there are no vectors, and the answer is a constant.
    @Test func machinesWithoutVectorsAreConstant() throws {
        let data = try ClassicalData("diabetes")
        let fitted = try data.fit(try model(.supportVectorMachine, ["epsilon": 1000]))
        #expect(try fitted.number("support_vectors") == 0)
        let answers = try fitted.answers(data.features).values
        #expect(Set(answers).count == 1)
        #expect(fitted.predictions(data.features).map { $0.values[0] }.allSatisfy { abs($0 - answers[0]) < 1e-4 })
    }

    /// The solver asks whether to go on, and leaves when it should not.
    @Test func fitsCanBeStopped() throws {
        struct Enough: Error {}
        let data = try ClassicalData("cancer_standardized")
        let machine = try model(.supportVectorMachine, ["kernel": "linear", "C": 1e6, "tol": 1e-9])
        var asked = 0
        #expect(throws: Enough.self) {
            _ = try machine.fit(
                features: data.features, targets: data.targets(data.rows), weights: nil, seed: 0,
                shouldContinue: {
                    asked += 1
                    if asked == 20 { throw Enough() }
                })
        }
        #expect(asked == 20)
        // And the next fit is none the worse for it.
        let answers = try data.fit(try model(.supportVectorMachine)).answers(data.features)
        #expect(zip(answers.labels, data.labels).count { $0 == $1 } > 550)
    }

    /// Machines that are too large for attributes become matrix products, which say the same.
    @Test(arguments: ["linear", "rbf", "poly", "sigmoid"]) func largeMachinesAreProducts(_ kernel: String) throws {
        var random = RandomSource(seed: 1, stream: "test")
        let (rows, columns) = (90, 2400)
        var values = [Float](repeating: 0, count: rows * columns)
        for _ in 0..<rows * 12 { values[random.integer(below: values.count)] = Float(random.normal()) }
        let features = try FeatureMatrix(rows: rows, columns: columns, values: values)
        let few = try features.selecting(rows: [0, 1, 2])
        let options: JSONValue = ["kernel": .string(kernel), "coef0": 0.5]
        let classes = (0..<rows).map { $0 % 3 }
        let numbers = (0..<rows).map { Double($0) }
        for targets in [EarlyModelTargets.classes(classes, names: .indices(count: 3)), .values(numbers)] {
            let fitted = try model(.supportVectorMachine, options).fit(features: features, targets: targets)
            #expect(!fitted.graph.nodes.contains { $0.operatorType.hasPrefix("SVM") })
            let answers = try fitted.answers(few)
            let expected = fitted.predictions(few)
            #expect(answers.labels == expected.compactMap(\.classIndex))
            #expect(largestDifference(answers.values, expected.flatMap(\.values), floor: 1) < 1e-5)
        }
    }

    @Test func machinesThatAreTooLargeForProbabilitiesAreRefused() throws {
        var values = [Float](repeating: 0, count: 50 * 41_000)
        for place in stride(from: 0, to: values.count, by: 997) { values[place] = 1 }
        let features = try FeatureMatrix(rows: 50, columns: 41_000, values: values)
        let error = #expect(throws: EarlyModelError.self) {
            _ = try model(.supportVectorMachine, ["kernel": "linear", "gamma": "auto", "probability": true]).fit(
                features: features, targets: .classes((0..<50).map { $0 % 2 }, names: .indices(count: 2)))
        }
        #expect(error?.kind == .limitExceeded && error?.subject == "probability")
    }
}
