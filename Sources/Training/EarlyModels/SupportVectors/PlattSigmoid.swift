import Glibc

/// The probability that a decision is right: 1 / (1 + exp(a·f + b)) (Platt, 1999).
struct PlattSigmoid: Sendable {
    var a: Double
    var b: Double

    func callAsFunction(_ decision: Double) -> Double {
        let exponent = a * decision + b
        return exponent >= 0 ? exp(-exponent) / (1 + exp(-exponent)) : 1 / (1 + exp(exponent))
    }

    /// Newton's method with backtracking (Lin, Lin and Weng, "A note on Platt's probabilistic outputs for support vector
    /// machines", 2007).
    init(decisions: [Double], isPositive: [Bool]) {
        let positives = Double(isPositive.count { $0 })
        let negatives = Double(isPositive.count) - positives
        let (high, low) = ((positives + 1) / (positives + 2), 1 / (negatives + 2))
        let targets = isPositive.map { $0 ? high : low }
        (a, b) = (0, log((negatives + 1) / (positives + 1)))
        func loss(_ a: Double, _ b: Double) -> Double {
            zip(decisions, targets).reduce(0) { sum, pair in
                let exponent = pair.0 * a + b
                return exponent >= 0
                    ? sum + pair.1 * exponent + log(1 + exp(-exponent))
                    : sum + (pair.1 - 1) * exponent + log(1 + exp(exponent))
            }
        }
        var value = loss(a, b)
        for _ in 0..<100 {
            // The Hessian with a ridge that keeps it positive definite, and the gradient.
            var (h11, h22, h21, g1, g2) = (1e-12, 1e-12, 0.0, 0.0, 0.0)
            for (decision, target) in zip(decisions, targets) {
                let p = self(decision)
                let (d1, d2) = (target - p, p * (1 - p))
                h11 += decision * decision * d2
                h22 += d2
                h21 += decision * d2
                g1 += decision * d1
                g2 += d1
            }
            if abs(g1) < 1e-5, abs(g2) < 1e-5 { break }
            let determinant = h11 * h22 - h21 * h21
            let da = -(h22 * g1 - h21 * g2) / determinant
            let db = -(-h21 * g1 + h11 * g2) / determinant
            let slope = g1 * da + g2 * db
            var step = 1.0
            while step >= 1e-10 {
                let next = loss(a + step * da, b + step * db)
                if next < value + 0.0001 * step * slope {
                    (a, b, value) = (a + step * da, b + step * db, next)
                    break
                }
                step /= 2
            }
            if step < 1e-10 { break }
        }
    }
}
