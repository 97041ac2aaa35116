/// TfIdfVectorizer (opset 9): how often each n-gram of a pool occurs in a row of words or integers, weighted or not.
struct TfIdfVectorizerOperator: StringOperator {
    private enum Token: Hashable, Sendable {
        case number(Int64)
        case text(StringKey)
    }

    private enum Mode: String, CaseIterable { case tf = "TF", idf = "IDF", tfidf = "TFIDF" }

    private let mode: Mode
    private let lengths: ClosedRange<Int>
    private let maximumSkip: Int
    /// The column and the weight of each n-gram.
    private let pool: [[Token]: (column: Int, weight: Float)]
    private let width: Int
    private let isText: Bool

    /// Columns that a row may have.
    private static let maximumWidth = 1 << 24

    init(_ node: inout NodeReader) throws(GraphError) {
        let name = try node.string("mode", default: "TF")
        guard let mode = Mode(rawValue: name) else {
            throw node.error(.invalidGraph, "mode is '\(name)', expected TF, IDF or TFIDF")
        }
        self.mode = mode
        let (shortest, longest) = (
            try node.int("min_gram_length", default: 1), try node.int("max_gram_length", default: 1)
        )
        maximumSkip = try node.int("max_skip_count", default: 0)
        let starts = try node.ints("ngram_counts") ?? []
        let columns = try node.ints("ngram_indexes") ?? []
        let weights = try node.floats("weights")
        let texts = try node.strings("pool_strings")
        isText = texts != nil
        let numbers = try node.ints("pool_int64s") ?? []
        let tokens = texts?.map { Token.text(StringKey($0)) } ?? numbers.map { .number(Int64($0)) }
        guard shortest >= 1, longest >= shortest, longest <= starts.count, maximumSkip >= 0,
            starts.allSatisfy({ (0...tokens.count).contains($0) }),
            zip(starts, starts.dropFirst()).allSatisfy({ $0 <= $1 }),
            columns.allSatisfy({ (0..<Self.maximumWidth).contains($0) }),
            weights.map({ $0.count == columns.count }) ?? true,
            let last = columns.max()
        else {
            throw node.error(
                .invalidGraph,
                "n-grams of \(shortest) to \(longest), \(starts.count) counts, \(columns.count) indexes, \(tokens.count) "
                    + "tokens and \(weights?.count ?? 0) weights do not fit together")
        }
        lengths = shortest...longest
        width = last + 1
        var pool: [[Token]: (column: Int, weight: Float)] = [:]
        var place = 0
        for (index, start) in starts.enumerated() {
            let (length, end) = (index + 1, index + 1 < starts.count ? starts[index + 1] : tokens.count)
            guard (end - start) % length == 0 else {
                throw node.error(.invalidGraph, "\(end - start) tokens are no n-grams of \(length)")
            }
            for begin in stride(from: start, to: end, by: length) {
                guard place < columns.count else {
                    throw node.error(.invalidGraph, "ngram_indexes has \(columns.count) elements, expected more")
                }
                pool[Array(tokens[begin..<begin + length])] = (columns[place], weights?[place] ?? 1)
                place += 1
            }
        }
        self.pool = pool
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let shape = try operands.type(0, in: isText ? [.string] : [.int32, .int64]).shape
        guard shape.rank == 1 || shape.rank == 2 else {
            throw operands.error(.shapeMismatch, "input is \(shape), expected one or two dimensions")
        }
        let dimensions = shape.rank == 1 ? [width] : [shape[0], width]
        return [TensorType(elementType: .float32, shape: try operands.makeShape(dimensions))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let type = try operands.type(0)
        let (vectorizer, shape) = (self, type.shape)
        let rows = shape.rank == 1 ? 1 : shape[0]
        return Kernel { arguments in
            let tokens: [Token]
            if type.elementType == .int32 {
                let x = arguments.input(0, as: Int32.self)
                tokens = (0..<shape.elementCount).map { .number(Int64(x[$0])) }
            } else {
                let x = arguments.input(0, as: Int64.self)
                tokens = (0..<shape.elementCount).map { .number(x[$0]) }
            }
            let values = vectorizer.vectors(tokens, rows: rows)
            let y = arguments.output(0, as: Float.self)
            for index in values.indices { y[index] = values[index] }
        }
    }

    func evaluateStrings(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> [Tensor] {
        let tokens = try operands.strings(0).map { Token.text(StringKey($0)) }
        let shape = try operands.shape(0)
        let values = vectors(tokens, rows: shape.rank == 1 ? 1 : shape[0])
        return [
            Tensor(.float32, shape: outputs[0].shape) { target in
                values.withUnsafeBytes { if !$0.isEmpty { target.copyMemory(from: $0) } }
            }
        ]
    }

    private func vectors(_ tokens: [Token], rows: Int) -> [Float] {
        var result = [Float](repeating: 0, count: rows * width)
        let count = rows == 0 ? 0 : tokens.count / rows
        for row in 0..<rows {
            for length in lengths {
                // Skips make no difference to a single word.
                for skip in 0...(length == 1 ? 0 : maximumSkip) {
                    let (reach, overflow) = (length - 1).multipliedReportingOverflow(by: skip + 1)
                    guard !overflow, reach < count else { break }
                    for start in 0..<count - reach {
                        let gram = (0..<length).map { tokens[row * count + start + $0 * (skip + 1)] }
                        guard let found = pool[gram] else { continue }
                        let place = row * width + found.column
                        switch mode {
                        case .tf: result[place] += 1
                        case .idf: result[place] = found.weight
                        case .tfidf: result[place] += found.weight
                        }
                    }
                }
            }
        }
        return result
    }
}
