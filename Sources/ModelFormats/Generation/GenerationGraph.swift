import TensorEngine

/// A causal decoder as one step of generation: the same graph, whose attention also reads a cache of earlier keys and values,
/// and which gives out the new ones.
struct GenerationGraph {
    struct Layer {
        let keys: String
        let values: String
        /// The graph's output with queries, keys and values side by side.
        let projection: String
    }

    static let length = "cache.length"

    let graph: Graph
    let layers: [Layer]
    let capacity: Int
    let width: Int

    /// - Parameter graph: a graph from ids to logits, as imported from a GPT-2.
    /// - Throws: ``GraphError`` when it is not one.
    init(_ graph: Graph) throws(GraphError) {
        guard let output = graph.outputs.first, output.name == "logits",
            let embedding = graph.nodes.first(where: { $0.operatorType == "TokenEmbedding" }),
            embedding.inputs.count == 3,
            let positions = graph.initializers[embedding.inputs[2]]?.shape, positions.rank == 2
        else { throw GraphError(.unsupported, "the model generates no text: it is no decoder with logits") }
        let (capacity, width) = (positions[0], positions[1])
        var layers: [Layer] = []
        var nodes = graph.nodes
        for index in nodes.indices {
            switch nodes[index].operatorType {
            case "TokenEmbedding": nodes[index].inputs += ["", "", Self.length]
            case "ScaledDotProductAttention":
                guard case .int(1)? = nodes[index].attributes["causal"], let projection = nodes[index].inputs.first,
                    nodes[index].inputs.dropFirst().prefix(2).allSatisfy(\.isEmpty)
                else {
                    throw GraphError(
                        .unsupported, node: nodes[index].name, operatorType: nodes[index].operatorType,
                        "the model generates no text: its attention is not causal")
                }
                let layer = Layer(
                    keys: "cache.\(layers.count).keys", values: "cache.\(layers.count).values", projection: projection)
                layers.append(layer)
                nodes[index].inputs = [projection, "", "", "", layer.keys, layer.values, Self.length]
            default: break
            }
        }
        func cache(_ name: String) -> ValueInfo {
            ValueInfo(name: name, elementType: .float32, dimensions: [.fixed(1), .fixed(capacity), .fixed(width)])
        }
        let inputs =
            [
                ValueInfo(name: "input_ids", elementType: .int64, dimensions: [.fixed(1), .symbolic("steps")]),
                ValueInfo(name: Self.length, elementType: .int64, dimensions: [.fixed(1)]),
            ] + layers.flatMap { [cache($0.keys), cache($0.values)] }
        let outputs =
            [output]
            + layers.map {
                ValueInfo(
                    name: $0.projection, elementType: .float32,
                    dimensions: [.fixed(1), .symbolic("steps"), .fixed(3 * width)])
            }
        self.graph = Graph(
            name: graph.name, operatorSetVersion: graph.operatorSetVersion, inputs: inputs, outputs: outputs,
            nodes: nodes,
            initializers: graph.initializers)
        (self.layers, self.capacity, self.width) = (layers, capacity, width)
    }
}
