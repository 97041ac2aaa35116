import JSONDocuments
import Testing
import Training

/// Errors of fits begin with the place in the request that is at fault.
@Suite struct FitErrorTests {
    private func message(_ changes: [String: JSONValue]) throws -> String {
        let members: [String: JSONValue] = [
            "model": "points", "evaluation": ["method": "none"],
            "dataset": [
                "rows": .array((0..<4).map { row in ["x": .integer(row), "y": .integer(row)] }),
                "schema": ["features": [["name": "x"]], "label": ["name": "y", "kind": "number"]],
            ],
        ]
        let request = try TrainingRequest(.object(members.merging(changes) { $1 }))
        let dataset = try request.dataset.load().dataset
        let split = try SplitPlan(request.evaluation, dataset, seed: 0).split(0)
        do { _ = try Fit(request, dataset: dataset, split: split).run() } catch { return "\(error)" }
        return ""
    }

    private func earlyModel(_ family: JSONValue, _ hyperparameters: JSONValue) -> [String: JSONValue] {
        ["early_model": ["family": family, "hyperparameters": hyperparameters]]
    }

    @Test func hyperparametersHaveTheirPath() throws {
        #expect(
            try message(earlyModel("k_nearest_neighbors", ["n_neighbors": 8]))
                == "early_model.hyperparameters.n_neighbors: found 8, but there are 4 rows")
        #expect(
            try message(earlyModel("support_vector_machine", ["class_weight": ["nonsense": 3]]))
                == "early_model.hyperparameters.class_weight: the targets are numbers, which have no classes to weigh")
        #expect(try message(earlyModel("logistic_regression", [:])).hasPrefix("targets: logistic_regression cannot"))
    }

    @Test func preprocessingHasItsPath() throws {
        let model = earlyModel("ridge", [:])
        let step: JSONValue = ["steps": [["type": "standardize"], ["type": "one_hot", "columns": ["town"]]]]
        #expect(
            try message(model.merging(["preprocessing": step]) { $1 })
                .hasPrefix("preprocessing.steps[1] (one_hot): there is no feature \"town\""))
        let inputs: JSONValue = ["inputs": ["table": ["town"]]]
        #expect(
            try message(model.merging(["preprocessing": inputs]) { $1 })
                .hasPrefix("preprocessing.inputs.table: there is no feature \"town\""))
    }
}
