/// Reverse-mode differentiation of a graph into another graph (Griewank & Walther, "Evaluating Derivatives", 2008,
/// chapter 3; here by transformation of the source).
package enum Differentiation {
    /// The graph that computes `loss`, `outputs`, and the gradient of the loss with respect to each of the parameters.
    ///
    /// Nodes that neither the loss nor an output depends on are dropped. The others are replaced by their training forms
    /// (``TrainingForms``), whether they are trained or not.
    /// - Parameters:
    ///   - graph: a forward graph as an importer or an architecture made it, before any fusion; its own outputs do not
    ///     matter.
    ///   - loss: a value of one element, of shape `[]` or `[1]` and the like, in float32 or float64.
    ///   - parameters: initializers to train, of that element type; the others stay constants.
    ///   - outputs: other values that the result outputs too.
    /// - Throws: ``GraphError`` when a name is unknown (with the nearest one), the loss has more elements, the graph is
    ///   invalid, or a node on the way from a parameter to the loss has no gradient.
    package static func differentiate(
        _ graph: Graph, loss: String, parameters: [String], outputs: [String] = []
    ) throws(GraphError) -> DifferentiatedGraph {
        var differentiation = try ReverseMode(graph, loss: loss, parameters: parameters, outputs: outputs)
        return try differentiation.run()
    }
}

/// One differentiation under way.
private struct ReverseMode {
    private let loss: String
    private let parameters: [String]
    private let outputs: [String]
    /// The forward graph, later the training graph: only what is needed, in topological order.
    private var graph: Graph
    private var types: ValueTypes
    /// Values that depend on a parameter.
    private var carriers: Set<String> = []
    private var states: [DifferentiatedGraph.State] = []
    private var seedInput: String?
    private let forwardInputs: [ValueInfo]

    init(_ graph: Graph, loss: String, parameters: [String], outputs: [String]) throws(GraphError) {
        (self.loss, self.parameters, self.outputs) = (loss, parameters, outputs)
        forwardInputs = graph.inputs
        try Self.checkNames(graph, loss: loss, parameters: parameters, outputs: outputs)
        self.graph = try Self.pruned(graph, to: [loss] + outputs)
        types = try ValueTypes(self.graph)
        try checkTypes()
    }

    mutating func run() throws(GraphError) -> DifferentiatedGraph {
        findCarriers()
        try applyTrainingForms()
        findCarriers()
        var builder = GradientBuilder(graph, types: types)
        let gradients = try gradients(&builder)
        return assemble(&builder, gradients)
    }

    // MARK: Checks

    private static func checkNames(
        _ graph: Graph, loss: String, parameters: [String], outputs: [String]
    ) throws(GraphError) {
        var values = Set(graph.initializers.keys).union(graph.inputs.map(\.name))
        for node in graph.nodes { values.formUnion(node.outputs) }
        values.remove("")
        var seen = Set<String>()
        for (role, name) in [("loss", loss)] + outputs.map({ ("output", $0) }) {
            guard values.contains(name) else {
                throw GraphError(.invalidGraph, "\(role) '\(name)' is not a value of the graph\(hint(name, values))")
            }
            guard seen.insert(name).inserted else {
                throw GraphError(.invalidGraph, "\(role) '\(name)' is asked for twice")
            }
        }
        seen = []
        for name in parameters {
            guard graph.initializers[name] != nil else {
                let known = hint(name, Set(graph.initializers.keys))
                throw GraphError(.invalidGraph, "parameter '\(name)' is not an initializer of the graph\(known)")
            }
            guard seen.insert(name).inserted else {
                throw GraphError(.invalidGraph, "parameter '\(name)' is named twice")
            }
        }
    }

    private static func hint(_ name: String, _ known: Set<String>) -> String {
        guard let nearest = NearestValueName.nearest(to: name, among: known) else { return "" }
        return ", did you mean '\(nearest)'?"
    }

    private func checkTypes() throws(GraphError) {
        let allowed: [ElementType] = [.float32, .float64]
        var elementType: ElementType?
        if let type = types[loss] {
            guard allowed.contains(type.elementType) else {
                throw GraphError(
                    .unsupported, "loss '\(loss)' is of \(type.elementType.rawValue), expected float32 or float64")
            }
            guard type.dimensions.allSatisfy({ $0 == .fixed(1) }) else {
                let shape = type.dimensions.map(\.description).joined(separator: ", ")
                throw GraphError(.shapeMismatch, "loss '\(loss)' has shape [\(shape)], expected one element")
            }
            elementType = type.elementType
        }
        for name in parameters {
            guard let type = types[name] else { continue }
            guard allowed.contains(type.elementType) else {
                throw GraphError(
                    .unsupported,
                    "parameter '\(name)' is of \(type.elementType.rawValue), expected float32 or float64")
            }
            elementType = elementType ?? type.elementType
        }
    }

    // MARK: The training graph

    /// The graph with only the nodes that `values` depend on, sorted, and with these as outputs.
    private static func pruned(_ graph: Graph, to values: [String]) throws(GraphError) -> Graph {
        var result = graph
        result.outputs = values.map { ValueInfo(name: $0, elementType: .float32, dimensions: []) }
        var needed = Set(values)
        var kept: [Node] = []
        for work in try GraphValidator.sortedNodes(result).reversed()
        where work.node.outputs.contains(where: { !$0.isEmpty && needed.contains($0) }) {
            needed.formUnion(work.node.inputs)
            if let value = try constant(work, graph), let output = work.node.outputs.first {
                result.initializers[output] = value
                continue
            }
            var node = work.node
            node.inputs.removeLast(work.captures.count)
            kept.append(node)
        }
        result.nodes = kept.reversed()
        return result
    }

    /// The value of a Constant node, which rules then find as any other constant.
    private static func constant(_ node: WorkNode, _ graph: Graph) throws(GraphError) -> Tensor? {
        guard node.node.operatorType == "Constant" else { return nil }
        let operation = try OperatorRegistry.makeOperator(node, operatorSetVersion: graph.operatorSetVersion)
        return (operation as? ConstantOperator)?.value
    }

    /// The values that depend on a parameter through operators that have a gradient.
    private mutating func findCarriers() {
        carriers = Set(parameters)
        for node in graph.nodes where !GradientRules.constant.contains(node.operatorType) {
            let inputs = node.inputs + Subgraph.captures(of: node)
            guard inputs.contains(where: carriers.contains) else { continue }
            for output in node.outputs where !output.isEmpty && isDifferentiable(output) { carriers.insert(output) }
        }
    }

    private func isDifferentiable(_ value: String) -> Bool {
        guard let type = types[value]?.elementType else { return true }
        return type.isFloatingPoint
    }

    /// Replaces the nodes by what they are while training, and makes inputs of the parameters and the states.
    private mutating func applyTrainingForms() throws(GraphError) {
        var builder = TrainingFormBuilder(graph, types: types, parameters: Set(parameters), carriers: carriers)
        var isRewritten = false
        for node in graph.nodes {
            if let form = TrainingForms.all[node.operatorType] {
                try form(builder.sharingStates(node), &builder)
                isRewritten = true
            } else {
                builder.add(node)
            }
        }
        graph.nodes = builder.nodes
        graph.initializers = builder.constants
        (states, seedInput) = (builder.states, builder.seedInput)
        for name in parameters + states.map(\.initializer) {
            guard let tensor = graph.initializers.removeValue(forKey: name) else { continue }
            graph.inputs.append(
                ValueInfo(
                    name: name, elementType: tensor.elementType,
                    dimensions: tensor.shape.dimensions.map { .fixed($0) }))
        }
        if let seedInput { graph.inputs.append(ValueInfo(name: seedInput, elementType: .int64, dimensions: [])) }
        if isRewritten {
            types = try ValueTypes(graph)
            graph = try Self.sorted(graph)
        }
    }

    private static func sorted(_ graph: Graph) throws(GraphError) -> Graph {
        var result = graph
        result.nodes = try GraphValidator.sortedNodes(graph).map { work in
            var node = work.node
            node.inputs.removeLast(work.captures.count)
            return node
        }
        return result
    }

    // MARK: Gradients

    /// The gradient of each parameter, nil where the loss does not depend on it.
    private func gradients(_ builder: inout GradientBuilder) throws(GraphError) -> [String?] {
        var flows: [String: [String]] = [:]
        if carriers.contains(loss) {
            let shape = types[loss]?.dimensions.count ?? 0
            let elementType = types[loss]?.elementType ?? .float32
            builder.scope = loss
            let ones = [Int](repeating: 1, count: shape)
            guard let seedShape = try? Shape(ones) else { return parameters.map { _ in nil } }
            let one = builder.constant(Tensor(1, elementType, shape: seedShape))
            builder.setType(of: one, like: loss)
            flows[loss] = [one]
        }
        for node in graph.nodes.reversed() {
            builder.scope = node.name
            let outputs = node.outputs.map { $0.isEmpty ? nil : total($0, &flows, &builder) }
            guard outputs.contains(where: { $0 != nil }) else { continue }
            let captures = Subgraph.captures(of: node)
            let needed = node.inputs.map { carriers.contains($0) }
            guard needed.contains(true) || captures.contains(where: carriers.contains) else { continue }
            guard let rule = GradientRules.all[node.operatorType] else {
                throw node.error(
                    .unsupported, "has no gradient, but lies between a parameter and the loss '\(loss)'")
            }
            let results = try rule(node, outputs, needed, &builder)
            for (index, input) in node.inputs.enumerated() where needed[index] && index < results.count {
                guard let flow = results[index] else { continue }
                builder.setType(of: flow, like: input)
                flows[input, default: []].append(flow)
            }
        }
        return parameters.map { name in
            builder.scope = name
            return total(name, &flows, &builder)
        }
    }

    /// The sum of what flows into a value, in the order in which its readers come from the end of the graph.
    private func total(
        _ value: String, _ flows: inout [String: [String]], _ builder: inout GradientBuilder
    ) -> String? {
        guard let all = flows.removeValue(forKey: value), var sum = all.first else { return nil }
        for next in all.dropFirst() { sum = builder.add("Add", [sum, next], like: value) }
        return sum
    }

    private func assemble(_ builder: inout GradientBuilder, _ gradients: [String?]) -> DifferentiatedGraph {
        var initializers: [String: Tensor] = [:]
        var extra: [Node] = []
        var names: [String] = []
        var result = graph
        for (name, gradient) in zip(parameters, gradients) {
            guard let input = graph.inputs.last(where: { $0.name == name }) else { continue }
            let output = builder.uniqueName("gradient/\(name)")
            names.append(output)
            result.outputs.append(
                ValueInfo(name: output, elementType: input.elementType, dimensions: input.dimensions))
            if let gradient {
                // Two parameters may have one gradient, and outputs have names of their own.
                extra.append(
                    Node(
                        name: builder.uniqueName("gradient/\(name)/Identity"), operatorType: "Identity",
                        inputs: [gradient], outputs: [output]))
            } else if let shape = input.fixedShape, let exact = try? Shape(shape) {
                initializers[output] = Tensor(zeros: input.elementType, shape: exact)
            }
        }
        for (index, name) in ([loss] + outputs).enumerated() {
            if let type = types[name] { result.outputs[index] = type }
        }
        for state in states {
            let input = graph.inputs.last { $0.name == state.input }
            result.outputs.append(
                ValueInfo(
                    name: state.output, elementType: input?.elementType ?? .float32,
                    dimensions: input?.dimensions ?? []))
        }
        result.name = "\(graph.name)/training"
        result.nodes += builder.nodes + extra
        result.initializers = builder.constants.merging(initializers) { $1 }
        return DifferentiatedGraph(
            graph: result, parameters: parameters, gradients: names, states: states, seedInput: seedInput)
    }
}
