import Glibc

/// Changes the parameters of a model step by step, by their gradients.
///
///     var optimizer = Optimizer(configuration, layout: ParameterLayout(model), stepsPerEpoch: 100, plannedStepCount: 1_000)
///     optimizer.step(parameters: &values, gradients: &gradients)
///
/// A value: a copy is a snapshot. All sums are in a fixed order, so the same gradients give the same bits.
public struct Optimizer: Sendable {
    /// What a step did.
    public struct Step: Sendable, Hashable {
        public var learningRate: Double
        /// Of all gradients before they were clipped; nil unless they are clipped by it.
        public var gradientNorm: Double?
    }

    public let configuration: OptimizerConfiguration
    public let layout: ParameterLayout
    public let stepsPerEpoch: Int
    /// Of the whole run, for schedules.
    public let plannedStepCount: Int
    /// Steps made so far.
    public internal(set) var stepCount = 0
    /// One list after the other, in the order of ``OptimizerConfiguration/stateNames``.
    var state: [Float]
    private let runs: [(range: Range<Int>, isRegularized: Bool)]
    private let penalized: [Range<Int>]

    public init(
        _ configuration: OptimizerConfiguration, layout: ParameterLayout, stepsPerEpoch: Int = 1,
        plannedStepCount: Int = 1
    ) {
        self.configuration = configuration
        self.layout = layout
        self.stepsPerEpoch = max(stepsPerEpoch, 1)
        self.plannedStepCount = max(plannedStepCount, 1)
        runs = layout.runs(regularizesAll: configuration.decaysAll || configuration.weightDecay == 0)
        penalized = layout.runs(regularizesAll: false).filter(\.isRegularized).map(\.range)
        var first: Float = 0
        if case .adagrad(_, let initial, _) = configuration.method { first = Float(initial) }
        state = [Float](repeating: first, count: configuration.stateNames.count * layout.count)
    }

    /// The rate of the next step.
    public var learningRate: Double {
        configuration.schedule.rate(
            base: configuration.learningRate, step: stepCount, stepsPerEpoch: stepsPerEpoch,
            stepCount: plannedStepCount)
    }

    /// What the penalties add to the loss.
    public func penalty(_ parameters: [Float]) -> Double {
        guard configuration.l1 > 0 || configuration.l2 > 0 else { return 0 }
        precondition(parameters.count == layout.count, "found \(parameters.count) parameters, expected \(layout.count)")
        return parameters.withUnsafeBufferPointer { parameters in
            guard let start = parameters.baseAddress else { return 0 }
            return penalized.reduce(0) { sum, range in
                let run = start + range.lowerBound
                let absolute =
                    configuration.l1 > 0 ? configuration.l1 * UpdateRules.sumOfMagnitudes(run, range.count) : 0
                let square = configuration.l2 > 0 ? configuration.l2 * UpdateRules.sumOfSquares(run, range.count) : 0
                return sum + absolute + square
            }
        }
    }

    /// Makes one step.
    /// - Parameters:
    ///   - gradients: of the loss without penalties. Penalties and decay are added to them and they are clipped in place.
    /// - Precondition: both lists have the layout's count.
    @discardableResult
    public mutating func step(parameters: inout [Float], gradients: inout [Float]) -> Step {
        parameters.withUnsafeMutableBufferPointer { parameters in
            gradients.withUnsafeMutableBufferPointer { step(parameters: parameters, gradients: $0) }
        }
    }

    /// Makes one step on lists that lie somewhere else.
    @discardableResult
    public mutating func step(
        parameters: UnsafeMutableBufferPointer<Float>, gradients: UnsafeMutableBufferPointer<Float>
    ) -> Step {
        precondition(
            parameters.count == layout.count && gradients.count == layout.count,
            "found \(parameters.count) parameters and \(gradients.count) gradients, expected \(layout.count)")
        var result = Step(learningRate: learningRate)
        stepCount += 1
        guard let parameters = parameters.baseAddress, let gradients = gradients.baseAddress, layout.count > 0 else {
            return result
        }
        if configuration.l1 > 0 || configuration.l2 > 0 {
            for range in penalized {
                UpdateRules.penalize(
                    gradients + range.lowerBound, parameters + range.lowerBound, range.count,
                    l1: Float(configuration.l1), l2: Float(configuration.l2))
            }
        }
        switch configuration.clipping {
        case .norm(let largest):
            let norm = UpdateRules.sumOfSquares(gradients, layout.count).squareRoot()
            result.gradientNorm = norm
            let factor = largest / (norm + 1e-6)
            if !(factor >= 1) { UpdateRules.scale(gradients, layout.count, by: Float(factor)) }
        case .value(let bound): UpdateRules.clip(gradients, layout.count, to: Float(bound))
        case nil: break
        }
        let (runs, configuration, stepCount) = (runs, configuration, stepCount)
        state.withUnsafeMutableBufferPointer { state in
            for (range, isRegularized) in runs {
                // Of a method without a state the pointer is not used.
                let state = (state.baseAddress ?? gradients) + range.lowerBound
                Self.update(
                    configuration.method, parameters + range.lowerBound, gradients + range.lowerBound, state,
                    stride: layout.count, range.count, step: stepCount, rate: result.learningRate,
                    decay: isRegularized ? configuration.weightDecay : 0)
            }
        }
        return result
    }

    /// - Parameters:
    ///   - state: the first of the lists; the others follow at distances of `stride`.
    ///   - step: from 1.
    private static func update(
        _ method: OptimizerConfiguration.Method, _ parameters: UnsafeMutablePointer<Float>,
        _ gradients: UnsafeMutablePointer<Float>, _ state: UnsafeMutablePointer<Float>, stride: Int, _ count: Int,
        step: Int, rate: Double, decay: Double
    ) {
        var decouplesDecay = false
        if case .adam(_, _, _, true) = method { decouplesDecay = true }
        if decay > 0, decouplesDecay {
            UpdateRules.scale(parameters, count, by: Float(1 - rate * decay))
        } else if decay > 0 {
            UpdateRules.decay(gradients, parameters, count, by: Float(decay))
        }
        switch method {
        case .gradientDescent, .sgd(0, _, _):
            UpdateRules.descend(parameters, gradients, count, rate: Float(rate))
        case .sgd(let momentum, let dampening, let nesterov):
            UpdateRules.momentum(
                parameters, gradients, state, count, rate: Float(rate), kept: step == 1 ? 0 : Float(momentum),
                added: step == 1 ? 1 : Float(1 - dampening), velocityShare: nesterov ? Float(momentum) : 1,
                gradientShare: nesterov ? 1 : 0)
        case .adam(let beta1, let beta2, let epsilon, _):
            let correction1 = 1 - pow(beta1, Double(step))
            let correction2 = (1 - pow(beta2, Double(step))).squareRoot()
            UpdateRules.adam(
                parameters, gradients, state, state + stride, count, rate: Float(rate * correction2 / correction1),
                beta2: Float(beta2), rest1: Float(1 - beta1), rest2: Float(1 - beta2),
                epsilon: Float(epsilon * correction2))
        case .rmsprop(let rho, let epsilon, 0, false):
            UpdateRules.rmsprop(
                parameters, gradients, state, count, rate: Float(rate), rho: Float(rho), rest: Float(1 - rho),
                epsilon: Float(epsilon))
        case .rmsprop(let rho, let epsilon, let momentum, let centered):
            UpdateRules.rmsprop(
                parameters, gradients, state, means: state + stride, velocities: state + 2 * stride, count,
                rate: Float(rate), rho: Float(rho), rest: Float(1 - rho), epsilon: Float(epsilon),
                centering: centered ? 1 : 0, momentum: Float(momentum))
        case .adagrad(let rateDecay, _, let epsilon):
            UpdateRules.adagrad(
                parameters, gradients, state, count, rate: Float(rate / (1 + Double(step - 1) * rateDecay)),
                epsilon: Float(epsilon))
        }
    }
}
