import JSONDocuments
import TensorEngine
import Testing

@testable import Training

/// Optimizers against PyTorch's, step for step.
@Suite struct OptimizerTests {
    static let kernelCount = 12
    static let biasCount = 5

    /// Twelve numbers of a kernel and five of a bias.
    static func layout() throws -> ParameterLayout {
        let graph = Graph(
            name: "model", inputs: [], outputs: [], nodes: [],
            initializers: [
                "kernel": try LearningFixtures.wave([3, 4]), "bias": try LearningFixtures.wave([5]),
            ])
        return ParameterLayout(
            TrainableModel(graph: graph, parameters: ["kernel", "bias"], regularized: ["kernel"]))
    }

    struct Reference {
        let start: [Float]
        let gradients: [[Float]]
        let cases: [JSONCursor]
        let schedules: [JSONCursor]

        init() throws {
            let document = try LearningFixtures.document("optimizers")
            start = try LearningFixtures.tensor(document.member("start")).elements(as: Float.self)
            gradients = try document.member("gradients").elements().map {
                try LearningFixtures.tensor($0).elements(as: Float.self)
            }
            cases = try document.member("cases").elements()
            schedules = try document.member("schedules").elements()
        }
    }

    static let caseCount = 23

    @Test func allCasesAreTested() throws {
        #expect(try Reference().cases.count == Self.caseCount)
    }

    @Test(arguments: 0..<caseCount) func trajectory(_ index: Int) throws {
        let reference = try Reference()
        let test = reference.cases[index]
        let configuration = try OptimizerConfiguration(test.member("optimizer"))
        var optimizer = Optimizer(configuration, layout: try Self.layout())
        var parameters = reference.start
        let expected = try test.member("parameters").elements()
        #expect(expected.count == reference.gradients.count)
        for (step, gradients) in reference.gradients.enumerated() {
            var gradients = gradients
            optimizer.step(parameters: &parameters, gradients: &gradients)
            let values = try LearningFixtures.tensor(expected[step]).elements(as: Float.self)
            for (found, expected) in zip(parameters, values) {
                #expect(
                    abs(found - expected) <= 2e-6 * max(1, abs(expected)),
                    "\(configuration.name), step \(step): \(found) is not \(expected)")
            }
        }
    }

    @Test(arguments: 0..<4) func schedule(_ index: Int) throws {
        let test = try Reference().schedules[index]
        let schedule = try LearningRateSchedule(test.member("schedule"))
        for (step, rate) in try test.member("rates").elements().enumerated() {
            let found = schedule.rate(base: 0.1, step: step, stepsPerEpoch: 1, stepCount: 9)
            #expect(abs(found - (try rate.number())) < 1e-12, "step \(step)")
        }
    }

    @Test func schedulesCountEpochsOrSteps() throws {
        let step = LearningRateSchedule.step(size: 2, gamma: 0.1, unit: .epoch)
        #expect(
            (0..<8).map { step.rate(base: 1, step: $0, stepsPerEpoch: 2, stepCount: 8) } == [
                1, 1, 1, 1, 0.1, 0.1, 0.1, 0.1,
            ])
        let whole = LearningRateSchedule.cosine(duration: nil, minimum: 0, unit: .step)
        #expect(whole.rate(base: 1, step: 0, stepsPerEpoch: 5, stepCount: 10) == 1)
        #expect(abs(whole.rate(base: 1, step: 5, stepsPerEpoch: 5, stepCount: 10) - 0.5) < 1e-15)
        #expect(whole.rate(base: 1, step: 30, stepsPerEpoch: 5, stepCount: 10) == 0)
        let warm = LearningRateSchedule.warmup(duration: 1, unit: .epoch, then: .exponential(gamma: 0.5, unit: .epoch))
        let rates = (0..<8).map { warm.rate(base: 1, step: $0, stepsPerEpoch: 4, stepCount: 8) }
        #expect(rates == [0.25, 0.5, 0.75, 1, 1, 1, 1, 1])
        #expect(warm.rate(base: 1, step: 8, stepsPerEpoch: 4, stepCount: 8) == 0.5)
    }

    /// A run that is stopped, saved and resumed has the bits of one that is not.
    @Test(arguments: ["adam", "adamw", "sgd", "rmsprop", "adagrad", "gradient_descent"])
    func resumes(_ type: String) throws {
        let reference = try Reference()
        var settings: [String: JSONValue] = ["type": .string(type), "schedule": ["type": "exponential", "gamma": 0.9]]
        if type == "sgd" || type == "rmsprop" { settings["momentum"] = 0.9 }
        let configuration = try OptimizerConfiguration(JSONCursor(.object(settings)))
        let layout = try Self.layout()
        var whole = Optimizer(configuration, layout: layout)
        var expected = reference.start
        for gradients in reference.gradients {
            var gradients = gradients
            whole.step(parameters: &expected, gradients: &gradients)
        }
        var first = Optimizer(configuration, layout: layout)
        var parameters = reference.start
        for gradients in reference.gradients.prefix(3) {
            var gradients = gradients
            first.step(parameters: &parameters, gradients: &gradients)
        }
        var second = Optimizer(configuration, layout: layout)
        try second.importState(first.exportState())
        #expect(second.stepCount == 3)
        for gradients in reference.gradients.dropFirst(3) {
            var gradients = gradients
            second.step(parameters: &parameters, gradients: &gradients)
        }
        #expect(parameters.map(\.bitPattern) == expected.map(\.bitPattern))
        #expect(second.learningRate == whole.learningRate)
    }

    @Test func badStatesAreRefused() throws {
        let configuration = try OptimizerConfiguration(JSONCursor("adam"))
        var optimizer = Optimizer(configuration, layout: try Self.layout())
        var state = optimizer.exportState()
        #expect(
            state.keys.sorted() == ["optimizer/adam/first_moment", "optimizer/adam/second_moment", "optimizer/step"])
        state["optimizer/adam/second_moment"] = Tensor(zeros: .float32, shape: [3])
        func message(_ state: [String: Tensor]) throws -> String {
            try #require(throws: OptimizerStateError.self) { try optimizer.importState(state) }.description
        }
        #expect(
            try message(state)
                == "optimizer state 'optimizer/adam/second_moment': found float32 [3], expected float32 [17]")
        state["optimizer/adam/second_moment"] = nil
        #expect(try message(state).contains("missing; the checkpoint has optimizer/adam/first_moment, optimizer/step"))
        state["optimizer/step"] = try Tensor(shape: [], elements: [-1] as [Int64])
        #expect(try message(state).contains("found -1, expected a number of steps"))
    }

    @Test func penalties() throws {
        let layout = try Self.layout()
        let configuration = OptimizerConfiguration(.gradientDescent, learningRate: 1, l1: 0.5, l2: 0.25)
        var optimizer = Optimizer(configuration, layout: layout)
        var parameters = [Float](repeating: 0, count: 17)
        (parameters[0], parameters[1], parameters[16]) = (2, -3, 100)
        #expect(optimizer.penalty(parameters) == 0.5 * 5 + 0.25 * 13)
        var gradients = [Float](repeating: 0, count: 17)
        optimizer.step(parameters: &parameters, gradients: &gradients)
        #expect(gradients[0...2] == [1.5, -2, 0])
        #expect(parameters[0...2] == [0.5, -1, 0])
        #expect(parameters[16] == 100)
    }

    @Test func clippingReportsTheNorm() throws {
        let layout = try Self.layout()
        let configuration = OptimizerConfiguration(.gradientDescent, learningRate: 1, clipping: .norm(1))
        var optimizer = Optimizer(configuration, layout: layout)
        var parameters = [Float](repeating: 0, count: 17)
        var gradients = [Float](repeating: 0, count: 17)
        (gradients[0], gradients[16]) = (3, -4)
        let step = optimizer.step(parameters: &parameters, gradients: &gradients)
        #expect(step.gradientNorm == 5)
        #expect(abs(gradients[0] - 0.6) < 1e-6 && abs(gradients[16] + 0.8) < 1e-6)
        gradients = [Float](repeating: 0.01, count: 17)
        optimizer.step(parameters: &parameters, gradients: &gradients)
        #expect(gradients == [Float](repeating: 0.01, count: 17))
    }

    @Test func layoutGathersAndStores() throws {
        let spec = try ArchitectureSpec(
            JSONValue(
                json:
                    #"{"input": {"shape": [3]}, "layers": [{"type": "dense", "units": 2}, {"type": "dense", "units": 1}]}"#
            ))
        var model = try spec.build(seed: 2)
        let layout = ParameterLayout(model)
        #expect(layout.segments.map(\.name) == model.parameters)
        #expect(layout.segments.map(\.range) == [0..<6, 6..<8, 8..<10, 10..<11])
        #expect(layout.segments.map(\.isRegularized) == [true, false, true, false])
        var values = layout.values(of: model.graph)
        #expect(try Array(values[0..<6]) == model.graph.initializers["dense/kernel"]?.elements(as: Float.self))
        for index in values.indices { values[index] = Float(index) }
        layout.store(values, in: &model.graph)
        #expect(layout.values(of: model.graph) == values)
        #expect(model.graph.initializers["dense_1/kernel"]?.shape == [2, 1])
        #expect(layout.runs(regularizesAll: true).map(\.range) == [0..<11])
        #expect(layout.runs(regularizesAll: false).map(\.range) == [0..<6, 6..<8, 8..<10, 10..<11])
    }

    @Test(arguments: [
        (#""adm""#, #"optimizer: found "adm", expected one of adagrad, adam, adamw"#),
        (#""adm""#, #"did you mean "adam"?"#),
        (#"{"type": "adam", "beta1": 0.9}"#, #"optimizer: unknown member "beta1"; did you mean "beta_1"?"#),
        (#"{"type": "adam", "beta_1": 1}"#, "optimizer.beta_1: found 1, expected a number from 0 to below 1"),
        (#"{"type": "adam", "learning_rate": 0}"#, "optimizer.learning_rate: found 0, expected a number above 0"),
        (#"{"type": "adam", "momentum": 0.9}"#, #"optimizer: unknown member "momentum""#),
        (#"{"type": "sgd", "nesterov": true}"#, "optimizer.nesterov: found true with momentum 0.0"),
        (#"{"type": "sgd", "clip_norm": 1, "clip_value": 2}"#, "optimizer.clip_value: found 2 beside clip_norm"),
        (#"{"type": "sgd", "decay": "weights"}"#, #"optimizer.decay: found "weights", expected one of kernels, all"#),
        (
            #"{"type": "sgd", "schedule": {"type": "cosin"}}"#,
            #"optimizer.schedule.type: found "cosin", expected a schedule, one of"#
        ),
        (#"{"type": "sgd", "schedule": "step"}"#, #"optimizer.schedule: step has no "step_size""#),
        (
            #"{"type": "sgd", "schedule": {"type": "warmup", "duration": 2, "then": {"type": "warmup", "duration": 1}}}"#,
            #"optimizer.schedule.then.type: found "warmup" inside of a warm-up"#
        ),
        (
            #"{"type": "sgd", "schedule": {"type": "step", "step_size": 0}}"#,
            "optimizer.schedule.step_size: found 0, expected a whole number from 1"
        ),
    ]) func settings(_ json: String, _ expected: String) throws {
        let value = try JSONValue(json: json)
        let error = try #require(throws: JSONError.self) {
            _ = try OptimizerConfiguration(JSONCursor(value, path: "optimizer"))
        }
        #expect(error.description.contains(expected), "\(error)")
    }

    @Test func roundTrips() throws {
        for test in try Reference().cases {
            let configuration = try OptimizerConfiguration(test.member("optimizer"))
            #expect(try OptimizerConfiguration(JSONCursor(configuration.json)) == configuration)
        }
        for json in [
            #""cosine""#, #"{"type": "step", "step_size": 3, "unit": "step"}"#,
            #"{"type": "warmup", "duration": 3, "unit": "step", "then": {"type": "cosine", "duration": 5, "minimum": 0.1}}"#,
            #"{"type": "exponential", "gamma": 0.5}"#,
        ] {
            let schedule = try LearningRateSchedule(JSONCursor(JSONValue(json: json)))
            #expect(try LearningRateSchedule(JSONCursor(schedule.json)) == schedule)
        }
    }

    /// PyTorch's defaults (https://pytorch.org/docs/stable/optim.html).
    @Test func defaults() throws {
        func read(_ name: String) throws -> OptimizerConfiguration {
            try OptimizerConfiguration(JSONCursor(.string(name)))
        }
        #expect(try read("sgd") == .init(.sgd(momentum: 0, dampening: 0, nesterov: false), learningRate: 0.001))
        let adam = OptimizerConfiguration.Method.adam(beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decouplesDecay: false)
        #expect(try read("adam") == .init(adam, learningRate: 0.001))
        let adamw = OptimizerConfiguration.Method.adam(beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decouplesDecay: true)
        #expect(try read("adamw") == .init(adamw, learningRate: 0.001, weightDecay: 0.01))
        let rmsprop = OptimizerConfiguration.Method.rmsprop(rho: 0.99, epsilon: 1e-8, momentum: 0, centered: false)
        #expect(try read("rmsprop") == .init(rmsprop, learningRate: 0.01))
        let adagrad = OptimizerConfiguration.Method.adagrad(rateDecay: 0, initial: 0, epsilon: 1e-10)
        #expect(try read("adagrad") == .init(adagrad, learningRate: 0.01))
        #expect(try read("gradient_descent").usesWholeDataSet)
        #expect(try !read("sgd").usesWholeDataSet)
    }
}
