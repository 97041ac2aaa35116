import TensorEngine

/// A model's own functions (FunctionProto; ONNX IR, "Functions"). Nodes that call one become the function's nodes.
struct ONNXFunctions {
    private struct Key: Hashable {
        let domain: String
        let name: String
        let overload: String
    }

    private struct Function {
        var inputs: [String] = []
        var outputs: [String] = []
        var nodes: [ONNXNode] = []
        /// Attributes with a default value.
        var defaults: [String: AttributeValue] = [:]
    }

    /// Functions that call functions.
    private static let maximumDepth = 16
    private var functions: [Key: Function] = [:]

    mutating func add(_ message: WireMessage, _ source: ONNXSource) throws(WireError) {
        var message = message
        var function = Function()
        var (name, domain, overload) = ("", "", "")
        while let field = try message.next() {
            switch field.number {
            case 1: name = try field.string()
            case 4: function.inputs.append(try field.string())
            case 5: function.outputs.append(try field.string())
            case 7:
                guard function.nodes.count < source.limits.maximumEntries else {
                    throw WireError("function '\(name)' has more than \(source.limits.maximumEntries) nodes")
                }
                do throws(WireError) {
                    function.nodes.append(
                        try ONNXNode(try field.message(), source, index: function.nodes.count, depth: 0))
                } catch {
                    throw WireError("function '\(name)': \(error.message)")
                }
            case 10: domain = try field.string()
            case 11:
                let (attribute, value) = try ONNXAttribute.read(try field.message(), source, depth: 0)
                function.defaults[attribute] = value
            case 13: overload = try field.string()
            default: break
            }
        }
        guard functions.count < source.limits.maximumEntries else {
            throw WireError("more than \(source.limits.maximumEntries) functions")
        }
        let key = Key(domain: domain == "ai.onnx" ? "" : domain, name: name, overload: overload)
        guard functions.updateValue(function, forKey: key) == nil else {
            throw WireError("two functions are named '\(name)' in the domain '\(domain)'")
        }
    }

    /// The graph without calls. Graphs in attributes keep theirs, which are then unknown operators.
    func inlined(_ graph: ONNXGraph, limits: ModelFormatLimits) throws(WireError) -> ONNXGraph {
        guard !functions.isEmpty else { return graph }
        var result = graph
        var inlining = Inlining(functions: functions, limit: limits.maximumEntries)
        result.nodes = try inlining.expand(graph.nodes, depth: 0)
        return result
    }

    private struct Inlining {
        let functions: [Key: Function]
        let limit: Int
        private var nodeCount = 0
        private var callCount = 0

        init(functions: [Key: Function], limit: Int) {
            (self.functions, self.limit) = (functions, limit)
        }

        mutating func expand(_ nodes: [ONNXNode], depth: Int) throws(WireError) -> [ONNXNode] {
            var result: [ONNXNode] = []
            for node in nodes {
                let key = Key(domain: node.domain, name: node.operatorType, overload: node.overload)
                guard let function = functions[key] else {
                    nodeCount += 1
                    guard nodeCount <= limit else { throw WireError("more than \(limit) nodes with functions inlined") }
                    result.append(node)
                    continue
                }
                guard depth < ONNXFunctions.maximumDepth else {
                    throw WireError(
                        "function '\(node.operatorType)': functions call each other more than "
                            + "\(ONNXFunctions.maximumDepth) deep")
                }
                result += try expand(try body(function, of: node), depth: depth + 1)
            }
            return result
        }

        /// The function's nodes with the caller's values and attributes, and names of their own for the rest.
        private mutating func body(_ function: Function, of call: ONNXNode) throws(WireError) -> [ONNXNode] {
            guard call.inputs.count <= function.inputs.count, call.outputs.count <= function.outputs.count else {
                throw WireError(
                    "node '\(call.name)' (\(call.operatorType)) has \(call.inputs.count) inputs and "
                        + "\(call.outputs.count) outputs, its function \(function.inputs.count) and "
                        + "\(function.outputs.count)")
            }
            callCount += 1
            let prefix = "\(call.operatorType)#\(callCount)/"
            var names: [String: String] = ["": ""]
            for (index, name) in function.inputs.enumerated() {
                names[name] = index < call.inputs.count ? call.inputs[index] : ""
            }
            for (index, name) in function.outputs.enumerated()
            where index < call.outputs.count && !call.outputs[index].isEmpty { names[name] = call.outputs[index] }
            // An output that is an input: its value needs a node of its own.
            var result: [ONNXNode] = []
            for (index, name) in function.outputs.enumerated()
            where function.inputs.contains(name) && index < call.outputs.count {
                throw WireError("function '\(call.operatorType)': output '\(name)' is one of its inputs")
            }
            for node in function.nodes {
                var node = node
                if node.attributes.values.contains(where: { if case .graph = $0 { true } else { false } }) {
                    throw WireError(
                        "function '\(call.operatorType)', node '\(node.name)': graphs inside of functions are not supported"
                    )
                }
                node.name = prefix + node.name
                node.inputs = node.inputs.map { names[$0] ?? prefix + $0 }
                node.outputs = node.outputs.map { names[$0] ?? prefix + $0 }
                for (attribute, reference) in node.references {
                    node.attributes[attribute] = call.attributes[reference] ?? function.defaults[reference]
                }
                node.references = [:]
                result.append(node)
            }
            return result
        }
    }
}
