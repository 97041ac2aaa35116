import ModelFormats
import TensorEngine
import TestSupport
import Testing
import Training

/// Ten steps from the same weights on the same batches, beside PyTorch's (`Tests/Training/make_step_fixtures.py`).
@Suite struct PyTorchStepTests {
    static let networks = ["mlp", "cnn", "lstm", "transformer"]
    static let optimizers: [(name: String, method: OptimizerConfiguration.Method, rate: Double)] = [
        ("sgd", .sgd(momentum: 0, dampening: 0, nesterov: false), 0.05),
        ("momentum", .sgd(momentum: 0.9, dampening: 0, nesterov: false), 0.02),
        ("adam", .adam(beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decouplesDecay: false), 0.005),
    ]

    @Test(arguments: networks, optimizers.indices) func tenStepsAgree(_ network: String, _ index: Int) throws {
        let folder = "\(Fixtures.root)/Tests/Fixtures/training/steps"
        let (name, method, rate) = Self.optimizers[index]
        let arrays = Dictionary(
            uniqueKeysWithValues: try NumPyArchive.read("\(folder)/\(network).npz").map { ($0.name, $0.tensor) })
        let graph = try ModelFile.open("\(folder)/\(network).onnx").graph
        let model = try TrainableModel(importing: graph)
        let loss = try LossConfiguration(.softmaxCrossEntropy).attached(to: model.graph)
        let step = try TrainingStep(loss, model: model)
        var optimizer = Optimizer(
            OptimizerConfiguration(method, learningRate: rate), layout: step.layout, stepsPerEpoch: 10,
            plannedStepCount: 10)
        let (x, y) = (try #require(arrays["x"]), try #require(arrays["y"]))
        let (steps, rows) = (x.shape[0], x.shape[1])
        let expected = try #require(arrays["\(name)/losses"]).withElements(Float.self) { Array($0) }
        for number in 0..<steps {
            let found: Float = try x.withBytes { x in
                try y.withBytes { y in
                    let (width, labels) = (x.count / steps, y.count / steps)
                    return try step.run(
                        batch: [
                            UnsafeRawBufferPointer(rebasing: x[number * width..<(number + 1) * width]),
                            UnsafeRawBufferPointer(rebasing: y[number * labels..<(number + 1) * labels]),
                        ], rows: rows, seed: 0)
                }
            }
            #expect(abs(found - expected[number]) <= 1e-5 * max(1, abs(expected[number])), "step \(number)")
            step.apply(&optimizer)
        }
        // Something was learnt, or equality would say little.
        #expect(abs(expected[0] - expected[steps - 1]) > 1e-3)
        let values = step.parameterValues
        for segment in step.layout.segments {
            let reference = try #require(arrays["\(name)/\(segment.name)"], "\(segment.name)")
            let weights = reference.withElements(Float.self) { Array($0) }
            let worst = zip(values[segment.range], weights).map { abs($0 - $1) / max(1, abs($1)) }.max() ?? 0
            #expect(weights.count == segment.range.count && worst <= 1e-5, "\(segment.name): \(worst)")
        }
        #expect(step.layout.segments.count == arrays.keys.count { $0.hasPrefix("\(name)/") } - 1)
    }
}
