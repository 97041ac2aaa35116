import Glibc

/// A kernel with its parameters, each of them a float32: the graph has them so.
struct KernelFunction: Sendable {
    let type: SupportKernel
    let gamma: Double
    let offset: Double
    let degree: Int

    init(_ type: SupportKernel, gamma: Double, offset: Double, degree: Int) {
        (self.type, self.gamma, self.offset, self.degree) = (type, gamma, offset, degree)
    }

    func callAsFunction(_ a: [Float], _ b: [Float]) -> Double {
        let isRadial = type == .radial
        let sum = a.withUnsafeBufferPointer { a in
            b.withUnsafeBufferPointer { b in
                var sum = 0.0
                var column = 0
                while column < min(a.count, b.count) {
                    let (x, y) = (Double(a[column]), Double(b[column]))
                    sum += isRadial ? (x - y) * (x - y) : x * y
                    column += 1
                }
                return sum
            }
        }
        switch type {
        case .radial: return exp(-gamma * sum)
        case .polynomial: return pow(sum * gamma + offset, Double(degree))
        case .sigmoid: return tanh(sum * gamma + offset)
        case .linear: return sum
        }
    }

    /// - Throws: ``EarlyModelError`` when a kernel value could be so large that the solver would not end.
    func check(_ features: FeatureMatrix) throws(EarlyModelError) {
        guard type == .linear || type == .polynomial else { return }
        var largest = 0.0
        for row in 0..<features.rows {
            var norm = 0.0
            for value in features.values[row * features.columns..<(row + 1) * features.columns] {
                norm += Double(value) * Double(value)
            }
            largest = max(largest, norm)
        }
        let bound = type == .linear ? largest : pow(gamma * largest + abs(offset), Double(degree))
        guard bound <= 1e60 else {
            throw EarlyModelError(
                .numerical, "features",
                "the kernel of the largest row is \(bound), expected at most 1e60: standardise the features")
        }
    }
}
