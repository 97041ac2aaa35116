import KafkaClient
import ModelRegistry
import TensorEngine

/// An answered request that another version is to answer too, and what the first answer was.
struct ShadowWork: Sendable {
    let ticket: Ticket
    let request: BoundRequest
    let record: KafkaRecord
    /// The main version's.
    let outputs: InferenceEngine.OutputRows
    let shadow: Registry.Shadow

    init(_ item: RecordSlice, outputs: InferenceEngine.OutputRows, shadow: Registry.Shadow) {
        ticket = item.slice.ticket
        request = item.slice.request
        record = item.record
        self.outputs = outputs
        self.shadow = shadow
    }
}

/// How two versions' outputs for the same rows compare.
struct Agreement: Sendable, Equatable {
    var rows = 0
    /// Rows whose largest element is at the same place in every output.
    var sameArgmax = 0
    /// Over all elements; infinite when one is not a number where the other is.
    var largestDifference = 0.0

    /// Nil when the outputs are not of the same types and shapes.
    init?(_ main: [Tensor], _ shadow: [Tensor]) {
        guard main.count == shadow.count, let rows = main.first?.shape.dimensions.first else { return nil }
        self.rows = rows
        var same = [Bool](repeating: true, count: rows)
        for (left, right) in zip(main, shadow) {
            guard left.elementType == .float32, right.elementType == .float32, left.shape == right.shape,
                left.shape.dimensions.first == rows, rows > 0,
                let a = try? left.elements(as: Float.self), let b = try? right.elements(as: Float.self)
            else { return nil }
            let width = a.count / rows
            for row in 0..<rows {
                let range = row * width..<(row + 1) * width
                if Self.argmax(a[range]) != Self.argmax(b[range]) { same[row] = false }
                for index in range { largestDifference = max(largestDifference, Self.difference(a[index], b[index])) }
            }
        }
        sameArgmax = same.count { $0 }
    }

    private static func argmax(_ row: ArraySlice<Float>) -> Int? {
        row.indices.max { row[$0] < row[$1] }.map { $0 - row.startIndex }
    }

    private static func difference(_ a: Float, _ b: Float) -> Double {
        if a == b || (a.isNaN && b.isNaN) { return 0 }
        let difference = abs(Double(a) - Double(b))
        return difference.isNaN ? .infinity : difference
    }
}
