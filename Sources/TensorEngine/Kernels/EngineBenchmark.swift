import CTensorKernels

/// Measures the engine's packed product against OpenBLAS on one thread.
package enum EngineBenchmark {
    package struct Product: Sendable, Hashable {
        package var m: Int
        package var k: Int
        package var n: Int

        package init(m: Int, k: Int, n: Int) {
            (self.m, self.k, self.n) = (m, k, n)
        }
    }

    package struct Measurement: Sendable {
        package let product: Product
        package let instructionSet: InstructionSet
        /// Billions of floating-point operations a second, two per multiply-add; the best of the repetitions.
        package let engine: Double
        package let openBLAS: Double
        /// The same product with 8-bit weights, the rows' quantisation included.
        package let int8: Double
    }

    /// Layers of common classifiers, one row and a batch.
    package static let products = [
        Product(m: 1, k: 784, n: 128), Product(m: 32, k: 784, n: 128), Product(m: 128, k: 64, n: 64),
        Product(m: 128, k: 512, n: 512), Product(m: 128, k: 3136, n: 128),
    ]

    /// The best of `repetitions` runs of each, weights packed beforehand; nil when the processor lacks the set.
    package static func measure(
        _ product: Product, _ instructionSet: InstructionSet, repetitions: Int = 50
    ) -> Measurement? {
        guard let kernels = instructionSet.kernels,
            let packedCount = try? PackedWeights.elementCount(
                k: product.k, n: product.n, panelWidth: kernels.panelWidth)
        else { return nil }
        let (m, k, n) = (product.m, product.k, product.n)
        var a = [Float](repeating: 0, count: m * k)
        var b = [Float](repeating: 0, count: k * n)
        for index in a.indices { a[index] = Float(index % 17) / 17 - 0.5 }
        for index in b.indices { b[index] = Float(index % 23) / 23 - 0.5 }
        var packed = [Float](repeating: 0, count: packedCount)
        mk_pack(b, n, 1, k, n, kernels.panelWidth, 1, &packed)
        var c = [Float](repeating: 0, count: m * n)
        var epilogue = FusedActivation.none.epilogue
        // Enough calls a repetition to outlast the clock's resolution.
        let operations = 2 * m * n * k
        let calls = max(1, 20_000_000 / operations)
        let engine = best(repetitions) {
            for _ in 0..<calls { kernels.functions.gemm(m, n, k, a, k, packed, &c, n, &epilogue) }
        }
        let openBLAS = best(repetitions) {
            for _ in 0..<calls { OpenBLAS.multiply(m: m, n: n, k: k, a, b, &c) }
        }
        let int8 = best(repetitions, int8Product(product, kernels, calls))
        let work = Double(operations * calls) / 1e9
        return Measurement(
            product: product, instructionSet: instructionSet, engine: work / engine, openBLAS: work / openBLAS,
            int8: work / int8)
    }

    /// Quantises `m` rows and multiplies them, `calls` times.
    private static func int8Product(_ product: Product, _ kernels: KernelTable, _ calls: Int) -> () -> Void {
        let (m, k, n) = (product.m, product.k, product.n)
        let lanes = kernels.panelWidth / 2
        let a = (0..<m * k).map { Float($0 % 17) / 17 - 0.5 }
        let b = (0..<k * n).map { Int8($0 % 23) }
        var packed = [Int8](repeating: 0, count: (n + lanes - 1) / lanes * (k + 1) / 2 * 2 * lanes + 2 * lanes)
        mk_pack_int8(b, k, n, lanes, &packed)
        let scales = [Float](repeating: 0.01, count: n)
        return {
            var rows = [Int16](repeating: 0, count: m * ((k + 1) / 2 * 2))
            var rowScales = [Float](repeating: 0, count: m)
            var c = [Float](repeating: 0, count: m * n)
            var epilogue = FusedActivation.none.epilogue
            for _ in 0..<calls {
                kernels.functions.quantize_rows(a, m, k, &rows, &rowScales)
                kernels.functions.gemm_int8(m, n, k, rows, rowScales, packed, scales, &c, n, &epilogue)
            }
        }
    }

    /// Seconds of the fastest repetition.
    private static func best(_ repetitions: Int, _ body: () -> Void) -> Double {
        body()
        var best = Duration.seconds(3600)
        for _ in 0..<max(repetitions, 1) { best = min(best, ContinuousClock().measure(body)) }
        return Double(best.components.seconds) + Double(best.components.attoseconds) * 1e-18
    }
}
