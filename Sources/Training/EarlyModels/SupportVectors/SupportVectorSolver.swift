import CLibSVM

/// Trains machines with libsvm. Rows go in class after class, so that its classes have our order.
struct SupportVectorSolver {
    let model: SupportVectorMachine
    let kernel: KernelFunction
    let features: FeatureMatrix

    /// Of the cross-validation that sigmoids are fitted on (libsvm's own number).
    private static let foldCount = 5

    func regression(_ targets: [Double], _ shouldContinue: () throws -> Void) throws -> FittedMachine {
        try train(Array(0..<features.rows), targets, parameter(EPSILON_SVR), weights: [], shouldContinue) {
            model, rows in
            machine(model, rows, countPerClass: [])
        }
    }

    /// - Parameter weights: of each class, that its penalty is multiplied by.
    func classification(
        _ classes: [Int], classCount: Int, weights: [Double], _ shouldContinue: () throws -> Void
    ) throws -> FittedMachine {
        let order = (0..<classCount).flatMap { index in classes.indices.filter { classes[$0] == index } }
        let labels = order.map { Double(classes[$0]) }
        return try train(order, labels, parameter(C_SVC), weights: weights, shouldContinue) { model, rows in
            machine(model, rows, countPerClass: (0..<classCount).map { Int(model.nSV[$0]) })
        }
    }

    /// The sigmoid of each pair, fitted to the decisions on rows that the decision was not trained on.
    func sigmoids(
        _ classes: [Int], classCount: Int, weights: [Double], seed: UInt64, _ shouldContinue: () throws -> Void
    ) throws -> [PlattSigmoid] {
        var result: [PlattSigmoid] = []
        for first in 0..<classCount {
            for second in first + 1..<max(classCount, first + 1) {
                var rows = classes.indices.filter { classes[$0] == first || classes[$0] == second }
                var random = RandomSource(seed: seed, stream: "support_vector_machine.folds", first, second)
                random.shuffle(&rows)
                let isFirst = rows.map { classes[$0] == first }
                let decisions = try crossValidated(
                    rows, isFirst, weights: [weights[first], weights[second]], shouldContinue)
                result.append(PlattSigmoid(decisions: decisions, isPositive: isFirst))
            }
        }
        return result
    }

    private func crossValidated(
        _ rows: [Int], _ isFirst: [Bool], weights: [Double], _ shouldContinue: () throws -> Void
    ) throws -> [Double] {
        var decisions = [Double](repeating: 0, count: rows.count)
        let folds = min(Self.foldCount, rows.count)
        for fold in 0..<folds {
            let held = fold * rows.count / folds..<(fold + 1) * rows.count / folds
            let rest = rows.indices.filter { !held.contains($0) }
            let (firsts, seconds) = (rest.filter { isFirst[$0] }, rest.filter { !isFirst[$0] })
            guard !firsts.isEmpty, !seconds.isEmpty else {
                // All the training rows are of one class: that is the decision (libsvm, svm_binary_svc_probability).
                for place in held { decisions[place] = firsts.isEmpty ? (seconds.isEmpty ? 0 : -1) : 1 }
                continue
            }
            let order = firsts + seconds
            let labels = order.map { isFirst[$0] ? 0.0 : 1.0 }
            let part = try train(
                order.map { rows[$0] }, labels, parameter(C_SVC), weights: weights, shouldContinue
            ) { model, rows in machine(model, rows, countPerClass: [Int(model.nSV[0]), Int(model.nSV[1])]) }
            for place in held { decisions[place] = part.decisions(row(rows[place]))[0] }
        }
        return decisions
    }

    private func row(_ index: Int) -> [Float] {
        Array(features.values[index * features.columns..<(index + 1) * features.columns])
    }

    private func machine(_ model: svm_model, _ rows: [Int], countPerClass: [Int]) -> FittedMachine {
        let count = Int(model.l)
        let lists = countPerClass.isEmpty ? 1 : countPerClass.count - 1
        let pairs = countPerClass.isEmpty ? 1 : countPerClass.count * (countPerClass.count - 1) / 2
        return FittedMachine(
            kernel: kernel,
            // libsvm counts rows from one.
            vectors: (0..<count).map { row(rows[Int(model.sv_indices[$0]) - 1]) }, countPerClass: countPerClass,
            coefficients: (0..<lists).map { list in
                (0..<count).map { model.sv_coef[list]?[$0] ?? 0 }
            },
            intercepts: (0..<pairs).map { -model.rho[$0] })
    }

    private func parameter(_ type: Int) -> svm_parameter {
        var result = svm_parameter()
        result.svm_type = Int32(type)
        let kernelType =
            switch kernel.type {
            case .linear: LINEAR
            case .polynomial: POLY
            case .radial: RBF
            case .sigmoid: SIGMOID
            }
        result.kernel_type = Int32(kernelType)
        result.degree = Int32(kernel.degree)
        result.gamma = kernel.gamma
        result.coef0 = kernel.offset
        result.cache_size = Double(model.cacheMegabytes)
        result.eps = model.tolerance
        result.C = model.penalty
        result.p = model.epsilon
        result.shrinking = model.shrinks ? 1 : 0
        return result
    }
}
