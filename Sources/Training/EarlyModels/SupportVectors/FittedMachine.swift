import Glibc
import TensorEngine

/// What libsvm found: support vectors, class after class, and the coefficients of each pair's decision.
struct FittedMachine: Sendable {
    let kernel: KernelFunction
    /// The support vectors, those of the first class first.
    let vectors: [[Float]]
    /// nil of a regression, which has one list of vectors.
    let countPerClass: [Int]
    /// classes - 1 lists of as many as there are vectors; of a regression one.
    let coefficients: [[Double]]
    /// What is added to the sum of each pair; of a regression one.
    let intercepts: [Double]
    /// Of each pair, that make probabilities of decisions; nil when not asked for.
    var sigmoids: [PlattSigmoid]?

    /// The sums of all pairs, (0, 1), (0, 2), …, (1, 2), …; positive is for the first class of the pair.
    func decisions(_ row: [Float]) -> [Double] {
        let products = vectors.map { kernel($0, row) }
        guard !countPerClass.isEmpty else {
            return [zip(coefficients[0], products).reduce(intercepts[0]) { $0 + $1.0 * $1.1 }]
        }
        var starts = [0]
        for count in countPerClass { starts.append(starts[starts.count - 1] + count) }
        var sums: [Double] = []
        for first in countPerClass.indices {
            for second in countPerClass.indices.dropFirst(first + 1) {
                var sum = intercepts[sums.count]
                for index in starts[first]..<starts[first + 1] {
                    sum += coefficients[second - 1][index] * products[index]
                }
                for index in starts[second]..<starts[second + 1] { sum += coefficients[first][index] * products[index] }
                sums.append(sum)
            }
        }
        return sums
    }
}

struct SupportVectorPredictor: RowPredictor {
    let machine: FittedMachine
    /// nil of a regression.
    let classes: (present: [Int], count: Int)?

    func predict(_ row: [Float]) -> RowPrediction {
        let decisions = machine.decisions(row)
        guard let classes else { return RowPrediction(values: decisions) }
        let count = classes.present.count
        var votes = [Double](repeating: 0, count: count)
        var confidence = votes
        var pair = 0
        for first in 0..<count {
            for second in first + 1..<max(count, first + 1) {
                votes[decisions[pair] > 0 ? first : second] += 1
                confidence[first] += decisions[pair]
                confidence[second] -= decisions[pair]
                pair += 1
            }
        }
        let index = classes.present[firstGreatest(votes)]
        if let sigmoids = machine.sigmoids {
            let pairs = zip(sigmoids, decisions).map { $0($1) }
            return RowPrediction(
                classIndex: index,
                values: spread(
                    PairwiseCoupling.probabilities(pairs, classCount: count), present: classes.present,
                    count: classes.count))
        }
        let scores = zip(votes, confidence).map { $0 + $1 / (3 * (abs($1) + 1)) }
        return RowPrediction(
            classIndex: index, values: spread(scores, present: classes.present, count: classes.count, absent: -1))
    }
}
