import TensorEngine

/// A GraphProto as the engine's graph: names made unique, dimensions named.
enum ONNXTranslation {
    /// Names by which exporters mean "any number of rows", in lower case. The first dimension of an input becomes the
    /// batch when it has no extent and either no name or one of these, or one that begins with `unk` or `batch`.
    private static let batchNames: Set<String> = ["", "n", "b", "bs", "none", "unknown", "?", "-1", "dynamic"]

    static func graph(_ original: ONNXGraph, operatorSetVersion: Int) throws(WireError) -> Graph {
        let graph = withoutMaps(original)
        let inputs = graph.inputs.filter { graph.initializers[$0.name] == nil }
        let batchSymbols = batchSymbols(inputs)
        var values: [ValueInfo] = []
        for input in inputs { values.append(try value(input, batchSymbols, isInput: true)) }
        var outputs: [ValueInfo] = []
        for output in graph.outputs { outputs.append(try value(output, batchSymbols, isInput: false)) }
        return Graph(
            name: graph.name, operatorSetVersion: operatorSetVersion, inputs: values, outputs: outputs,
            nodes: try nodes(graph), initializers: graph.initializers)
    }

    /// Converters of scikit-learn's models turn the matrix of probabilities into one map a row (ZipMap): the matrix itself
    /// is the output here, its columns in the order of the node's labels.
    private static func withoutMaps(_ graph: ONNXGraph) -> ONNXGraph {
        var result = graph
        for index in result.nodes.indices where result.nodes[index].operatorType == "ZipMap" {
            result.nodes[index].operatorType = "Identity"
            result.nodes[index].domain = ""
            result.nodes[index].attributes = [:]
            for output in result.outputs.indices where result.nodes[index].outputs.contains(result.outputs[output].name)
            {
                result.outputs[output].isForeign = false
                result.outputs[output].dataType = 0
                result.outputs[output].dimensions = nil
            }
        }
        return result
    }

    /// A graph in an attribute: its values' types are those of whatever comes in.
    static func subgraph(_ graph: ONNXGraph) throws(WireError) -> Graph {
        func value(_ info: ONNXValueInfo) -> ValueInfo {
            let type = (try? ONNXTensor.elementType(info.dataType)) ?? .float32
            return ValueInfo(name: info.name, elementType: type, dimensions: [])
        }
        let inputs = graph.inputs.filter { graph.initializers[$0.name] == nil }
        return Graph(
            name: graph.name, inputs: inputs.map(value), outputs: graph.outputs.map(value), nodes: try nodes(graph),
            initializers: graph.initializers)
    }

    private static func nodes(_ graph: ONNXGraph) throws(WireError) -> [Node] {
        var taken = Set<String>()
        var result: [Node] = []
        for (index, node) in graph.nodes.enumerated() {
            guard node.domain.isEmpty || node.domain == "ai.onnx.ml" else {
                throw WireError(
                    "node \(index) '\(node.name)' (\(node.operatorType)): the operator domain '\(node.domain)' "
                        + "is not supported")
            }
            if let reference = node.references.first {
                throw WireError(
                    "node \(index) '\(node.name)' (\(node.operatorType)): attribute '\(reference.key)' refers to a function's "
                        + "attribute outside a function")
            }
            var name = node.name.isEmpty ? "\(node.operatorType)_\(index)" : node.name
            while !taken.insert(name).inserted { name += "_\(index)" }
            result.append(
                Node(
                    name: name, operatorType: node.operatorType, inputs: node.inputs, outputs: node.outputs,
                    attributes: node.attributes))
        }
        return result
    }

    private static func batchSymbols(_ inputs: [ONNXValueInfo]) -> Set<String> {
        var result = Set<String>()
        for case .named(let name)? in inputs.map({ $0.dimensions?.first }) {
            let lower = name.lowercased()
            if batchNames.contains(lower) || lower.hasPrefix("unk") || lower.hasPrefix("batch") { result.insert(name) }
        }
        return result
    }

    private static func value(
        _ info: ONNXValueInfo, _ batchSymbols: Set<String>, isInput: Bool
    ) throws(WireError) -> ValueInfo {
        let role = isInput ? "input" : "output"
        guard !info.isForeign else {
            throw WireError("graph \(role) '\(info.name)' is not a tensor: only tensors are supported")
        }
        do throws(WireError) {
            // An output's type is inferred; some exporters leave it out.
            let known = isInput || info.dataType != 0
            let elementType = known ? try ONNXTensor.elementType(info.dataType) : .float32
            guard info.dimensions != nil || !isInput else { throw WireError("it declares no shape") }
            let dimensions = (info.dimensions ?? []).enumerated().map { axis, extent -> Dimension in
                switch extent {
                case .fixed(let extent): return .fixed(extent)
                case .named(let name):
                    if batchSymbols.contains(name), axis == 0 || !name.isEmpty { return .batch }
                    return .symbolic(name.isEmpty ? "\(info.name)_\(axis)" : name)
                }
            }
            return ValueInfo(name: info.name, elementType: elementType, dimensions: dimensions)
        } catch {
            throw WireError("graph \(role) '\(info.name)': \(error.message)")
        }
    }
}
