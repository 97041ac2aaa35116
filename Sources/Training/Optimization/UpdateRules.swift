/// The loops of the optimizers over flat lists. Plain arithmetic on pointers without a branch, so that the compiler makes
/// vector code of it; the order of operations is PyTorch's.
enum UpdateRules {
    typealias Numbers = UnsafeMutablePointer<Float>

    static func descend(_ parameters: Numbers, _ gradients: Numbers, _ count: Int, rate: Float, decay: Float) {
        for index in 0..<count {
            let gradient = gradients[index] + decay * parameters[index]
            parameters[index] -= rate * gradient
        }
    }

    /// - Parameters:
    ///   - kept: the factor of the velocity; 0 at the first step, when it begins as the gradient.
    ///   - added: the factor of the gradient.
    ///   - velocityShare, gradientShare: what the step is made of: 1 and 0, or with Nesterov's look-ahead the momentum and 1.
    static func momentum(
        _ parameters: Numbers, _ gradients: Numbers, _ velocities: Numbers, _ count: Int, rate: Float, decay: Float,
        kept: Float, added: Float, velocityShare: Float, gradientShare: Float
    ) {
        for index in 0..<count {
            let gradient = gradients[index] + decay * parameters[index]
            let velocity = velocities[index] * kept + gradient * added
            velocities[index] = velocity
            parameters[index] -= rate * (gradient * gradientShare + velocity * velocityShare)
        }
    }

    /// - Parameters:
    ///   - shrinkage: what the parameters are multiplied by first (AdamW).
    ///   - decay: what of the parameters is added to the gradients (Adam).
    ///   - rate: divided by the first moment's bias correction.
    ///   - rest1, rest2: 1 less the factors of the two moments, rounded after the difference.
    ///   - scale: 1 by the square root of the second moment's bias correction.
    static func adam(
        _ parameters: Numbers, _ gradients: Numbers, _ first: Numbers, _ second: Numbers, _ count: Int, rate: Float,
        decay: Float, shrinkage: Float, beta2: Float, rest1: Float, rest2: Float, scale: Float, epsilon: Float
    ) {
        for index in 0..<count {
            let parameter = parameters[index] * shrinkage
            let gradient = gradients[index] + decay * parameter
            let mean = first[index] + (gradient - first[index]) * rest1
            let square = second[index] * beta2 + gradient * gradient * rest2
            first[index] = mean
            second[index] = square
            parameters[index] = parameter - rate * (mean / (square.squareRoot() * scale + epsilon))
        }
    }

    static func rmsprop(
        _ parameters: Numbers, _ gradients: Numbers, _ squares: Numbers, _ count: Int, rate: Float, decay: Float,
        rho: Float, rest: Float, epsilon: Float
    ) {
        for index in 0..<count {
            let gradient = gradients[index] + decay * parameters[index]
            let square = squares[index] * rho + gradient * gradient * rest
            squares[index] = square
            parameters[index] -= rate * (gradient / (square.squareRoot() + epsilon))
        }
    }

    /// RMSprop that divides by the deviation, subtracts the velocity, or both.
    /// - Parameters:
    ///   - centering: 1 to take the square of the mean off, else 0.
    ///   - momentum: the factor of the velocity.
    static func rmsprop(
        _ parameters: Numbers, _ gradients: Numbers, _ squares: Numbers, means: Numbers, velocities: Numbers,
        _ count: Int, rate: Float, decay: Float, rho: Float, rest: Float, epsilon: Float, centering: Float,
        momentum: Float
    ) {
        for index in 0..<count {
            let gradient = gradients[index] + decay * parameters[index]
            let square = squares[index] * rho + gradient * gradient * rest
            let mean = means[index] + (gradient - means[index]) * rest
            squares[index] = square
            means[index] = mean
            let spread = square - mean * mean * centering
            let velocity = velocities[index] * momentum + gradient / (spread.squareRoot() + epsilon)
            velocities[index] = velocity
            parameters[index] -= rate * velocity
        }
    }

    static func adagrad(
        _ parameters: Numbers, _ gradients: Numbers, _ sums: Numbers, _ count: Int, rate: Float, decay: Float,
        epsilon: Float
    ) {
        for index in 0..<count {
            let gradient = gradients[index] + decay * parameters[index]
            let sum = sums[index] + gradient * gradient
            sums[index] = sum
            parameters[index] -= rate * (gradient / (sum.squareRoot() + epsilon))
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

    static func scale(_ numbers: Numbers, _ count: Int, by factor: Float) {
        for index in 0..<count { numbers[index] *= factor }
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
        var lanes = SIMD8<Double>.zero
        let whole = count & ~7
        let raw = UnsafeRawPointer(numbers)
        for index in stride(from: 0, to: whole, by: 8) {
            let block = SIMD8<Double>(raw.loadUnaligned(fromByteOffset: index * 4, as: SIMD8<Float>.self))
            lanes += block * block
        }
        for index in whole..<count {
            let number = Double(numbers[index])
            lanes[index - whole] += number * number
        }
        return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]))
    }

    /// The sum of the magnitudes, added up in binary64 one after the other.
    static func sumOfMagnitudes(_ numbers: UnsafePointer<Float>, _ count: Int) -> Double {
        var sum = 0.0
        for index in 0..<count { sum += Double(abs(numbers[index])) }
        return sum
    }
}
