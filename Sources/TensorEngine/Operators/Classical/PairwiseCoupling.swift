/// What libsvm makes of the probabilities of pairs of classes.
package enum PairwiseCoupling {
    /// Class probabilities from those of the pairs, each for the first class of its pair (Wu, Lin and Weng, "Probability
    /// estimates for multi-class classification by pairwise coupling", 2004, second approach).
    ///
    /// - Parameter pairs: of classes 0 and 1, 0 and 2, … 1 and 2, …: `classCount · (classCount − 1) / 2` of them.
    package static func probabilities(_ pairs: [Double], classCount k: Int) -> [Double] {
        var r = [[Double]](repeating: [Double](repeating: 0, count: k), count: k)
        var index = 0
        for i in 0..<k {
            for j in i + 1..<max(k, i + 1) {
                r[i][j] = min(max(pairs[index], 1e-7), 1 - 1e-7)
                r[j][i] = 1 - r[i][j]
                index += 1
            }
        }
        var q = r
        for t in 0..<k {
            q[t][t] = (0..<k).reduce(0.0) { $1 == t ? $0 : $0 + r[$1][t] * r[$1][t] }
            for j in 0..<k where j != t { q[t][j] = -r[j][t] * r[t][j] }
        }
        var p = [Double](repeating: 1 / Double(k), count: k)
        for _ in 0..<max(100, k) {
            var qp = (0..<k).map { t in (0..<k).reduce(0.0) { $0 + q[t][$1] * p[$1] } }
            var pqp = (0..<k).reduce(0.0) { $0 + p[$1] * qp[$1] }
            if qp.allSatisfy({ abs($0 - pqp) < 0.005 / Double(k) }) { break }
            for t in 0..<k {
                let step = (-qp[t] + pqp) / q[t][t]
                p[t] += step
                pqp = (pqp + step * (step * q[t][t] + 2 * qp[t])) / (1 + step) / (1 + step)
                for j in 0..<k {
                    qp[j] = (qp[j] + step * q[t][j]) / (1 + step)
                    p[j] /= 1 + step
                }
            }
        }
        return p
    }
}
