public import JSONDocuments
public import TensorEngine

extension TrainableModel {
    /// An imported model, to be trained further.
    ///
    /// Its parameters are the float32 initializers that its outputs depend on and that only stand where a layer has its
    /// weights: kernels and biases, tables, factors and shifts of normalizations. Constants of formulas (an epsilon, a
    /// mask, the mean that an input is standardized by, moving statistics) are none.
    /// - Parameters:
    ///   - frozen: patterns of initializers that stay as they are, with `*` and `?`.
    ///   - path: where the patterns are in their document, for messages.
    /// - Throws: ``JSONError`` when a pattern matches no parameter, or nothing is left to train.
    public init(importing graph: Graph, frozen: [String] = [], path: String = "frozen") throws(JSONError) {
        let found = ParameterSearch(graph).parameters
        var kept = found
        for (index, text) in frozen.enumerated() {
            let pattern = GlobPattern(text)
            guard found.contains(where: { pattern.matches($0.name) }) else {
                let nearest = NearestName.nearest(to: text, among: found.map(\.name))
                let hint = nearest.map { "; did you mean \"\($0)\"?" } ?? ""
                throw JSONError(
                    at: .path("\(path)[\(index)]"),
                    """
                    found \(Setting.found(.string(text))), expected a pattern that matches one of the model's \
                    \(found.count) parameters\(hint)
                    """)
            }
            kept.removeAll { pattern.matches($0.name) }
        }
        guard !kept.isEmpty else {
            throw JSONError(
                at: .path(path),
                found.isEmpty
                    ? "the model '\(graph.name)' has no float32 weights to train"
                    : "all \(found.count) parameters of the model '\(graph.name)' are frozen, expected at least one to train"
            )
        }
        self.init(
            graph: graph, parameters: kept.map(\.name), regularized: kept.filter(\.isRegularized).map(\.name))
    }
}

/// Finds the weights among a graph's initializers.
private struct ParameterSearch {
    struct Parameter {
        var name: String
        var isRegularized: Bool
    }

    /// In the order of their first use.
    private(set) var parameters: [Parameter] = []

    private enum Use { case factor, shift, other }
    private var uses: [String: [Use]] = [:]

    init(_ graph: Graph) {
        let needed = Self.needed(graph)
        // What a value is used for, found from the outputs backwards so that what passes it on is known.
        for index in graph.nodes.indices.reversed() where needed.contains(index) {
            let node = graph.nodes[index]
            for (position, input) in node.inputs.enumerated() where !input.isEmpty {
                if Self.passing.contains(node.operatorType), position == 0 {
                    uses[input, default: []] += uses[node.outputs.first ?? ""] ?? [.other]
                } else {
                    uses[input, default: []].append(use(node, position, graph))
                }
            }
            // What a nested graph reads of this one has no known place.
            for name in Self.captured(node) { uses[name, default: []].append(.other) }
        }
        for output in graph.outputs { uses[output.name, default: []].append(.other) }

        var seen: Set<String> = []
        for node in graph.nodes {
            for input in node.inputs where seen.insert(input).inserted {
                guard let tensor = graph.initializers[input], tensor.elementType == .float32,
                    tensor.shape.elementCount > 0, let uses = uses[input], !uses.contains(.other)
                else { continue }
                parameters.append(
                    Parameter(name: input, isRegularized: tensor.shape.rank > 1 && !uses.contains(.shift)))
            }
        }
    }

    /// Operators whose result is their first input in another form.
    private static let passing: Set<String> = [
        "Cast", "Flatten", "Identity", "Pad", "Reshape", "Slice", "Squeeze", "Transpose", "Unsqueeze",
    ]

    private func use(_ node: Node, _ position: Int, _ graph: Graph) -> Use {
        let input = node.inputs[position]
        switch (node.operatorType, position) {
        case ("MatMul", _), ("Gemm", 0...1), ("Linear", 1), ("Conv", 1), ("ConvTranspose", 1): return .factor
        case ("Gather", 0), ("RowLookup", 0), ("RNN", 1...2), ("GRU", 1...2), ("LSTM", 1...2): return .factor
        case ("TokenEmbedding", _): return .factor
        case ("Gemm", 2), ("Linear", 2), ("Conv", 2), ("ConvTranspose", 2): return .shift
        case ("RNN", 3), ("GRU", 3), ("LSTM", 3), ("LSTM", 7), ("PRelu", 1): return .shift
        case ("BatchNormalization", 1...2), ("InstanceNormalization", 1...2), ("GroupNormalization", 1...2),
            ("LayerNormalization", 1...2), ("RMSNormalization", 1), ("SkipLayerNormalization", 2...3):
            return .shift
        case ("Add", _), ("Mul", _):
            // One number alone is a constant of a formula, and so is what is joined with a constant.
            let others = node.inputs.indices.filter { $0 != position }.map { node.inputs[$0] }
            guard others.allSatisfy({ graph.initializers[$0] == nil }) else { return .other }
            guard let tensor = graph.initializers[input] else { return .shift }
            return tensor.shape.elementCount > 1 ? .shift : .other
        default: return .other
        }
    }

    /// The nodes that the graph's outputs depend on.
    private static func needed(_ graph: Graph) -> Set<Int> {
        var producers: [String: Int] = [:]
        for (index, node) in graph.nodes.enumerated() {
            for output in node.outputs where !output.isEmpty { producers[output] = index }
        }
        var result: Set<Int> = []
        var waiting = graph.outputs.compactMap { producers[$0.name] }
        while let index = waiting.popLast() {
            guard result.insert(index).inserted else { continue }
            let node = graph.nodes[index]
            waiting += (node.inputs + captured(node)).compactMap { producers[$0] }
        }
        return result
    }

    /// Every name that the graphs inside of a node read.
    private static func captured(_ node: Node) -> [String] {
        var result: [String] = []
        for key in node.attributes.keys.sorted() {
            guard case .graph(let body)? = node.attributes[key] else { continue }
            for inner in body.nodes { result += inner.inputs + captured(inner) }
        }
        return result
    }
}
