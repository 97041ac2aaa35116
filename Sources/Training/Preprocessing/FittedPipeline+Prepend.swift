public import TensorEngine

extension FittedPipeline {
    /// The model with this preprocessing before it: its inputs are ``rawInputs``; a single one keeps the name of the
    /// model's. Names that the model has already are changed here, not there.
    /// - Throws: ``DataError`` when the pipeline does not fit the model's inputs.
    public func prepend(to model: Graph) throws(DataError) -> Graph {
        guard model.operatorSetVersion >= Self.minimumOperatorSetVersion else {
            throw DataError(
                .unsupported, at: "preprocessing",
                "the model is of operator set \(model.operatorSetVersion), expected at least "
                    + "\(Self.minimumOperatorSetVersion)")
        }
        let adapted = try adapted(to: model.inputs)
        let pipeline = adapted.graph
        let modelInputs = Set(model.inputs.map(\.name))
        let taken = model.valueAndNodeNames
        var prefix = PipelineBuilder.prefix
        var number = 1
        while taken.contains(where: { $0.hasPrefix(prefix) }) {
            prefix = "preprocessing_\(number)/"
            number += 1
        }
        var names: [String: String] = [:]
        for node in pipeline.nodes {
            for name in node.outputs + [node.name] {
                names[name] = prefix + name.dropFirst(PipelineBuilder.prefix.count)
            }
        }
        // A model's input becomes a value in between, and leaves its name to what comes in.
        var renamed: [String: String] = [:]
        for (input, output) in zip(model.inputs, pipeline.outputs) { renamed[input.name] = names[output.name] }
        var inputs: [ValueInfo] = []
        for var input in pipeline.inputs {
            var name = pipeline.inputs.count == 1 && model.inputs.count == 1 ? model.inputs[0].name : input.name
            while (taken.contains(name) && !modelInputs.contains(name)) || inputs.contains(where: { $0.name == name }) {
                name += "_raw"
            }
            names[input.name] = name
            input.name = name
            inputs.append(input)
        }
        var nodes = pipeline.nodes.map { node in
            var node = node
            node.name = names[node.name] ?? node.name
            node.inputs = node.inputs.map { names[$0] ?? $0 }
            node.outputs = node.outputs.map { names[$0] ?? $0 }
            return node
        }
        nodes += model.nodes.map { $0.renamingInputs(renamed) }
        var outputs = model.outputs
        for (index, output) in model.outputs.enumerated() {
            guard let source = renamed[output.name] else { continue }
            // A model that hands an input on.
            var name = output.name
            while inputs.contains(where: { $0.name == name }) || taken.subtracting(modelInputs).contains(name) {
                name += "_preprocessed"
            }
            nodes.append(
                Node(name: "\(prefix)handed_on_\(index)", operatorType: "Identity", inputs: [source], outputs: [name]))
            outputs[index].name = name
        }
        return Graph(
            name: model.name, operatorSetVersion: model.operatorSetVersion, inputs: inputs, outputs: outputs,
            nodes: nodes, initializers: model.initializers)
    }
}

extension Graph {
    /// Every name in this graph and those in its attributes.
    fileprivate var valueAndNodeNames: Set<String> {
        var names = Set(inputs.map(\.name)).union(outputs.map(\.name)).union(initializers.keys)
        for node in nodes {
            names.insert(node.name)
            names.formUnion(node.outputs)
            names.formUnion(node.inputs)
            for case .graph(let graph) in node.attributes.values { names.formUnion(graph.valueAndNodeNames) }
        }
        return names
    }
}

extension Node {
    /// The node with other inputs, in the graphs of its attributes too, where these see the outer value.
    fileprivate func renamingInputs(_ names: [String: String]) -> Node {
        var node = self
        node.inputs = inputs.map { names[$0] ?? $0 }
        for (key, value) in attributes {
            guard case .graph(var graph) = value else { continue }
            var visible = names
            for name in graph.inputs.map(\.name) + graph.initializers.keys + graph.nodes.flatMap(\.outputs) {
                visible[name] = nil
            }
            graph.nodes = graph.nodes.map { $0.renamingInputs(visible) }
            for index in graph.outputs.indices {
                if let name = visible[graph.outputs[index].name] { graph.outputs[index].name = name }
            }
            node.attributes[key] = .graph(graph)
        }
        return node
    }
}
