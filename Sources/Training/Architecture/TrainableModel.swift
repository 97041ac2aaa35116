public import TensorEngine

/// A graph and which of its initializers training changes.
public struct TrainableModel: Sendable {
    /// The model with its weights. Dropout and BatchNormalization are nodes of it, which act while training.
    public var graph: Graph
    /// The float32 initializers that gradients change, in the order of the layers.
    public let parameters: [String]
    /// Those of ``parameters`` that are matrices of factors, for penalties and weight decay: kernels, embeddings, no biases
    /// and no scales.
    public let regularized: [String]

    /// - Precondition: the parameters are initializers of the graph.
    package init(graph: Graph, parameters: [String], regularized: [String]) {
        (self.graph, self.parameters, self.regularized) = (graph, parameters, regularized)
    }

    public var inputs: [ValueInfo] { graph.inputs }
    public var outputs: [ValueInfo] { graph.outputs }

    /// Numbers in all parameters together.
    public var parameterCount: Int {
        parameters.reduce(0) { $0 + (graph.initializers[$1]?.shape.elementCount ?? 0) }
    }
}
