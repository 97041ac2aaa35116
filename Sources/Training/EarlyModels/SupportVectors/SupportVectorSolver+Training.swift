import CLibSVM

extension SupportVectorSolver {
    /// Calls libsvm and `read` with what it found, whose numbers of rows are places in `rows` from one.
    /// - Parameters:
    ///   - rows: of the features.
    ///   - labels: for each of them its class or its number.
    ///   - weights: of the classes 0, 1, … .
    /// - Throws: ``EarlyModelError``, or what `shouldContinue` throws.
    func train<Result>(
        _ rows: [Int], _ labels: [Double], _ parameter: svm_parameter, weights: [Double],
        _ shouldContinue: () throws -> Void, read: (svm_model, [Int]) -> Result
    ) throws -> Result {
        var (parameter, labels) = (parameter, labels)
        var classes = weights.indices.map { Int32($0) }
        var factors = weights
        // The rows without their zeros, each ended by the index -1.
        var nodes: [svm_node] = []
        var starts: [Int] = []
        for row in rows {
            starts.append(nodes.count)
            for column in 0..<features.columns {
                let value = features.values[row * features.columns + column]
                if value != 0 { nodes.append(svm_node(index: Int32(column + 1), value: Double(value))) }
            }
            nodes.append(svm_node(index: -1, value: 0))
        }
        return try nodes.withUnsafeMutableBufferPointer { nodes in
            var pointers = starts.map { start in nodes.baseAddress.map { $0 + start } }
            return try pointers.withUnsafeMutableBufferPointer { pointers in
                try labels.withUnsafeMutableBufferPointer { labels in
                    try classes.withUnsafeMutableBufferPointer { classes in
                        try factors.withUnsafeMutableBufferPointer { factors in
                            var problem = svm_problem(
                                l: Int32(rows.count), y: labels.baseAddress, x: pointers.baseAddress)
                            parameter.nr_weight = Int32(weights.count)
                            parameter.weight_label = classes.baseAddress
                            parameter.weight = factors.baseAddress
                            return try run(&problem, &parameter, shouldContinue) { read($0, rows) }
                        }
                    }
                }
            }
        }
    }

    private func run<Result>(
        _ problem: inout svm_problem, _ parameter: inout svm_parameter, _ shouldContinue: () throws -> Void,
        _ read: (svm_model) -> Result
    ) throws -> Result {
        if let refusal = svm_check_parameter(&problem, &parameter) {
            throw EarlyModelError(
                .invalidHyperparameter, EarlyModelKind.supportVectorMachine.rawValue, String(cString: refusal))
        }
        var model: UnsafeMutablePointer<svm_model>?
        defer { if model != nil { svm_free_and_destroy_model(&model) } }
        try shouldContinue()
        let status = try withoutActuallyEscaping(shouldContinue) { shouldContinue in
            let progress = Progress(shouldContinue)
            let status = cls_train(
                &problem, &parameter, { Progress.proceed($0) }, Unmanaged.passUnretained(progress).toOpaque(), &model)
            if let failure = progress.failure { throw failure }
            return status
        }
        guard status == .ok, let model else {
            throw EarlyModelError(
                status == .out_of_memory ? .limitExceeded : .numerical,
                EarlyModelKind.supportVectorMachine.rawValue,
                status == .out_of_memory ? "memory ran out" : "libsvm failed")
        }
        return read(model.pointee)
    }
}

/// What libsvm asks now and then, and what the answer was.
private final class Progress {
    private let shouldContinue: () throws -> Void
    private(set) var failure: (any Error)?

    init(_ shouldContinue: @escaping () throws -> Void) { self.shouldContinue = shouldContinue }

    static func proceed(_ context: UnsafeMutableRawPointer?) -> Bool {
        guard let context else { return true }
        let progress = Unmanaged<Progress>.fromOpaque(context).takeUnretainedValue()
        do { try progress.shouldContinue() } catch { progress.failure = error }
        return progress.failure == nil
    }
}
