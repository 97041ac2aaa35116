import TensorEngine

/// A support vector machine as SVMClassifier or SVMRegressor (ai.onnx.ml 1); one with many numbers as matrix products, since
/// those operators' numbers are attributes, which bundles write as JSON.
struct SupportVectorGraph {
    let machine: FittedMachine
    let columns: Int

    /// Numbers of a machine that become attributes. The operators are slower than products, but products know no
    /// probabilities: for these there are more.
    private static let maximumAttributeCount = (plain: 200_000, probabilities: 2_000_000)
    /// Numbers of a machine of any form.
    private static let maximumNumberCount = 1 << 25

    func regression() throws(EarlyModelError) -> Graph {
        var assembly = GraphAssembly(.supportVectorMachine, columns: columns)
        guard isSmall else {
            let sum = try decisions(&assembly)
            _ = assembly.cast(sum, as: EarlyModelValue.prediction, .float32)
            return assembly.regression()
        }
        var attributes = attributes
        attributes["n_supports"] = .int(machine.vectors.count)
        if machine.vectors.isEmpty {
            // Without vectors the operator takes the coefficients for those of one linear function: of zeros.
            attributes["coefficients"] = .floats([Float](repeating: 0, count: columns))
            attributes["kernel_type"] = .string("LINEAR")
        }
        assembly.add("SVMRegressor", [EarlyModelValue.features], as: EarlyModelValue.prediction, attributes)
        return assembly.regression()
    }

    func classification(present: [Int], names: ClassNames) throws(EarlyModelError) -> Graph {
        var assembly = GraphAssembly(.supportVectorMachine, columns: columns)
        try checkProbabilities()
        guard isSmall else { return try largeClassification(&assembly, present: present, names: names) }
        var attributes = attributes
        attributes["classlabels_ints"] = .ints(Array(present.indices))
        attributes["vectors_per_class"] = .ints(machine.countPerClass)
        if let sigmoids = machine.sigmoids {
            attributes["prob_a"] = .floats(sigmoids.map { Float($0.a) })
            attributes["prob_b"] = .floats(sigmoids.map { Float($0.b) })
        }
        let (index, values) = ("class_index", "machine_values")
        assembly.add(
            "SVMClassifier", [EarlyModelValue.features], as: "machine", outputs: [index, values], attributes)
        if machine.sigmoids != nil {
            return try assembly.classifier(scores: values, index: index, present: present, names: names)
        }
        var pairs = values
        if present.count == 2 {
            // The operator answers the one decision with both signs; the second has its own.
            let second = try assembly.constant("second_column", shape: [1], [Int64(1)])
            pairs = assembly.add("Gather", [values, second], as: "decisions", ["axis": .int(1)])
        }
        let scores = try classScores(pairs, classCount: present.count, &assembly).scores
        return try assembly.classifier(
            scores: scores, index: index, output: EarlyModelValue.scores, absent: -1, present: present, names: names)
    }

    private func largeClassification(
        _ assembly: inout GraphAssembly, present: [Int], names: ClassNames
    ) throws(EarlyModelError) -> Graph {
        let sums = try decisions(&assembly)
        let pairs = assembly.cast(sums, as: "decisions", .float32)
        let (votes, scores) = try classScores(pairs, classCount: present.count, &assembly)
        let index = assembly.add("ArgMax", [votes], as: "class_index", ["axis": .int(1), "keepdims": .int(0)])
        return try assembly.classifier(
            scores: scores, index: index, output: EarlyModelValue.scores, absent: -1, present: present, names: names)
    }

    private var attributeCount: Int { machine.vectors.count * (columns + machine.coefficients.count) }
    private var isSmall: Bool {
        let limits = Self.maximumAttributeCount
        return attributeCount <= (machine.sigmoids == nil ? limits.plain : limits.probabilities)
    }

    /// - Throws: ``EarlyModelError`` when the machine is too large for probabilities.
    func checkProbabilities() throws(EarlyModelError) {
        guard machine.sigmoids != nil, !isSmall else { return }
        throw EarlyModelError(
            .limitExceeded, "probability",
            "\(machine.vectors.count) support vectors of \(columns) columns are \(attributeCount) numbers, expected at most "
                + "\(Self.maximumAttributeCount.probabilities): take fewer rows, or do without probabilities")
    }

    private var attributes: [String: AttributeValue] {
        let types: [SupportKernel: String] = [
            .linear: "LINEAR", .polynomial: "POLY", .radial: "RBF", .sigmoid: "SIGMOID",
        ]
        return [
            "kernel_type": .string(types[machine.kernel.type] ?? "LINEAR"),
            "kernel_params": .floats([
                Float(machine.kernel.gamma), Float(machine.kernel.offset), Float(machine.kernel.degree),
            ]),
            "coefficients": .floats(machine.coefficients.flatMap { $0.map { Float($0) } }),
            "support_vectors": .floats(machine.vectors.flatMap { $0 }),
            "rho": .floats(machine.intercepts.map { Float($0) }),
        ]
    }

    /// The sums of all pairs as products of matrices, in binary64: [batch, pairs].
    private func decisions(_ assembly: inout GraphAssembly) throws(EarlyModelError) -> String {
        let (count, pairCount) = (machine.vectors.count, machine.intercepts.count)
        guard count * max(pairCount, columns) <= Self.maximumNumberCount else {
            throw EarlyModelError(
                .limitExceeded, "model",
                "\(count) support vectors of \(columns) columns for \(pairCount) pairs of classes are more than "
                    + "\(Self.maximumNumberCount) numbers: take fewer rows, or a lower C for fewer support vectors")
        }
        let x = assembly.cast(EarlyModelValue.features, as: "features_f64", .float64)
        let stored = try assembly.constant(
            "support_vectors", shape: [count, columns], machine.vectors.flatMap { $0 })
        let vectors = assembly.cast(stored, as: "support_vectors_f64", .float64)
        let transposed = assembly.add("Transpose", [vectors], as: "support_columns", ["perm": .ints([1, 0])])
        let products = assembly.add("MatMul", [x, transposed], as: "products")
        let values = try kernel(of: products, x, &assembly)
        let coefficients = try assembly.constant(
            "pair_coefficients", shape: [count, pairCount], pairCoefficients())
        let sums = assembly.add("MatMul", [values, coefficients], as: "weighted_kernels")
        let intercepts = try assembly.constant("pair_intercepts", shape: [pairCount], machine.intercepts)
        return assembly.add("Add", [sums, intercepts], as: "sums")
    }

    private func kernel(
        of products: String, _ x: String, _ assembly: inout GraphAssembly
    ) throws(EarlyModelError) -> String {
        let kernel = machine.kernel
        func scaled(_ value: String, by factor: Double, as name: String) throws(EarlyModelError) -> String {
            assembly.add("Mul", [value, try assembly.constant("\(name)_factor", shape: [1], [factor])], as: name)
        }
        guard kernel.type == .radial else {
            if kernel.type == .linear { return products }
            let factor = try scaled(products, by: kernel.gamma, as: "scaled_products")
            let offset = try assembly.constant("kernel_offset", shape: [1], [kernel.offset])
            let moved = assembly.add("Add", [factor, offset], as: "moved_products")
            if kernel.type == .sigmoid { return assembly.add("Tanh", [moved], as: "kernels") }
            let degree = try assembly.constant("kernel_degree", shape: [1], [Double(kernel.degree)])
            return assembly.add("Pow", [moved, degree], as: "kernels")
        }
        // -gamma · max(0, |x|² + |v|² - 2 x·v).
        let norms = machine.vectors.map { $0.reduce(0.0) { $0 + Double($1) * Double($1) } }
        let squares = assembly.add("Mul", [x, x], as: "feature_squares")
        let axis = try assembly.constant("column_axis", shape: [1], [Int64(1)])
        let own = assembly.add("ReduceSum", [squares, axis], as: "feature_norms", ["keepdims": .int(1)])
        let others = try assembly.constant("vector_norms", shape: [norms.count], norms)
        let both = assembly.add("Add", [own, others], as: "norms")
        let twice = try scaled(products, by: -2, as: "minus_products")
        let distances = assembly.add("Add", [both, twice], as: "squared_distances")
        let zero = try assembly.constant("least_distance", shape: [1], [0.0])
        let positive = assembly.add("Max", [distances, zero], as: "distances")
        let exponents = try scaled(positive, by: -kernel.gamma, as: "exponents")
        return assembly.add("Exp", [exponents], as: "kernels")
    }

    /// A column for each pair, with coefficients for the vectors of its two classes: [vectors, pairs].
    private func pairCoefficients() -> [Double] {
        let (count, pairCount) = (machine.vectors.count, machine.intercepts.count)
        guard !machine.countPerClass.isEmpty else { return machine.coefficients[0] }
        var starts = [0]
        for count in machine.countPerClass { starts.append(starts[starts.count - 1] + count) }
        var matrix = [Double](repeating: 0, count: count * pairCount)
        var pair = 0
        for first in machine.countPerClass.indices {
            for second in machine.countPerClass.indices.dropFirst(first + 1) {
                for vector in starts[first]..<starts[first + 1] {
                    matrix[vector * pairCount + pair] = machine.coefficients[second - 1][vector]
                }
                for vector in starts[second]..<starts[second + 1] {
                    matrix[vector * pairCount + pair] = machine.coefficients[first][vector]
                }
                pair += 1
            }
        }
        return matrix
    }

    /// One score a class from the decisions of the pairs: its votes, and less than half a vote for how clear they were, as
    /// scikit-learn's decision function of shape "ovr": [batch, classes].
    private func classScores(
        _ pairs: String, classCount k: Int, _ assembly: inout GraphAssembly
    ) throws(EarlyModelError) -> (votes: String, scores: String) {
        let count = k * (k - 1) / 2
        var signs = [Float](repeating: 0, count: count * k)
        var base = [Float](repeating: 0, count: k)
        var pair = 0
        for first in 0..<k {
            for second in first + 1..<max(k, first + 1) {
                signs[pair * k + first] = 1
                signs[pair * k + second] = -1
                base[second] += 1
                pair += 1
            }
        }
        // A decision for the first class gives it a vote that the second had.
        let matrix = try assembly.constant("pair_signs", shape: [count, k], signs)
        let zero = try assembly.constant("zero", shape: [1], [Float(0)])
        let isFirst = assembly.add("Greater", [pairs, zero], as: "is_first")
        let first = assembly.cast(isFirst, as: "first_votes", .float32)
        let gained = assembly.add("MatMul", [first, matrix], as: "gained_votes")
        let votes = assembly.add("Add", [gained, try assembly.constant("base_votes", shape: [k], base)], as: "votes")
        let confidence = assembly.add("MatMul", [pairs, matrix], as: "confidence")
        let size = assembly.add("Abs", [confidence], as: "confidence_size")
        let one = try assembly.constant("one", shape: [1], [Float(1)])
        let three = try assembly.constant("three", shape: [1], [Float(3)])
        let larger = assembly.add("Add", [size, one], as: "confidence_scale")
        let divisor = assembly.add("Mul", [larger, three], as: "confidence_divisor")
        let part = assembly.add("Div", [confidence, divisor], as: "vote_part")
        return (votes, assembly.add("Add", [votes, part], as: "class_scores"))
    }
}
