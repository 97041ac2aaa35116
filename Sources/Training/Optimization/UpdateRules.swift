/// The loops of the optimizers over flat lists. Plain arithmetic on pointers without a branch, so that the compiler makes
/// vector code of it; the order of operations is PyTorch's.
enum UpdateRules {
    typealias Numbers = UnsafeMutablePointer<Float>

    static func descend(_ parameters: Numbers, _ gradients: Numbers, _ count: Int, rate: Float) {
        for index in 0..<count {
            parameters[index] -= rate * gradients[index]
        }
    }

    /// - Parameters:
    ///   - kept: the factor of the velocity; 0 at the first step, when it begins as the gradient.
    ///   - added: the factor of the gradient.
    ///   - velocityShare, gradientShare: what the step is made of: 1 and 0, or with Nesterov's look-ahead the momentum and 1.
    static func momentum(
        _ parameters: Numbers, _ gradients: Numbers, _ velocities: Numbers, _ count: Int, rate: Float,
        kept: Float, added: Float, velocityShare: Float, gradientShare: Float
    ) {
        for index in 0..<count {
            let gradient = gradients[index]
            let velocity = velocities[index] * kept + gradient * added
            velocities[index] = velocity
            parameters[index] -= rate * (gradient * gradientShare + velocity * velocityShare)
        }
    }

    /// - Parameters:
    ///   - rate, epsilon: both times the root of the second moment's bias correction, which the root then need not be divided
    ///     by; the rate divided by the first moment's.
    ///   - rest1, rest2: 1 less the factors of the two moments, rounded after the difference.
    static func adam(
        _ parameters: Numbers, _ gradients: Numbers, _ first: Numbers, _ second: Numbers, _ count: Int, rate: Float,
        beta2: Float, rest1: Float, rest2: Float, epsilon: Float
    ) {
        for index in 0..<count {
            let gradient = gradients[index]
            let mean = first[index] + (gradient - first[index]) * rest1
            let square = second[index] * beta2 + gradient * gradient * rest2
            first[index] = mean
            second[index] = square
            parameters[index] -= rate * (mean / (root(square) + epsilon))
        }
    }

    static func rmsprop(
        _ parameters: Numbers, _ gradients: Numbers, _ squares: Numbers, _ count: Int, rate: Float,
        rho: Float, rest: Float, epsilon: Float
    ) {
        for index in 0..<count {
            let gradient = gradients[index]
            let square = squares[index] * rho + gradient * gradient * rest
            squares[index] = square
            parameters[index] -= rate * (gradient / (root(square) + epsilon))
        }
    }

    /// RMSprop that divides by the deviation, subtracts the velocity, or both.
    /// - Parameters:
    ///   - centering: 1 to take the square of the mean off, else 0.
    ///   - momentum: the factor of the velocity.
    static func rmsprop(
        _ parameters: Numbers, _ gradients: Numbers, _ squares: Numbers, means: Numbers, velocities: Numbers,
        _ count: Int, rate: Float, rho: Float, rest: Float, epsilon: Float, centering: Float,
        momentum: Float
    ) {
        for index in 0..<count {
            let gradient = gradients[index]
            let square = squares[index] * rho + gradient * gradient * rest
            let mean = means[index] + (gradient - means[index]) * rest
            squares[index] = square
            means[index] = mean
            let difference = square - mean * mean * centering
            // Rounding can make it negative, whose root PyTorch makes NaN.
            let spread = difference < 0 ? 0 : difference
            let velocity = velocities[index] * momentum + gradient / (root(spread) + epsilon)
            velocities[index] = velocity
            parameters[index] -= rate * velocity
        }
    }

    static func adagrad(
        _ parameters: Numbers, _ gradients: Numbers, _ sums: Numbers, _ count: Int, rate: Float,
        epsilon: Float
    ) {
        for index in 0..<count {
            let gradient = gradients[index]
            let sum = sums[index] + gradient * gradient
            sums[index] = sum
            parameters[index] -= rate * (gradient / (root(sum) + epsilon))
        }
    }

    /// Adds the gradients of `l1 · Σ|w| + l2 · Σw²`.
    static func penalize(_ gradients: Numbers, _ parameters: Numbers, _ count: Int, l1: Float, l2: Float) {
        let twice = 2 * l2
        for index in 0..<count {
            let parameter = parameters[index]
            // The sign, 0 for 0.
            let sign: Float = (parameter > 0 ? 1 : 0) - (parameter < 0 ? 1 : 0)
            gradients[index] += twice * parameter + l1 * sign
        }
    }

    /// The square root within two units in the last place. The standard library's is a call that keeps a loop from becoming
    /// vector code, so: the reciprocal root from the bits (Lomont, "Fast inverse square root", 2003), a step of Newton's with
    /// the constants that fit it best (Moroz et al. 2018), and one of third order.
    @inline(__always)
    private static func root(_ number: Float) -> Float {
        var reciprocal = Float(bitPattern: 0x5f37_6908 &- number.bitPattern &>> 1)
        reciprocal *= 1.501_314_54 - 0.500_438_18 * number * reciprocal * reciprocal
        let root = number * reciprocal
        let square = root * reciprocal
        return root * (1.875 + square * (0.375 * square - 1.25))
    }

    static func scale(_ numbers: Numbers, _ count: Int, by factor: Float) {
        for index in 0..<count { numbers[index] *= factor }
    }

    /// Adds `factor` of the parameters to the gradients.
    static func decay(_ gradients: Numbers, _ parameters: Numbers, _ count: Int, by factor: Float) {
        for index in 0..<count { gradients[index] += factor * parameters[index] }
    }

    static func clip(_ numbers: Numbers, _ count: Int, to bound: Float) {
        for index in 0..<count {
            let number = numbers[index]
            // Written so that NaN stays NaN.
            let low = number < -bound ? -bound : number
            numbers[index] = low > bound ? bound : low
        }
    }

    /// The sum of the squares, added up in binary64 in eight partial sums, always the same ones.
    static func sumOfSquares(_ numbers: UnsafePointer<Float>, _ count: Int) -> Double {
        sum(numbers, count) { $0 * $0 }
    }

    /// The sum of the magnitudes, added up as ``sumOfSquares(_:_:)`` does.
    static func sumOfMagnitudes(_ numbers: UnsafePointer<Float>, _ count: Int) -> Double {
        sum(numbers, count) { $0.replacing(with: -$0, where: $0 .< 0) }
    }

    @inline(__always)
    private static func sum(
        _ numbers: UnsafePointer<Float>, _ count: Int, _ map: (SIMD8<Double>) -> SIMD8<Double>
    ) -> Double {
        var lanes = SIMD8<Double>.zero
        let whole = count & ~7
        let raw = UnsafeRawPointer(numbers)
        for index in stride(from: 0, to: whole, by: 8) {
            lanes += map(SIMD8<Double>(raw.loadUnaligned(fromByteOffset: index * 4, as: SIMD8<Float>.self)))
        }
        var rest = SIMD8<Double>.zero
        for index in whole..<count { rest[index - whole] = Double(numbers[index]) }
        lanes += map(rest)
        return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]))
    }
}
