public import JSONDocuments

/// How often each class was taken for which, rows weighted. What divides by nothing is 0, as scikit-learn's
/// `zero_division` has it by default.
public struct ConfusionMatrix: Sendable, Hashable {
    public let classCount: Int
    /// Row-major: the actual class's row, the predicted class's column.
    public private(set) var weights: [Double]

    /// - Precondition: at least one class.
    public init(classCount: Int) {
        precondition(classCount >= 1, "no classes")
        self.classCount = classCount
        weights = [Double](repeating: 0, count: classCount * classCount)
    }

    public subscript(actual: Int, predicted: Int) -> Double { weights[actual * classCount + predicted] }

    public mutating func add(actual: Int, predicted: Int, weight: Double = 1) {
        precondition((0..<classCount).contains(actual) && (0..<classCount).contains(predicted), "no such class")
        weights[actual * classCount + predicted] += weight
    }

    /// - Precondition: of as many classes.
    public mutating func merge(_ other: ConfusionMatrix) {
        precondition(other.classCount == classCount, "\(other.classCount) classes, expected \(classCount)")
        for index in weights.indices { weights[index] += other.weights[index] }
    }

    public var total: Double { weights.reduce(0, +) }

    /// The weight of a class's rows.
    public func support(_ actual: Int) -> Double { (0..<classCount).reduce(0) { $0 + self[actual, $1] } }
    /// The weight of the rows that were taken for a class.
    public func predicted(_ index: Int) -> Double { (0..<classCount).reduce(0) { $0 + self[$1, index] } }

    public var accuracy: Double { Self.ratio((0..<classCount).reduce(0) { $0 + self[$1, $1] }, total) }

    /// Of what was taken for the class, how much is of it.
    public func precision(_ index: Int) -> Double { Self.ratio(self[index, index], predicted(index)) }
    /// Of what is of the class, how much was found.
    public func recall(_ index: Int) -> Double { Self.ratio(self[index, index], support(index)) }
    /// The harmonic mean of precision and recall.
    public func f1(_ index: Int) -> Double {
        Self.ratio(2 * self[index, index], predicted(index) + support(index))
    }

    public enum Average: Sendable, Hashable {
        /// The mean over the classes that occur, actual or predicted.
        case macro
        /// Over all rows: the same as the accuracy, where every row has one class.
        case micro
        /// The mean over the classes, weighted by their support.
        case weighted
    }

    /// One of ``precision(_:)``, ``recall(_:)`` and ``f1(_:)`` over all classes.
    public func average(_ average: Average, _ value: (Int) -> Double) -> Double {
        let occurring = (0..<classCount).filter { support($0) > 0 || predicted($0) > 0 }
        switch average {
        case .macro: return Self.ratio(occurring.reduce(0) { $0 + value($1) }, Double(occurring.count))
        case .micro: return accuracy
        case .weighted: return Self.ratio(occurring.reduce(0) { $0 + support($1) * value($1) }, total)
        }
    }

    static func ratio(_ part: Double, _ whole: Double) -> Double { whole == 0 ? 0 : part / whole }

    /// A list for each actual class, in it a weight for each predicted one.
    public var json: JSONValue {
        .array(
            (0..<classCount).map { actual in
                .array((0..<classCount).map { .rounded(self[actual, $0]) })
            })
    }

    /// - Throws: ``JSONError`` with the path of what is wrong.
    public init(_ json: JSONCursor) throws(JSONError) {
        let rows = try json.elements()
        guard (1...65_536).contains(rows.count) else {
            throw json.failure("found \(rows.count) classes, expected 1 to 65536")
        }
        self.init(classCount: rows.count)
        for (actual, row) in rows.enumerated() {
            let cells = try row.elements()
            guard cells.count == classCount else {
                throw row.failure("found \(cells.count) weights, expected \(classCount)")
            }
            for (predicted, cell) in cells.enumerated() {
                let weight = try cell.number()
                guard weight >= 0, weight.isFinite else { throw cell.failure("found \(weight), expected at least 0") }
                add(actual: actual, predicted: predicted, weight: weight)
            }
        }
    }
}

extension JSONValue {
    /// An integer where the number is one, so that counts are written as counts.
    static func rounded(_ number: Double) -> JSONValue {
        if let integer = Int64(exactly: number), abs(number) < 0x1p53 { return .integer(integer) }
        return .real(number)
    }
}
