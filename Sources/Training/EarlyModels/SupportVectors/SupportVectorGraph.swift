import TensorEngine

/// A support vector machine as SVMClassifier or SVMRegressor (ai.onnx.ml 1).
struct SupportVectorGraph {
    let machine: FittedMachine
    let columns: Int

    /// Numbers of a model, which a bundle writes as JSON: 64 MiB of it.
    static let maximumNumberCount = 2_000_000

    func regression() throws(EarlyModelError) -> Graph {
        var assembly = GraphAssembly(.supportVectorMachine, columns: columns)
        var attributes = try commonAttributes()
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
        var attributes = try commonAttributes()
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
        let scores = try classScores(values, classCount: present.count, &assembly)
        return try assembly.classifier(
            scores: scores, index: index, output: EarlyModelValue.scores, absent: -1, present: present, names: names)
    }

    private func commonAttributes() throws(EarlyModelError) -> [String: AttributeValue] {
        let count = machine.vectors.count * (columns + machine.coefficients.count)
        guard count <= Self.maximumNumberCount else {
            throw EarlyModelError(
                .limitExceeded, "model",
                "\(machine.vectors.count) support vectors of \(columns) columns are \(count) numbers, expected at most "
                    + "\(Self.maximumNumberCount): take fewer rows, or a lower C for fewer support vectors")
        }
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

    /// One score a class from the decisions of the pairs: its votes, and less than half a vote for how clear they were, as
    /// scikit-learn's decision function of shape "ovr": [batch, classes].
    private func classScores(
        _ values: String, classCount k: Int, _ assembly: inout GraphAssembly
    ) throws(EarlyModelError) -> String {
        var pairs = values
        if k == 2 {
            // The operator answers the one decision with both signs; the second has its own.
            let second = try assembly.constant("second_column", shape: [1], [Int64(1)])
            pairs = assembly.add("Gather", [values, second], as: "decisions", ["axis": .int(1)])
        }
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
        return assembly.add("Add", [votes, part], as: "class_scores")
    }
}
