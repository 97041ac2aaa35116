import JSONDocuments
import TensorEngine
import Testing
import Training

/// Linear, ridge and logistic regression, against scikit-learn.
@Suite struct LinearModelTests {
    @Test func leastSquaresAreTheSame() throws {
        let data = try ClassicalData("diabetes")
        let models: [(String, any EarlyModel)] = [
            ("linear", try model(.linearRegression)), ("ridge", try model(.ridge, ["alpha": 2.5])),
            ("linear_origin", try model(.linearRegression, ["fit_intercept": false])),
        ]
        for (name, linear) in models {
            let fitted = try data.fit(linear, weights: data.cyclicWeights(3))
            #expect(
                try largestDifference(fitted.numbers("coefficients"), data.reference("\(name).coefficients")) < 1e-8,
                "\(name)")
            #expect(abs(try fitted.number("intercept") - data.reference("\(name).intercepts")[0]) < 1e-8, "\(name)")
            #expect(fitted.warnings.isEmpty)
            let found = try data.heldOut(linear)
            #expect(try largestDifference(found, data.reference("\(name).held_out"), floor: 1) < 2e-6, "\(name)")
        }
    }

    /// Dependent and constant columns, and fewer rows than columns, have the shortest solution.
    @Test func dependentColumnsHaveTheShortestSolution() throws {
        let data = try ClassicalData("diabetes")
        var values: [Float] = []
        for row in data.rows {
            let x = data.features.values[row * 10..<row * 10 + 10].map(Double.init)
            values += (x[..<4] + [2 * x[1], -x[0], 3]).map { Float($0) }
        }
        let features = try FeatureMatrix(rows: data.features.rows, columns: 7, values: values)
        let fitted = try model(.linearRegression).fit(features: features, targets: .values(data.values))
        #expect(try fitted.number("rank") == 4)
        #expect(
            try largestDifference(fitted.numbers("coefficients"), data.reference("dependent.coefficients"), floor: 1)
                < 1e-8)
        #expect(try fitted.numbers("coefficients")[6] == 0)
        let wide = try data.fit(try model(.linearRegression), rows: Array(0..<7))
        #expect(try wide.number("rank") == 6)
        #expect(wide.warnings.count == 1)
        #expect(
            try largestDifference(wide.numbers("coefficients"), data.reference("wide.coefficients"), floor: 1) < 1e-8)
        // Seven points are met exactly.
        let met = try wide.answers(data.features.selecting(rows: Array(0..<7))).values
        #expect(largestDifference(met, Array(data.values[..<7])) < 1e-5)
    }

    @Test(arguments: ["iris_standardized", "wine_standardized", "cancer_standardized"])
    func logisticRegressionIsTheSame(_ name: String) throws {
        let data = try ClassicalData(name)
        let fitted = try data.fit(try model(.logisticRegression, ["tol": 1e-10, "max_iter": 10_000]))
        #expect(fitted.warnings.isEmpty)
        let coefficients = try data.reference("logistic.coefficients")
        #expect(try largestDifference(fitted.numbers("coefficients"), coefficients, floor: 1e-2) < 1e-4)
        #expect(
            try largestDifference(fitted.numbers("intercepts"), data.reference("logistic.intercepts"), floor: 1e-2)
                < 1e-4)
        let found = try data.heldOut(try model(.logisticRegression))
        let expected = FoldMean(data.scores(try data.reference("logistic.held_out")))
        let score = FoldMean(data.scores(found))
        #expect(abs(score.mean - expected.mean) <= expected.error, "found \(score), scikit-learn has \(expected)")
    }

    /// Features of very different size, weights of rows and of classes.
    @Test func logisticRegressionNeedsNoScaling() throws {
        let data = try ClassicalData("wine")
        let fitted = try data.fit(
            try model(
                .logisticRegression, ["C": 0.1, "class_weight": "balanced", "tol": 1e-11, "max_iter": 10_000]),
            weights: data.cyclicWeights(2))
        #expect(fitted.warnings.isEmpty)
        let coefficients = try data.reference("logistic.coefficients")
        #expect(try largestDifference(fitted.numbers("coefficients"), coefficients, floor: 1e-4) < 1e-3)
        #expect(try largestDifference(fitted.numbers("intercepts"), data.reference("logistic.intercepts")) < 1e-3)
        let answers = try fitted.answers(data.features)
        #expect(zip(answers.labels, data.labels).count { $0 == $1 } >= 165)
    }

    @Test func whatDoesNotConvergeIsSaid() throws {
        let data = try ClassicalData("wine")
        let fitted = try data.fit(try model(.logisticRegression, ["max_iter": 2]))
        #expect(try fitted.number("iterations") == 2)
        #expect(fitted.warnings.count == 1 && fitted.warnings[0].contains("raise max_iter"))
    }

    /// Coefficients become float32 without moving the answer for the mean row.
    @Test func largeOffsetsKeepTheirPrecision() throws {
        let years = (0..<60).map { Float(1960 + $0) }
        let features = try FeatureMatrix(rows: 60, columns: 1, values: years)
        let targets = years.map { 0.1 * Double($0) + 1e4 }
        let answers = try model(.linearRegression).fit(features: features, targets: .values(targets))
            .answers(features).values
        #expect(largestDifference(answers, targets) < 1.2e-7)
    }
}
