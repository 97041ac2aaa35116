import TensorEngine

/// Nearest neighbours as operators: distances, TopK, and a weighted sum of what the neighbours say.
struct NeighborGraph {
    let model: NearestNeighbors
    let rows: FitRows

    private var count: Int { rows.count }
    private var columns: Int { rows.features.columns }
    /// Numbers of a row's differences to a block of rows: bounds what the manhattan metric needs for a batch.
    private static let blockElementCount = 1 << 14

    func graph() throws(EarlyModelError) -> Graph {
        var assembly = GraphAssembly(model.kind, columns: columns)
        let x = assembly.cast(EarlyModelValue.features, as: "features_f64", .float64)
        let stored = try assembly.constant("rows", shape: [count, columns], rows.features.values)
        let references = assembly.cast(stored, as: "rows_f64", .float64)
        let distances =
            model.metric == .euclidean
            ? try squaredDistances(x, references, &assembly) : try manhattanDistances(x, references, &assembly)
        let k = try assembly.constant("neighbor_count", shape: [1], [Int64(model.neighborCount)])
        assembly.add(
            "TopK", [distances, k], as: "nearest", outputs: ["nearest_distances", "nearest_rows"],
            ["axis": .int(1), "largest": .int(0), "sorted": .int(1)])
        let width: Int
        let said: String
        switch rows.targets {
        case .values(let values):
            width = 1
            said = try assembly.constant("row_targets", shape: [count, 1], values)
        case .classes(let classes, let present, _):
            width = present.count
            var ones = [Double](repeating: 0, count: count * width)
            for (row, index) in classes.enumerated() { ones[row * width + index] = 1 }
            said = try assembly.constant("row_classes", shape: [count, width], ones)
        }
        let neighbors = assembly.add("Gather", [said, "nearest_rows"], as: "neighbor_values", ["axis": .int(0)])
        let axis = try assembly.constant("neighbor_axis", shape: [1], [Int64(1)])
        let mean: String
        if model.weighting == .uniform {
            let sum = assembly.add("ReduceSum", [neighbors, axis], as: "neighbor_sum", ["keepdims": .int(0)])
            let divisor = try assembly.constant("neighbor_divisor", shape: [1], [Double(model.neighborCount)])
            mean = assembly.add("Div", [sum, divisor], as: "neighbor_mean")
        } else {
            let weights = try inverseDistances(x, references, axis, &assembly)
            let weighted = assembly.add("Mul", [neighbors, weights], as: "weighted_values")
            let sum = assembly.add("ReduceSum", [weighted, axis], as: "weighted_sum", ["keepdims": .int(0)])
            let total = assembly.add("ReduceSum", [weights, axis], as: "weight_sum", ["keepdims": .int(0)])
            mean = assembly.add("Div", [sum, total], as: "neighbor_mean")
        }
        guard case .classes(_, let present, let names) = rows.targets else {
            _ = assembly.cast(mean, as: EarlyModelValue.prediction, .float32)
            return assembly.regression()
        }
        // The class is decided before rounding.
        let index = assembly.add("ArgMax", [mean], as: "class_index", ["axis": .int(1), "keepdims": .int(0)])
        let shares = assembly.cast(mean, as: "class_shares", .float32)
        return try assembly.classifier(scores: shares, index: index, present: present, names: names)
    }

    /// |x - r|² = |x|² + (|r|² - 2 x·r) around the middle of the rows, so that the subtraction keeps its digits: [batch, rows]. |x|²
    /// is the same for all rows and left out: only the order counts.
    private func squaredDistances(
        _ x: String, _ references: String, _ assembly: inout GraphAssembly
    ) throws(EarlyModelError) -> String {
        let means = center()
        let center = try assembly.constant("row_center", shape: [columns], means)
        let from = assembly.add("Sub", [x, center], as: "centered_features")
        let to = assembly.add("Sub", [references, center], as: "centered_rows")
        let norms = (0..<count).map { squaredNorm($0, means) }
        let transposed = assembly.add("Transpose", [to], as: "centered_columns", ["perm": .ints([1, 0])])
        let factor = try assembly.constant("minus_two", shape: [1], [-2.0])
        let scaled = assembly.add("Mul", [transposed, factor], as: "scaled_columns")
        let products = assembly.add("MatMul", [from, scaled], as: "row_products")
        return assembly.add(
            "Add", [products, try assembly.constant("row_norms", shape: [count], norms)], as: "distances")
    }

    /// In each column the value nearest to the mean: with one of their own, differences of whole numbers, and with them
    /// equal distances, stay exact.
    private func center() -> [Double] {
        let values = rows.features.values
        var means = [Double](repeating: 0, count: columns)
        for row in 0..<count {
            for column in 0..<columns { means[column] += Double(values[row * columns + column]) / Double(count) }
        }
        var nearest = (0..<columns).map { Double(values[$0]) }
        for row in 1..<max(count, 1) {
            for column in 0..<columns {
                let value = Double(values[row * columns + column])
                if abs(value - means[column]) < abs(nearest[column] - means[column]) { nearest[column] = value }
            }
        }
        return nearest
    }

    private func squaredNorm(_ row: Int, _ center: [Double]) -> Double {
        (0..<columns).reduce(0) { sum, column in
            let difference = Double(rows.features.values[row * columns + column]) - center[column]
            return sum + difference * difference
        }
    }

    /// Σ |x - r|, a block of rows at a time: [batch, rows].
    private func manhattanDistances(
        _ x: String, _ references: String, _ assembly: inout GraphAssembly
    ) throws(EarlyModelError) -> String {
        let block = max(1, Self.blockElementCount / columns)
        let middle = try assembly.constant("middle_axis", shape: [1], [Int64(1)])
        let last = try assembly.constant("last_axis", shape: [1], [Int64(2)])
        let from = assembly.add("Unsqueeze", [x, middle], as: "features_in_front")
        var parts: [String] = []
        for start in stride(from: 0, to: count, by: block) {
            let index = parts.count
            let end = min(start + block, count)
            var piece = references
            if count > block {
                piece = assembly.add(
                    "Slice",
                    [
                        references, try assembly.constant("block_start_\(index)", shape: [1], [Int64(start)]),
                        try assembly.constant("block_end_\(index)", shape: [1], [Int64(end)]),
                        try assembly.constant("block_axis_\(index)", shape: [1], [Int64(0)]),
                    ], as: "block_\(index)")
            }
            let difference = assembly.add("Sub", [from, piece], as: "difference_\(index)")
            let absolute = assembly.add("Abs", [difference], as: "absolute_difference_\(index)")
            parts.append(
                assembly.add("ReduceSum", [absolute, last], as: "distances_\(index)", ["keepdims": .int(0)]))
        }
        return assembly.add("Concat", parts, as: "distances", ["axis": .int(1)])
    }

    /// What each neighbour counts, [batch, neighbours, 1], from the distances computed anew: where they are zero they have to
    /// be exact.
    private func inverseDistances(
        _ x: String, _ references: String, _ axis: String, _ assembly: inout GraphAssembly
    ) throws(EarlyModelError) -> String {
        let found = assembly.add("Gather", [references, "nearest_rows"], as: "neighbor_rows", ["axis": .int(0)])
        let from = assembly.add("Unsqueeze", [x, axis], as: "features_before_neighbors")
        let difference = assembly.add("Sub", [found, from], as: "neighbor_differences")
        let last = try assembly.constant("column_axis", shape: [1], [Int64(2)])
        let isEuclidean = model.metric == .euclidean
        let sizes =
            isEuclidean
            ? assembly.add("Mul", [difference, difference], as: "neighbor_squares")
            : assembly.add("Abs", [difference], as: "neighbor_sizes")
        let sums = assembly.add("ReduceSum", [sizes, last], as: "neighbor_sums", ["keepdims": .int(1)])
        let distances = isEuclidean ? assembly.add("Sqrt", [sums], as: "neighbor_distances") : sums
        // One where the distance is zero, if it is anywhere; else the inverse.
        let zero = try assembly.constant("zero", shape: [1], [0.0])
        let one = try assembly.constant("one", shape: [1], [1.0])
        let isZero = assembly.add("Equal", [distances, zero], as: "is_same")
        let same = assembly.cast(isZero, as: "same", .float64)
        let any = assembly.add("ReduceMax", [same], as: "any_same", ["axes": .ints([1]), "keepdims": .int(1)])
        let isAny = assembly.add("Greater", [any, zero], as: "is_any_same")
        let divisor = assembly.add("Where", [isZero, one, distances], as: "safe_distances")
        let inverse = assembly.add("Div", [one, divisor], as: "inverse_distances")
        return assembly.add("Where", [isAny, same, inverse], as: "neighbor_weights")
    }
}
