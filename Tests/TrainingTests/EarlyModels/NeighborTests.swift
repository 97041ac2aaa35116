import JSONDocuments
import TensorEngine
import Testing
import Training

/// Nearest neighbours, against scikit-learn's search by brute force.
@Suite struct NeighborTests {
    private static let comparisons: [(data: String, options: String)] = [
        ("iris", "uniform euclidean"), ("iris", "uniform manhattan"), ("iris", "distance euclidean"),
        ("iris", "distance manhattan"), ("wine_standardized", "uniform euclidean"),
        ("wine_standardized", "distance manhattan"), ("cancer_standardized", "uniform euclidean"),
    ]

    @Test(arguments: comparisons) func predictionsAreTheSame(_ name: String, _ options: String) throws {
        let data = try ClassicalData(name)
        let parts = options.split(separator: " ").map(String.init)
        let neighbors = try model(.nearestNeighbors, ["weights": .string(parts[0]), "metric": .string(parts[1])])
        let found = try data.heldOut(neighbors)
        #expect(try found == data.reference("neighbors_\(parts[0])_\(parts[1]).held_out"))
    }

    @Test(arguments: ["uniform", "distance"]) func numbersAreTheSame(_ weights: String) throws {
        let data = try ClassicalData("diabetes")
        let found = try data.heldOut(
            try model(.nearestNeighbors, ["n_neighbors": 7, "weights": .string(weights)]))
        #expect(try largestDifference(found, data.reference("neighbors_\(weights).held_out")) < 1e-6)
    }

    /// Rows that are equally far: those that come first are neighbours; of equally frequent classes the first wins.
    @Test(arguments: ["euclidean", "manhattan"]) func tiesGoToTheFirst(_ metric: String) throws {
        let features = try FeatureMatrix(rows: 5, columns: 2, values: [1, 0, 0, 1, -1, 0, 0, -1, 9, 9])
        let origin = try FeatureMatrix(rows: 1, columns: 2, values: [0, 0])
        for count in 1...4 {
            let fitted = try model(
                .nearestNeighbors, ["n_neighbors": .integer(Int64(count)), "metric": .string(metric)]
            ).fit(features: features, targets: .classes([1, 0, 1, 0, 2], names: .indices(count: 3)))
            #expect(try fitted.answers(origin).labels == [count % 2 == 1 ? 1 : 0], "\(count) neighbours")
        }
    }

    /// A neighbour at distance zero counts alone, exactly.
    @Test(arguments: ["euclidean", "manhattan"]) func sameRowsCountAlone(_ metric: String) throws {
        let data = try ClassicalData("diabetes")
        let fitted = try data.fit(
            try model(.nearestNeighbors, ["weights": "distance", "metric": .string(metric)]))
        #expect(try fitted.answers(data.features).values == data.values.map { Double(Float($0)) })
    }

    /// A common offset that is large beside the distances does not blur them.
    @Test func offsetsDoNotMatter() throws {
        let values: [Float] = (0..<40).map { 16_000_000 + Float($0 * 7 % 40) }
        let features = try FeatureMatrix(rows: 40, columns: 1, values: values)
        let fitted = try model(.nearestNeighbors, ["n_neighbors": 1]).fit(
            features: features, targets: .values(values.map(Double.init)))
        #expect(try fitted.answers(features).values == values.map(Double.init))
    }

    /// More rows than one block of the manhattan metric has.
    @Test func blocksAreJoined() throws {
        var random = RandomSource(seed: 5, stream: "test")
        let columns = 600
        let values = (0..<90 * columns).map { _ in Float(random.normal()) }
        let features = try FeatureMatrix(rows: 90, columns: columns, values: values)
        let fitted = try model(.nearestNeighbors, ["n_neighbors": 1, "metric": "manhattan"]).fit(
            features: features, targets: .values((0..<90).map(Double.init)))
        #expect(try fitted.answers(features).values == (0..<90).map(Double.init))
    }
}
