/// Minimises a smooth function by limited-memory BFGS (Nocedal and Wright, "Numerical Optimization", 7.5) with a line search
/// for the strong Wolfe conditions (3.5 and 3.6).
struct LBFGS {
    /// No derivative is greater at the end.
    let tolerance: Double
    let maximumIterationCount: Int
    private let memory = 10

    init(tolerance: Double, maximumIterationCount: Int) {
        (self.tolerance, self.maximumIterationCount) = (tolerance, maximumIterationCount)
    }

    struct Result {
        var parameters: [Double]
        var iterationCount: Int
        var largestDerivative: Double
        var hasConverged: Bool
    }

    /// The function: its value at the parameters, its derivatives into the second argument.
    typealias Function = ([Double], inout [Double]) -> Double

    func minimize(
        from start: [Double], _ function: Function, _ shouldContinue: () throws -> Void
    ) throws -> Result {
        var x = start
        var gradient = start
        var value = function(x, &gradient)
        var pairs: [(step: [Double], change: [Double], scale: Double)] = []
        var iteration = 0
        while largest(gradient) > tolerance, iteration < maximumIterationCount {
            try shouldContinue()
            var direction = descent(gradient, pairs)
            var slope = product(direction, gradient)
            if !(slope < 0) {
                // Rounding has spoilt the memory: start over with the steepest descent.
                pairs = []
                direction = gradient.map { -$0 }
                slope = product(direction, gradient)
            }
            let first = pairs.isEmpty ? min(1, 1 / gradient.reduce(0) { $0 + abs($1) }) : 1
            let point = Point(step: 0, value: value, slope: slope, x: x, gradient: gradient)
            guard let next = try search(from: point, direction, first, function, shouldContinue) else {
                if pairs.isEmpty { break }
                pairs = []
                continue
            }
            let step = zip(next.x, x).map { $0 - $1 }
            let change = zip(next.gradient, gradient).map { $0 - $1 }
            let curvature = product(step, change)
            if curvature > Double.ulpOfOne * product(change, change) {
                pairs.append((step, change, 1 / curvature))
                if pairs.count > memory { pairs.removeFirst() }
            }
            (x, gradient, value) = (next.x, next.gradient, next.value)
            iteration += 1
        }
        let derivative = largest(gradient)
        return Result(
            parameters: x, iterationCount: iteration, largestDerivative: derivative,
            hasConverged: derivative <= tolerance)
    }

    /// A point on the line that is searched.
    private struct Point {
        var step: Double
        var value: Double
        /// The derivative along the line.
        var slope: Double
        var x: [Double]
        var gradient: [Double]
    }

    /// - Returns: nil when no step lowers the function: at the end of its precision.
    private func search(
        from start: Point, _ direction: [Double], _ first: Double, _ function: Function,
        _ shouldContinue: () throws -> Void
    ) throws -> Point? {
        let (decrease, flatness) = (1e-4, 0.9)
        func point(_ step: Double) -> Point {
            let x = zip(start.x, direction).map { $0 + step * $1 }
            var gradient = x
            let value = function(x, &gradient)
            return Point(step: step, value: value, slope: product(gradient, direction), x: x, gradient: gradient)
        }
        func isTooHigh(_ point: Point) -> Bool {
            !(point.value <= start.value + decrease * point.step * start.slope)
        }
        func isFlat(_ point: Point) -> Bool { abs(point.slope) <= -flatness * start.slope }
        // Near the minimum values differ by rounding alone: then the slope decides (Hager and Zhang, 2005).
        func isGood(_ point: Point) -> Bool {
            isFlat(point) && (!isTooHigh(point) || abs(point.value - start.value) <= 1e-13 * abs(start.value))
        }
        var (low, high) = (start, start)
        var step = first
        // Steps grow until they enclose a good one.
        for trial in 0... {
            try shouldContinue()
            let next = point(step)
            if isGood(next) { return next }
            if isTooHigh(next) || (trial > 0 && next.value >= low.value) {
                high = next
                break
            }
            if next.slope >= 0 {
                (low, high) = (next, low)
                break
            }
            low = next
            guard trial < 30 else { return next }
            step *= 2
        }
        // Then the interval shrinks.
        for _ in 0..<40 {
            try shouldContinue()
            let next = point(between(low, high))
            if isGood(next) { return next }
            if isTooHigh(next) || next.value >= low.value {
                high = next
            } else {
                if next.slope * (high.step - low.step) >= 0 { high = low }
                low = next
            }
            if abs(high.step - low.step) <= 1e-14 * abs(low.step) { break }
        }
        return low.step > 0 && low.value < start.value ? low : nil
    }

    /// The minimum of the cubic through both points' values and slopes, or the middle where it is too near an end.
    private func between(_ a: Point, _ b: Point) -> Double {
        let middle = a.step + (b.step - a.step) / 2
        let d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.step - b.step)
        let square = d1 * d1 - a.slope * b.slope
        guard square >= 0 else { return middle }
        let d2 = b.step > a.step ? square.squareRoot() : -square.squareRoot()
        let found = b.step - (b.step - a.step) * (b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2)
        let margin = 0.1 * abs(b.step - a.step)
        let (least, most) = (min(a.step, b.step) + margin, max(a.step, b.step) - margin)
        return found >= least && found <= most ? found : middle
    }

    /// The two-loop recursion.
    private func descent(
        _ gradient: [Double], _ pairs: [(step: [Double], change: [Double], scale: Double)]
    ) -> [Double] {
        var q = gradient
        var factors: [Double] = []
        for pair in pairs.reversed() {
            let factor = pair.scale * product(pair.step, q)
            factors.append(factor)
            for index in q.indices { q[index] -= factor * pair.change[index] }
        }
        if let last = pairs.last {
            let size = 1 / (last.scale * product(last.change, last.change))
            for index in q.indices { q[index] *= size }
        }
        for (pair, factor) in zip(pairs, factors.reversed()) {
            let correction = factor - pair.scale * product(pair.change, q)
            for index in q.indices { q[index] += correction * pair.step[index] }
        }
        return q.map { -$0 }
    }

    private func largest(_ values: [Double]) -> Double { values.reduce(0) { max($0, abs($1)) } }

    private func product(_ a: [Double], _ b: [Double]) -> Double {
        a.withUnsafeBufferPointer { a in
            b.withUnsafeBufferPointer { b in
                guard let x = a.baseAddress, let y = b.baseAddress else { return 0 }
                return dot(x, y, a.count)
            }
        }
    }
}
