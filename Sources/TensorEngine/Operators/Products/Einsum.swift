/// Einsum (opset 12): sums of products over labelled axes, with `...` for axes in common. Computed label by label in binary64
/// and rounded once: meant for what no other operator expresses.
struct EinsumOperator: Operator {
    static var admitsEmpty: Bool { true }

    private let inputs: [[Character]]
    private let output: [Character]?
    private let equation: String

    /// Multiply-adds of one call.
    private static let maximumCost = 1 << 36
    /// Stands for the axes of `...`, counted from the last.
    private static let firstEllipsis = 0xE000

    init(_ node: inout NodeReader) throws(GraphError) {
        let equation = try node.string("equation", default: "")
        let text = equation.filter { $0 != " " }
        let sides = text.split(separator: "->", omittingEmptySubsequences: false)
        guard sides.count <= 2, !text.isEmpty else {
            throw node.error(.invalidGraph, "equation '\(equation)' has more than one arrow or nothing")
        }
        func labels(_ term: Substring) throws(GraphError) -> [Character] {
            var result: [Character] = []
            var rest = term
            while let next = rest.first {
                if rest.hasPrefix("...") {
                    guard !result.contains(".") else {
                        throw node.error(.invalidGraph, "equation '\(equation)' has two ellipses in one term")
                    }
                    result.append(".")
                    rest = rest.dropFirst(3)
                } else if next.isASCII, next.isLetter {
                    result.append(next)
                    rest = rest.dropFirst()
                } else {
                    throw node.error(.invalidGraph, "equation '\(equation)' has '\(next)', expected letters and '...'")
                }
            }
            return result
        }
        var terms: [[Character]] = []
        for term in sides[0].split(separator: ",", omittingEmptySubsequences: false) { terms.append(try labels(term)) }
        self.equation = equation
        inputs = terms
        output = sides.count == 2 ? try labels(sides[1]) : nil
        guard terms.count == node.node.node.inputs.count else {
            throw node.error(
                .invalidGraph,
                "equation '\(equation)' has \(terms.count) terms for \(node.node.node.inputs.count) inputs")
        }
    }

    private struct Labelling {
        var extents: [Character: Int] = [:]
        var terms: [[Character]] = []
        var result: [Character] = []
    }

    private func labelling(_ operands: Operands) throws(GraphError) -> Labelling {
        var labelling = Labelling()
        var ellipsis = 0
        for (index, term) in inputs.enumerated() {
            let shape = try operands.shape(index)
            let missing = shape.rank - term.count { $0 != "." }
            guard missing >= 0, missing == 0 || term.contains("."), missing <= 64 else {
                throw operands.error(
                    .shapeMismatch, "input \(index) is \(shape), which does not fit term \(index) of '\(equation)'")
            }
            ellipsis = max(ellipsis, missing)
            let expanded = term.flatMap { $0 == "." ? Self.axes(missing) : [$0] }
            for (axis, label) in expanded.enumerated() {
                let known = labelling.extents[label] ?? 1
                guard known == shape[axis] || known == 1 || shape[axis] == 1 else {
                    throw operands.error(
                        .shapeMismatch, "'\(label)' is \(known) in one input and \(shape[axis]) in input \(index)")
                }
                labelling.extents[label] = max(known, shape[axis])
                if shape[axis] == 0 { labelling.extents[label] = 0 }
            }
            labelling.terms.append(expanded)
        }
        if let output {
            labelling.result = output.flatMap { $0 == "." ? Self.axes(ellipsis) : [$0] }
        } else {
            // Without an arrow: labels that stand once, in alphabetical order.
            let all = inputs.flatMap { $0 }
            let once = Set(all.filter { label in label != "." && all.count { $0 == label } == 1 })
            labelling.result = Self.axes(ellipsis) + once.sorted()
        }
        guard Set(labelling.result).count == labelling.result.count,
            labelling.result.allSatisfy({ labelling.extents[$0] != nil })
        else {
            throw operands.error(.invalidGraph, "equation '\(equation)' has an output label twice or in no input")
        }
        return labelling
    }

    private static func axes(_ count: Int) -> [Character] {
        (0..<count).reversed().compactMap { Unicode.Scalar(UInt32(firstEllipsis + $0)).map(Character.init) }
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, in: ElementType.numeric).elementType
        for index in 1..<max(operands.count, 1) { _ = try operands.type(index, among: type) }
        let labelling = try labelling(operands)
        var cost = 1
        for extent in labelling.extents.values {
            let (product, overflow) = cost.multipliedReportingOverflow(by: max(extent, 1))
            guard !overflow, product <= Self.maximumCost else {
                throw operands.error(
                    .limitExceeded, "'\(equation)' takes more than \(Self.maximumCost) multiplications")
            }
            cost = product
        }
        let dimensions = labelling.result.map { labelling.extents[$0] ?? 1 }
        return [TensorType(elementType: type, shape: try operands.makeShape(dimensions))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let labelling = try labelling(operands)
        let summed = labelling.extents.keys.filter { !labelling.result.contains($0) }.sorted()
        var types: [TensorType] = []
        // Offsets of each operand along the output's labels, and along the summed ones.
        var outer: [StridedWalk] = []
        var inner: [StridedWalk] = []
        for (index, term) in labelling.terms.enumerated() {
            let type = try operands.type(index)
            types.append(type)
            let steps = Broadcasting.rowMajorStrides(type.shape.dimensions)
            func strides(_ labels: [Character]) -> [Int] {
                labels.map { label in
                    // A label that stands twice in a term walks the diagonal.
                    term.indices.filter { term[$0] == label && type.shape[$0] != 1 }.reduce(0) { $0 + steps[$1] }
                }
            }
            outer.append(
                StridedWalk(labelling.result.map { labelling.extents[$0] ?? 1 }, strides: strides(labelling.result)))
            inner.append(StridedWalk(summed.map { labelling.extents[$0] ?? 1 }, strides: strides(summed)))
        }
        return Kernel { [types, outer, inner] arguments in
            let values = types.enumerated().map { arguments.doubles($0, $1) }
            // Where each operand's sum begins for every output, then where its terms lie.
            let starts = outer.map(Self.offsets)
            let terms = inner.map(Self.offsets)
            var y = [Double](repeating: 0, count: outputs[0].shape.elementCount)
            for place in y.indices {
                var sum = 0.0
                for term in 0..<(terms.first?.count ?? 0) {
                    var product = 1.0
                    for index in values.indices { product *= values[index][starts[index][place] + terms[index][term]] }
                    sum += product
                }
                y[place] = sum
            }
            arguments.store(y, 0, outputs[0])
        }
    }

    private static func offsets(_ walk: StridedWalk) -> [Int] {
        var result: [Int] = []
        result.reserveCapacity(walk.count)
        walk.forEach { result.append($1) }
        return result
    }
}
