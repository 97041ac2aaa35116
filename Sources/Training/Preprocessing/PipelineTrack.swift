import TensorEngine

/// What the served graph is given of a row.
struct RawInput: Sendable {
    enum Source: Sendable {
        /// Which of a row's numbers.
        case numbers([Int])
        /// Which of a row's texts.
        case text(Int)
    }

    var name: String
    let source: Source
    /// Without the batch.
    let dimensions: [Int]

    var elementType: ElementType {
        if case .text = source { .string } else { .float32 }
    }

    var info: ValueInfo {
        ValueInfo(
            name: name, elementType: elementType, dimensions: [.batch] + dimensions.map { .fixed($0) })
    }

    /// These rows of a dataset, as the graph is given them.
    func tensor(_ dataset: any Dataset, _ rows: some Collection<Int>) throws(TensorError) -> Tensor {
        let shape = try Shape([rows.count] + dimensions)
        switch source {
        case .text(let index): return try Tensor(shape: shape, strings: rows.map { dataset.text($0, index) })
        case .numbers(let places):
            let width = dataset.schema.numberCount
            let isWhole = places.count == width
            return Tensor(.float32, shape: shape) { target in
                let target = target.assumingMemoryBound(to: Float.self)
                withUnsafeTemporaryAllocation(of: Float.self, capacity: max(width, 1)) { all in
                    for (place, row) in rows.enumerated() {
                        let part = UnsafeMutableBufferPointer(
                            rebasing: target[place * places.count..<(place + 1) * places.count])
                        if isWhole {
                            dataset.copyFeatures(row, into: part)
                        } else {
                            dataset.copyFeatures(row, into: all)
                            for (index, source) in places.enumerated() { part[index] = all[source] }
                        }
                    }
                }
            }
        }
    }
}

/// Features on their way through the steps: a value of the graph, and what it holds.
struct Track {
    enum Content: Hashable {
        /// Numeric columns side by side, [n].
        case columns
        /// A tensor of numbers of a shape of its own.
        case tensor
        /// A word or a text, [1].
        case text
        /// A category's columns or a text's, [n].
        case encoded
        /// Numbers of words, [length], int64.
        case tokens
    }

    var content: Content
    /// The features in it: one for each column, or one for all.
    var features: [String]
    var value: String
    /// Without the batch.
    var dimensions: [Int]
    /// What each of its columns holds, once flattened.
    var columnNames: [String]

    var elementType: ElementType {
        switch content {
        case .text: .string
        case .tokens: .int64
        case .columns, .tensor, .encoded: .float32
        }
    }

    var width: Int { dimensions.reduce(1, *) }
}
