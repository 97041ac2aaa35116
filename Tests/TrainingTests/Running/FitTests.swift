import Glibc
import JSONDocuments
import TensorEngine
import TestSupport
import Testing
import Training

/// Whole fits of small networks and early models to points around three centres.
@Suite struct FitTests {
    private struct Stop: Error {}

    private static let network: JSONValue = [
        "input": ["shape": [2]],
        "layers": [
            ["type": "dense", "units": 16, "activation": "relu"], ["type": "dropout", "rate": 0.1],
            ["type": "batch_normalization"], ["type": "dense", "units": 3, "activation": "softmax"],
        ],
    ]

    private static func request(_ changes: [String: JSONValue] = [:]) throws -> TrainingRequest {
        var members: [String: JSONValue] = [
            "model": "points", "architecture": network, "loss": "softmax_cross_entropy",
            "optimizer": ["type": "adam", "learning_rate": 0.01], "epochs": 12, "batch_size": 16, "seed": 3,
            "preprocessing": ["steps": [["type": "standardize"]]], "checkpoint_steps": 7, "dataset": dataset(),
        ]
        for (name, value) in changes { members[name] = value == .null ? nil : value }
        return try TrainingRequest(.object(members))
    }

    private static func dataset(
        classes: Int = 3, rows: Int = 150, of kind: ((Int) -> Int)? = nil
    ) -> JSONValue {
        var random = RandomSource(seed: 5, stream: "points")
        let centres = [(0.0, 0.0), (30.0, 5.0), (15.0, 40.0)]
        return [
            "schema": [
                "features": [["name": "x", "kind": "number"], ["name": "y", "kind": "number"]],
                "label": ["name": "kind", "kind": "class", "classes": ["a", "b", "c"]],
            ],
            "rows": .array(
                (0..<rows).map { row in
                    let kind = kind?(row) ?? row % classes
                    let (x, y) = centres[kind]
                    return [
                        "x": .real(x + 5 * random.normal()), "y": .real(y + 5 * random.normal()),
                        "kind": .string(["a", "b", "c"][kind]),
                    ]
                }),
        ]
    }

    private static func fit(
        _ request: TrainingRequest, fold: Int = 0, checkpoint: String? = nil, stopAfter: Int? = nil
    ) throws -> FitOutcome {
        let dataset = try request.dataset.load().dataset
        let plan = try SplitPlan(request.evaluation, dataset, seed: request.seed)
        var asked = 0
        return try Fit(request, dataset: dataset, split: plan.split(fold), checkpointPath: checkpoint).run(
            shouldContinue: {
                asked += 1
                if asked == stopAfter { throw Stop() }
            })
    }

    private static func weights(_ outcome: FitOutcome) -> [String: [UInt32]] {
        outcome.graph.initializers.filter { $0.value.elementType == .float32 }.mapValues { tensor in
            tensor.withElements(Float.self) { $0.map(\.bitPattern) }
        }
    }

    /// With the schedule of all epochs: the same steps as those that a longer run begins with.
    @Test func aFitStopsAfterItsEpochs() throws {
        let optimizer: JSONValue = ["type": "adam", "learning_rate": 0.01, "schedule": ["type": "cosine"]]
        let whole = try Self.fit(Self.request(["optimizer": optimizer]))
        let part = try Self.fit(Self.request(["optimizer": optimizer, "early_stopping": ["after": 3]]))
        #expect(whole.history.count == 12 && whole.report?.epochs == 12)
        #expect(part.history == Array(whole.history.prefix(3)) && part.report?.epochs == 3)
        #expect(throws: JSONError.self) { try Self.request(["early_stopping": ["after": 3, "patience": 1]]) }
    }

    /// 100 rows of a, 40 of b, 10 of c: rows / (3 · rows of the class).
    @Test func balancedClassesWeighAlike() throws {
        let rows = Self.dataset { $0 < 100 ? 0 : $0 < 140 ? 1 : 2 }
        func weights(_ classWeights: JSONValue?) throws -> [String: [UInt32]] {
            let loss: [String: JSONValue] = ["type": "softmax_cross_entropy"]
            let weighted = loss.merging(classWeights.map { ["class_weights": $0] } ?? [:]) { $1 }
            let request = try Self.request([
                "dataset": rows, "loss": .object(weighted), "evaluation": ["method": "none"], "epochs": 2,
            ])
            return Self.weights(try Self.fit(request))
        }
        let balanced = try weights("balanced")
        #expect(try balanced == weights([0.5, 1.25, 5]))
        #expect(try balanced != weights(nil))
    }

    @Test func networkLearnsAndServesRawFeatures() throws {
        let request = try Self.request()
        let outcome = try Self.fit(request)
        #expect(try #require(outcome.report?.values[.accuracy]) >= 0.95)
        #expect(outcome.history.count == 12)
        let losses = outcome.history.map(\.loss)
        #expect(losses[11] < losses[0] / 2)
        #expect(outcome.history.last?.validation[.accuracy] == outcome.report?.values[.accuracy])
        #expect(outcome.classNames == ["a", "b", "c"])
        // The served model takes raw numbers, standardises them itself and knows no dropout.
        let compiled = try CompiledGraph(outcome.graph)
        let x = try Tensor(shape: [3, 2], elements: [0, 0, 30, 5, 15, 40] as [Float])
        let first = try compiled.run([x], on: ExecutionContext())[0].withElements(Float.self) { Array($0) }
        #expect(first[0] > 0.5 && first[4] > 0.5 && first[8] > 0.5)
        #expect(try compiled.run([x], on: ExecutionContext())[0].withElements(Float.self) { Array($0) } == first)
    }

    @Test func fitsAreReproducible() throws {
        let request = try Self.request()
        let weights = try Self.weights(Self.fit(request))
        #expect(try Self.weights(Self.fit(request)) == weights)
        #expect(try Self.weights(Self.fit(Self.request(["seed": 4]))) != weights)
    }

    /// Wherever a fit stops, it goes on from its checkpoint to the same bits.
    @Test(arguments: [1, 5, 8, 20, 61, 90]) func stoppedFitsGoOn(_ calls: Int) throws {
        let request = try Self.request(["early_stopping": ["monitor": "validation_loss", "patience": 50]])
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/checkpoint"
        let straight = try Self.fit(request)
        #expect(throws: Stop.self) { try Self.fit(request, checkpoint: path, stopAfter: calls) }
        // Again, unless what is left is shorter.
        _ = try? Self.fit(request, checkpoint: path, stopAfter: calls)
        let resumed = try Self.fit(request, checkpoint: path)
        #expect(Self.weights(resumed) == Self.weights(straight))
        #expect(resumed.history == straight.history)
        #expect(resumed.report == straight.report)
    }

    @Test func checkpointsOfOthersAndDamagedOnesAreIgnored() throws {
        let request = try Self.request()
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/checkpoint"
        #expect(throws: Stop.self) { try Self.fit(request, checkpoint: path, stopAfter: 50) }
        let other = try Self.request(["seed": 9])
        #expect(try Self.weights(Self.fit(other, checkpoint: path)) == Self.weights(Self.fit(other)))
        let file = try #require(fopen(path, "w"))
        fputs("no tensors", file)
        fclose(file)
        #expect(try Self.weights(Self.fit(request, checkpoint: path)) == Self.weights(Self.fit(request)))
    }

    @Test func aLossThatIsNoNumberEndsTheFit() throws {
        let request = try Self.request(["optimizer": ["type": "sgd", "learning_rate": 1e30], "preprocessing": .null])
        let error = #expect(throws: FitError.self) { try Self.fit(request) }
        guard case .diverged(_, let step, let loss)? = error else {
            Issue.record("found \(String(describing: error))")
            return
        }
        #expect(step > 0 && !loss.isFinite)
        #expect(error?.description.contains("at step \(step)") == true)
    }

    @Test func oneClassIsRefused() throws {
        let request = try Self.request(["dataset": Self.dataset(classes: 1)])
        let error = #expect(throws: DataError.self) { try Self.fit(request) }
        #expect(error?.description.contains("all training rows are of the class \"a\"") == true)
    }

    private static func request(units: Int, activation: String, loss: JSONValue, dataset: JSONValue) throws
        -> TrainingRequest
    {
        let layer: JSONValue = [
            "type": "dense", "units": .integer(Int64(units)), "activation": .string(activation),
        ]
        return try request([
            "architecture": ["input": ["shape": [2]], "layers": [layer]], "loss": loss, "dataset": dataset, "epochs": 1,
        ])
    }

    @Test(arguments: [
        (2, "softmax", "softmax_cross_entropy"), (5, "softmax", "softmax_cross_entropy"),
        (5, "softmax", "categorical_crossentropy"), (1, "sigmoid", "binary_cross_entropy"), (2, "linear", "mse"),
    ])
    func outputsThatDoNotFitTheClassesAreRefused(_ units: Int, _ activation: String, _ loss: String) throws {
        let request = try Self.request(
            units: units, activation: activation, loss: .string(loss), dataset: Self.dataset())
        let error = #expect(throws: DataError.self) { try Self.fit(request) }
        #expect(
            error?.description
                == "loss: found \(units) outputs of the model, expected 3: one for each class of \"kind\"")
    }

    @Test(arguments: [
        (1, "sigmoid", "binary_cross_entropy"), (2, "sigmoid", "binary_cross_entropy"), (1, "linear", "hinge"),
        (2, "softmax", "softmax_cross_entropy"), (2, "softmax", "categorical_crossentropy"), (2, "linear", "mse"),
    ])
    func outputsOfTwoClassesAreTwoOrOne(_ units: Int, _ activation: String, _ loss: String) throws {
        var dataset = JSONValue.null
        if case .object(var members) = Self.dataset(classes: 2) {
            members["schema"] = [
                "features": [["name": "x", "kind": "number"], ["name": "y", "kind": "number"]],
                "label": ["name": "kind", "kind": "class", "classes": ["a", "b"]],
            ]
            dataset = .object(members)
        }
        let fits = try Self.request(units: units, activation: activation, loss: .string(loss), dataset: dataset)
        #expect(try Self.fit(fits).report?.values[.accuracy] != nil)
        let third = try Self.request(units: 3, activation: activation, loss: .string(loss), dataset: dataset)
        let error = #expect(throws: DataError.self) { try Self.fit(third) }
        #expect(error?.description.hasPrefix("loss: found 3 outputs of the model, expected 2") == true)
    }

    private static let families: [(String, JSONValue)] = [
        ("random_forest", ["n_estimators": 20]), ("k_nearest_neighbors", [:]),
        ("support_vector_machine", ["kernel": "rbf"]), ("logistic_regression", [:]), ("decision_tree", [:]),
    ]

    @Test(arguments: families) func earlyModelsAreFitted(_ family: String, _ hyperparameters: JSONValue) throws {
        let request = try Self.request([
            "architecture": .null, "loss": .null, "optimizer": .null, "epochs": .null, "batch_size": .null,
            "checkpoint_steps": .null, "early_model": ["family": .string(family), "hyperparameters": hyperparameters],
        ])
        let outcome = try Self.fit(request)
        #expect(try #require(outcome.report?.values[.accuracy]) >= 0.95)
        let again = try Evaluator.evaluate(
            outcome.graph, on: request.dataset.load().dataset,
            rows: SplitPlan(request.evaluation, request.dataset.load().dataset, seed: 3).split(0).validation)
        #expect(again.values[.accuracy] == outcome.report?.values[.accuracy])
    }

    @Test func fineTuningLeavesFrozenLayers() throws {
        let first = try Self.fit(try Self.request())
        let frozen = first.graph.initializers.keys.sorted().filter { $0.contains("dense") && !$0.contains("dense_1") }
        try #require(!frozen.isEmpty)
        let request = try Self.request([
            "architecture": .null, "preprocessing": .null, "epochs": 2,
            "base": ["version": 1, "frozen": .array(frozen.map { .string($0) })],
        ])
        let dataset = try request.dataset.load().dataset
        let split = try SplitPlan(request.evaluation, dataset, seed: 3).split(0)
        let second = try Fit(request, dataset: dataset, split: split, base: first.graph).run()
        let (before, after) = (Self.weights(first), Self.weights(second))
        #expect(frozen.allSatisfy { before[$0] == after[$0] })
        #expect(before != after)
        #expect(try #require(second.report?.values[.accuracy]) >= 0.95)
    }
}
