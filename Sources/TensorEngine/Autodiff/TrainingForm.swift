/// Writes the nodes that one node of a forward graph is while training: another operator under the same output names
/// (Dropout that drops), or the same one with more outputs for its gradient to use (LSTM with its gates).
///
/// The new nodes must make every output of the old one that has a name, under that name.
typealias TrainingForm = @Sendable (Node, inout TrainingFormBuilder) throws(GraphError) -> Void

/// The training forms by operator type. Operators without one train as they are.
enum TrainingForms {
    static let all = decomposed.merging(layers) { $1 }
}

/// Collects the training graph while training forms write it.
struct TrainingFormBuilder {
    let operatorSetVersion: Int
    private(set) var nodes: [Node] = []
    private(set) var constants: [String: Tensor]
    private(set) var states: [DifferentiatedGraph.State] = []
    /// The seed's input, once an operator has asked for it.
    private(set) var seedInput: String?
    private var streamCount = 0
    private var names: UniqueNames
    private let types: ValueTypes
    private let parameters: Set<String>
    private let carriers: Set<String>

    init(_ graph: Graph, types: ValueTypes, parameters: Set<String>, carriers: Set<String>) {
        operatorSetVersion = graph.operatorSetVersion
        constants = graph.initializers
        names = UniqueNames(graph)
        (self.types, self.parameters, self.carriers) = (types, parameters, carriers)
    }

    /// The type of a value of the forward graph; nil when it is not known before the run.
    func type(of value: String) -> ValueInfo? { types[value] }

    /// The initial value of an initializer; Constant nodes have become initializers.
    func initializer(_ name: String) -> Tensor? { constants[name] }

    /// Whether the initializer is one of the parameters to train.
    func isTrained(_ name: String) -> Bool { parameters.contains(name) }

    /// Whether the value depends on a parameter to train, so that its gradient may be asked for.
    func carriesGradient(_ value: String) -> Bool { carriers.contains(value) }

    /// The node's attributes, to be read by name.
    func reader(_ node: Node) -> NodeReader {
        NodeReader(WorkNode(node), operatorSetVersion: operatorSetVersion)
    }

    /// A name that no value and no node has.
    mutating func uniqueName(_ base: String) -> String { names.next(base) }

    mutating func add(_ node: Node) { nodes.append(node) }

    /// The node with the newest values of the states that it reads, which earlier nodes have updated.
    func sharingStates(_ node: Node) -> Node {
        var node = node
        node.inputs = node.inputs.map { input in
            states.first { $0.initializer == input }?.output ?? input
        }
        return node
    }

    /// A new constant's name.
    mutating func constant(_ base: String, _ tensor: Tensor) -> String {
        let name = names.next(base)
        constants[name] = tensor
        return name
    }

    /// The name of the int64 scalar that is another one every step.
    mutating func seed() -> String {
        if let seedInput { return seedInput }
        let name = names.next("seed")
        seedInput = name
        return name
    }

    /// The number of a random operator in its graph: 0, 1, 2 and so on, so that no two draw the same numbers.
    mutating func nextStream() -> Int {
        defer { streamCount += 1 }
        return streamCount
    }

    /// Makes an initializer a state of the training graph: an input of the same name, its new value the value `updated`. A
    /// node that shares it with an earlier one (``sharingStates(_:)``) updates what that one has left.
    /// - Throws: ``GraphError`` when it is no initializer, or is trained.
    mutating func addState(_ initializer: String, updated: String, by node: Node) throws(GraphError) {
        if let index = states.firstIndex(where: { $0.output == initializer }) {
            let state = states[index]
            states[index] = .init(initializer: state.initializer, input: state.input, output: updated)
            return
        }
        guard constants[initializer] != nil else {
            throw node.error(.unsupported, "'\(initializer)' is computed, expected an initializer to update")
        }
        guard !parameters.contains(initializer) else {
            throw node.error(.invalidGraph, "'\(initializer)' is updated by the operator and cannot be trained too")
        }
        guard !states.contains(where: { $0.initializer == initializer }) else {
            throw node.error(.unsupported, "'\(initializer)' is updated twice")
        }
        states.append(.init(initializer: initializer, input: initializer, output: updated))
    }
}

extension Node {
    func error(_ kind: GraphError.Kind, _ message: String) -> GraphError {
        GraphError(kind, node: name, operatorType: operatorType, message)
    }
}
