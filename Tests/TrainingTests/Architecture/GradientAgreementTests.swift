import JSONDocuments
import TensorEngine
import Testing

@testable import Training

/// Every layer and every loss can be trained: the gradients agree with differences of the loss.
@Suite struct GradientAgreementTests {
    /// A model's training graph, to be evaluated at any parameters.
    struct Objective {
        let model: TrainableModel
        let layout: ParameterLayout
        let differentiated: DifferentiatedGraph
        let compiled: CompiledGraph
        let inputs: [String: Tensor]

        init(_ model: TrainableModel, _ loss: LossGraph, _ inputs: [String: Tensor]) throws {
            self.model = model
            layout = ParameterLayout(model)
            differentiated = try Differentiation.differentiate(
                loss.graph, loss: loss.loss, parameters: model.parameters)
            compiled = try CompiledGraph(differentiated.graph)
            var inputs = inputs
            for state in differentiated.states { inputs[state.input] = model.graph.initializers[state.initializer] }
            if let seed = differentiated.seedInput {
                inputs[seed] = Tensor(.int64, shape: []) { $0.storeBytes(of: 11, as: Int64.self) }
            }
            self.inputs = inputs
        }

        func evaluate(_ parameters: [Float]) throws -> (loss: Float, gradients: [Float]) {
            var inputs = inputs
            for (segment, tensor) in zip(layout.segments, layout.tensors(of: parameters)) {
                inputs[segment.name] = tensor
            }
            let tensors = try differentiated.graph.inputs.map { try #require(inputs[$0.name], "no input '\($0.name)'") }
            let outputs = try compiled.run(tensors, on: ExecutionContext())
            let named = Dictionary(uniqueKeysWithValues: zip(differentiated.graph.outputs.map(\.name), outputs))
            var gradients: [Float] = []
            for name in differentiated.gradients {
                gradients += try #require(named[name]).elements(as: Float.self)
            }
            return (try #require(try outputs.first?.elements(as: Float.self).first), gradients)
        }

        /// Compares the gradients along a few directions with central differences.
        func check() throws {
            let start = layout.values(of: model.graph)
            let gradients = try evaluate(start).gradients
            #expect(gradients.count == start.count)
            let finite = gradients.allSatisfy(\.isFinite)
            #expect(finite)
            for segment in layout.segments {
                var random = RandomSource(seed: 3, stream: segment.name)
                let direction = segment.range.map { _ in Float(random.uniform() < 0.5 ? -1 : 1) }
                let step: Float = 2e-3
                var (ahead, behind) = (start, start)
                for (index, sign) in zip(segment.range, direction) {
                    ahead[index] += step * sign
                    behind[index] -= step * sign
                }
                let difference = (try evaluate(ahead).loss - evaluate(behind).loss) / (2 * step)
                let slope = zip(segment.range, direction).reduce(Float(0)) { $0 + gradients[$1.0] * $1.1 }
                #expect(
                    abs(difference - slope) <= 2e-2 * max(0.5, abs(slope)),
                    "\(segment.name): the gradient is \(slope), the difference \(difference)")
            }
        }
    }

    @Test(arguments: ArchitectureShapeTests.cases.filter { $0.parameters > 0 })
    func layer(_ test: ArchitectureShapeTests.Case) throws {
        let shape = test.input.map(String.init).joined(separator: ", ")
        let spec = try ArchitectureSpec(
            JSONValue(json: "{\"input\": {\"shape\": [\(shape)]}, \"layers\": [\(test.layers)]}"))
        let model = try spec.build(seed: 1)
        let loss = try LossConfiguration(.meanSquaredError).attached(to: model.graph)
        var rows = try LearningFixtures.wave([3] + test.input)
        if test.layers.contains(#""embedding""#) {
            rows = try Tensor(shape: rows.shape, elements: rows.elements(as: Float.self).map { abs($0) * 8 })
        }
        let labels = try Tensor(
            shape: Shape([3] + test.output),
            elements: (0..<3 * test.output.reduce(1, *)).map { Float($0 % 7) / 7 })
        try Objective(model, loss, ["input": rows, loss.labels.name: labels]).check()
    }

    /// Layers without weights of their own, behind one that has some.
    @Test(arguments: ArchitectureShapeTests.cases.filter { $0.parameters == 0 })
    func passThrough(_ test: ArchitectureShapeTests.Case) throws {
        let shape = test.input.map(String.init).joined(separator: ", ")
        let units = test.input.last ?? 1
        let spec = try ArchitectureSpec(
            JSONValue(
                json: """
                    {"input": {"shape": [\(shape)]}, "layers": [{"type": "dense", "units": \(units)}, \(test.layers)]}
                    """))
        let model = try spec.build(seed: 1)
        let loss = try LossConfiguration(.meanSquaredError).attached(to: model.graph)
        let labels = try Tensor(
            shape: Shape([3] + test.output),
            elements: (0..<3 * test.output.reduce(1, *)).map { Float($0 % 7) / 7 })
        try Objective(
            model, loss, ["input": try LearningFixtures.wave([3] + test.input), loss.labels.name: labels]
        ).check()
    }

    @Test(arguments: LossTests.cases) func loss(_ test: LossTests.Case) throws {
        let fixture = try LearningFixtures.document("losses")
        let shape = try LearningFixtures.tensor(fixture.member(test.predictions)).shape.dimensions
        var labels = try LearningFixtures.tensor(fixture.member(test.labels))
        let extents = shape.dropFirst().dropLast().map { "\($0), " }.joined()
        let end = ["Identity": "linear", "Softmax": "softmax", "Sigmoid": "sigmoid"][test.activation] ?? "linear"
        let spec = try ArchitectureSpec(
            JSONValue(
                json: """
                    {"input": {"shape": [\(extents)3]},
                     "layers": [{"type": "dense", "units": \(shape.last ?? 1), "activation": "\(end)"}]}
                    """))
        let model = try spec.build(seed: 4)
        let configuration = try LossConfiguration(JSONCursor(JSONValue(json: test.loss)))
        let loss = try configuration.attached(to: model.graph, hasSampleWeights: test.hasSampleWeights)
        if loss.labels.elementType == .int64 { labels = try LearningFixtures.integers(labels) }
        var inputs = ["input": try LearningFixtures.wave(shape.dropLast() + [3]), loss.labels.name: labels]
        if let weights = loss.sampleWeights {
            inputs[weights] = try LearningFixtures.tensor(fixture.member("sample_weights"))
        }
        try Objective(model, loss, inputs).check()
    }

    /// A small network learns the exclusive or, with every optimizer.
    @Test(arguments: [
        #"{"type": "gradient_descent", "learning_rate": 0.5}"#,
        #"{"type": "sgd", "learning_rate": 0.2, "momentum": 0.9, "nesterov": true}"#,
        #"{"type": "adam", "learning_rate": 0.05}"#,
        #"{"type": "adamw", "learning_rate": 0.05, "weight_decay": 0.001}"#,
        #"{"type": "rmsprop", "learning_rate": 0.02, "momentum": 0.5}"#, #"{"type": "adagrad", "learning_rate": 0.3}"#,
    ]) func learns(_ json: String) throws {
        let spec = try ArchitectureSpec(
            JSONValue(
                json: #"""
                    {"input": {"shape": [2]}, "layers": [{"type": "dense", "units": 8, "activation": "tanh"},
                     {"type": "dense", "units": 1, "activation": "sigmoid"}]}
                    """#))
        var model = try spec.build(seed: 6)
        let loss = try LossConfiguration(.binaryCrossEntropy).attached(to: model.graph)
        let rows = try Tensor(shape: [4, 2], elements: [0, 0, 0, 1, 1, 0, 1, 1] as [Float])
        let labels = try Tensor(shape: [4, 1], elements: [0, 1, 1, 0] as [Float])
        let objective = try Objective(model, loss, ["input": rows, loss.labels.name: labels])
        let configuration = try OptimizerConfiguration(JSONCursor(JSONValue(json: json)))
        var optimizer = Optimizer(configuration, layout: objective.layout, plannedStepCount: 500)
        var parameters = objective.layout.values(of: model.graph)
        for _ in 0..<500 {
            var gradients = try objective.evaluate(parameters).gradients
            optimizer.step(parameters: &parameters, gradients: &gradients)
        }
        objective.layout.store(parameters, in: &model.graph)
        let outputs = try LearningFixtures.run(model.graph, ["input": rows])
        let answers = try #require(try outputs["output"]?.elements(as: Float.self))
        #expect(answers.map { $0 > 0.5 } == [false, true, true, false], "\(answers)")
    }
}
