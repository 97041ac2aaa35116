/// How far a version's answers agree with recorded ones, counted in rows.
///
/// A row agrees when all its outputs do: a floating-point output of several elements when its largest is at the same place
/// (the class), one of a single element when it is within ``tolerance``, any other output when it is equal.
package struct ResultAgreement: Sendable, Hashable {
    /// For single numbers, relative to the recorded one, absolute below 1.
    package static let tolerance = 0.01

    /// Rows of recorded predictions that were answered again.
    package var rows = 0
    package var agreeing = 0
    /// Predictions that were answered with an error now, or with other outputs; their rows do not agree.
    package var failed = 0
    /// Requests without a recorded prediction of the model.
    package var skipped = 0
    /// Over all elements of floating-point outputs; infinite when one is not a number where the other is.
    package var largestDifference = 0.0

    package init() {}

    /// Of the rows; 0 when there are none.
    package var share: Double { rows > 0 ? Double(agreeing) / Double(rows) : 0 }

    mutating func count(_ recomputed: ResultTensors?, recorded: ResultTensors) {
        let rows = recorded.outputs.first?.shape.first ?? 0
        self.rows += rows
        guard let recomputed, recomputed.outputs.count == recorded.outputs.count,
            zip(recomputed.outputs, recorded.outputs).allSatisfy({ Self.isComparable($0, $1, rows) })
        else {
            failed += 1
            return
        }
        var agrees = [Bool](repeating: true, count: rows)
        for (own, other) in zip(recomputed.outputs, recorded.outputs) where rows > 0 {
            let width = own.elements.count / rows
            for row in 0..<rows {
                let range = row * width..<(row + 1) * width
                let (left, right) = (own.elements[range], other.elements[range])
                if !Self.agree(left, right, isFloatingPoint: own.isFloatingPoint) { agrees[row] = false }
                guard own.isFloatingPoint else { continue }
                for (a, b) in zip(left, right) { largestDifference = max(largestDifference, Self.difference(a, b)) }
            }
        }
        agreeing += agrees.count { $0 }
    }

    mutating func add(_ other: ResultAgreement) {
        rows += other.rows
        agreeing += other.agreeing
        failed += other.failed
        skipped += other.skipped
        largestDifference = max(largestDifference, other.largestDifference)
    }

    private static func isComparable(_ own: ResultTensors.Output, _ other: ResultTensors.Output, _ rows: Int) -> Bool {
        own.name == other.name && own.datatype == other.datatype && own.shape == other.shape
            && own.shape.first == rows
    }

    private static func agree(_ own: ArraySlice<Double>, _ other: ArraySlice<Double>, isFloatingPoint: Bool) -> Bool {
        guard isFloatingPoint else { return own.elementsEqual(other) }
        guard own.count == 1, let a = own.first, let b = other.first else { return argmax(own) == argmax(other) }
        return difference(a, b) <= tolerance * max(1, abs(b))
    }

    private static func argmax(_ row: ArraySlice<Double>) -> Int? {
        row.indices.max { row[$0] < row[$1] }.map { $0 - row.startIndex }
    }

    private static func difference(_ a: Double, _ b: Double) -> Double {
        if a == b || (a.isNaN && b.isNaN) { return 0 }
        let difference = abs(a - b)
        return difference.isNaN ? .infinity : difference
    }
}

extension ResultTensors.Output {
    fileprivate var isFloatingPoint: Bool {
        switch datatype {
        case .fp16, .bf16, .fp32, .fp64: true
        default: false
        }
    }
}
