import Testing
import Training

@Suite struct RandomSourceTests {
    @Test func streamsAreReproducibleAndApart() {
        var first = RandomSource(seed: 7, stream: "shuffle", 3)
        var again = RandomSource(seed: 7, stream: "shuffle", 3)
        let drawn = (0..<100).map { _ in first.next() }
        #expect(drawn == (0..<100).map { _ in again.next() })
        for var other in [
            RandomSource(seed: 8, stream: "shuffle", 3), RandomSource(seed: 7, stream: "shuffle", 4),
            RandomSource(seed: 7, stream: "split", 3), RandomSource(seed: 7, stream: "shuffle"),
        ] {
            #expect(Set(drawn).isDisjoint(with: (0..<100).map { _ in other.next() }))
        }
    }

    @Test func momentsAreThoseOfTheDistributions() {
        var random = RandomSource(seed: 1, stream: "moments")
        let count = 100_000
        let uniform = (0..<count).map { _ in random.uniform() }
        let normal = (0..<count).map { _ in random.normal() }
        func moments(_ x: [Double]) -> (mean: Double, variance: Double) {
            let mean = x.reduce(0, +) / Double(count)
            return (mean, x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count))
        }
        // Five standard errors.
        #expect(abs(moments(uniform).mean - 0.5) < 5 * 0.2887 / 316)
        #expect(abs(moments(uniform).variance - 1.0 / 12) < 0.002)
        #expect(abs(moments(normal).mean) < 5 / 316.0)
        #expect(abs(moments(normal).variance - 1) < 5 * 1.4142 / 316)
    }

    @Test func integersFillTheirRangeEvenly() {
        var random = RandomSource(seed: 2, stream: "integers")
        var counts = [Int](repeating: 0, count: 7)
        for _ in 0..<70_000 { counts[random.integer(below: 7)] += 1 }
        // Standard deviation 93.
        #expect(counts.allSatisfy { abs($0 - 10_000) < 465 })
        #expect(random.integer(below: 1) == 0)
    }

    @Test func permutationsHoldEveryIndexOnce() {
        var random = RandomSource(seed: 3, stream: "permutation")
        let order = random.permutation(1000)
        #expect(order.sorted() == Array(0..<1000))
        #expect(order != Array(0..<1000))
        #expect(random.permutation(0).isEmpty)
    }
}
