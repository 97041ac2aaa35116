import Glibc

/// A stream of random numbers that a seed, a name and indices determine, the same on every machine: xoshiro256**
/// (Blackman and Vigna, 2018), its state drawn by SplitMix64 (Steele et al., 2014).
///
/// What is random takes a stream of its own (`"split"`, `"shuffle"` of epoch 3, ...), so that a run that resumes in the
/// middle draws what it would have drawn, and one more draw here changes nothing there.
public struct RandomSource: RandomNumberGenerator, Sendable {
    private var state: (UInt64, UInt64, UInt64, UInt64)

    /// - Parameters:
    ///   - seed: of the whole run.
    ///   - stream: what the numbers are for.
    ///   - indices: which of several such streams: epoch, row, layer.
    public init(seed: UInt64, stream: String, _ indices: Int...) {
        // FNV-1a over the name and the indices tells streams apart; SplitMix64 spreads the sum.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in stream.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        for index in indices {
            for shift in stride(from: 0, to: 64, by: 8) {
                hash = (hash ^ (UInt64(truncatingIfNeeded: index) >> UInt64(shift) & 0xff)) &* 0x0000_0100_0000_01b3
            }
        }
        var mixed = seed &+ Self.mix(hash)
        func draw() -> UInt64 {
            mixed &+= 0x9e37_79b9_7f4a_7c15
            return Self.mix(mixed)
        }
        state = (draw(), draw(), draw(), draw())
    }

    public mutating func next() -> UInt64 {
        let result = Self.rotate(state.1 &* 5, 7) &* 9
        let shifted = state.1 << 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= shifted
        state.3 = Self.rotate(state.3, 45)
        return result
    }

    /// A number in [0, 1), one of 2^53.
    public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// A number in [lower, upper).
    public mutating func uniform(_ lower: Double, _ upper: Double) -> Double { lower + (upper - lower) * uniform() }

    /// A number of the standard normal distribution (Box and Muller, 1958).
    public mutating func normal() -> Double {
        let radius = (-2 * log(1 - uniform())).squareRoot()
        return radius * cos(2 * Double.pi * uniform())
    }

    /// An integer in [0, bound), without bias.
    /// - Precondition: `bound` is at least 1.
    public mutating func integer(below bound: Int) -> Int {
        precondition(bound >= 1, "no integer is below \(bound)")
        let width = UInt64(bound)
        // Lemire, "Fast random integer generation in an interval", 2019.
        var product = next().multipliedFullWidth(by: width)
        if product.low < width {
            let threshold = (0 &- width) % width
            while product.low < threshold { product = next().multipliedFullWidth(by: width) }
        }
        return Int(product.high)
    }

    /// Fisher and Yates. The standard library promises no order of draws for its own.
    public mutating func shuffle<Element>(_ elements: inout [Element]) {
        guard elements.count > 1 else { return }
        for last in stride(from: elements.count - 1, through: 1, by: -1) {
            elements.swapAt(last, integer(below: last + 1))
        }
    }

    /// The whole numbers below `count` in random order.
    public mutating func permutation(_ count: Int) -> [Int] {
        var order = Array(0..<count)
        shuffle(&order)
        return order
    }

    private static func rotate(_ x: UInt64, _ count: UInt64) -> UInt64 { x << count | x >> (64 - count) }

    private static func mix(_ x: UInt64) -> UInt64 {
        var z = (x ^ x >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }
}
