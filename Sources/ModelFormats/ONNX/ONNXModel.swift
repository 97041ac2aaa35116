import TensorEngine

/// A ModelProto's parts that matter here (onnx.proto3; https://onnx.ai/onnx/repo-docs/IR.html).
struct ONNXModel {
    var irVersion = 0
    var producer = ""
    var producerVersion = ""
    /// By domain; `ai.onnx` is the empty one.
    var operatorSets: [String: Int] = [:]
    var graph: ONNXGraph?
    var metadata: [String: String] = [:]

    init(_ source: ONNXSource) throws(WireError) {
        var message = WireMessage(source.file.bytes)
        var functions = ONNXFunctions()
        var graphMessage: WireMessage?
        while let field = try message.next() {
            switch field.number {
            case 1: irVersion = try field.integer()
            case 2: producer = try field.string()
            case 3: producerVersion = try field.string()
            case 7: graphMessage = try field.message()
            case 8: try readOperatorSet(try field.message())
            case 14:
                let (key, value) = try Self.entry(try field.message())
                metadata[key] = value
            case 25: try functions.add(try field.message(), source)
            default: break
            }
        }
        if let graphMessage {
            graph = try functions.inlined(try ONNXGraph(graphMessage, source, depth: 0), limits: source.limits)
        }
    }

    private mutating func readOperatorSet(_ message: WireMessage) throws(WireError) {
        var message = message
        var (domain, version) = ("", 0)
        while let field = try message.next() {
            switch field.number {
            case 1: domain = try field.string()
            case 2: version = try field.integer()
            default: break
            }
        }
        operatorSets[domain == "ai.onnx" ? "" : domain] = version
    }

    /// A StringStringEntryProto.
    static func entry(_ message: WireMessage) throws(WireError) -> (key: String, value: String) {
        var message = message
        var (key, value) = ("", "")
        while let field = try message.next() {
            switch field.number {
            case 1: key = try field.string()
            case 2: value = try field.string()
            default: break
            }
        }
        return (key, value)
    }
}

/// A GraphProto.
struct ONNXGraph {
    var name = ""
    var nodes: [ONNXNode] = []
    var initializers: [String: Tensor] = [:]
    var inputs: [ONNXValueInfo] = []
    var outputs: [ONNXValueInfo] = []

    /// Graphs inside attributes of graphs.
    static let maximumDepth = 16

    init(_ message: WireMessage, _ source: ONNXSource, depth: Int) throws(WireError) {
        guard depth <= Self.maximumDepth else {
            throw WireError("graphs are nested more than \(Self.maximumDepth) deep")
        }
        var message = message
        while let field = try message.next() {
            switch field.number {
            case 1:
                guard nodes.count < source.limits.maximumEntries else {
                    throw WireError("more than \(source.limits.maximumEntries) nodes")
                }
                nodes.append(try ONNXNode(try field.message(), source, index: nodes.count, depth: depth))
            case 2: name = try field.string()
            case 5:
                let tensor = try ONNXTensor(try field.message())
                guard initializers.count < source.limits.maximumEntries else {
                    throw WireError("more than \(source.limits.maximumEntries) initializers")
                }
                guard initializers[tensor.name] == nil else {
                    throw WireError("two initializers are named '\(tensor.name)'")
                }
                do throws(WireError) {
                    initializers[tensor.name] = try tensor.tensor(source)
                } catch {
                    throw WireError("initializer '\(tensor.name)': \(error.message)")
                }
            case 11: inputs.append(try ONNXValueInfo(try field.message()))
            case 12: outputs.append(try ONNXValueInfo(try field.message()))
            case 15: throw WireError("sparse initializers are not supported")
            default: break
            }
        }
    }
}

/// A NodeProto.
struct ONNXNode {
    var name = ""
    var operatorType = ""
    var domain = ""
    var inputs: [String] = []
    var outputs: [String] = []
    var overload = ""
    var attributes: [String: AttributeValue] = [:]
    /// In a function's node: attributes that are those of the function's caller, by the caller's name.
    var references: [String: String] = [:]

    init(_ message: WireMessage, _ source: ONNXSource, index: Int, depth: Int) throws(WireError) {
        var attributeMessages: [WireMessage] = []
        var message = message
        while let field = try message.next() {
            switch field.number {
            case 1: inputs.append(try field.string())
            case 2: outputs.append(try field.string())
            case 3: name = try field.string()
            case 4: operatorType = try field.string()
            case 5: attributeMessages.append(try field.message())
            case 7: domain = try field.string()
            case 8: overload = try field.string()
            default: break
            }
        }
        if domain == "ai.onnx" { domain = "" }
        for attribute in attributeMessages {
            do throws(WireError) {
                if let (name, reference) = try ONNXAttribute.reference(attribute) {
                    references[name] = reference
                    continue
                }
                let (name, value) = try ONNXAttribute.read(attribute, source, depth: depth)
                guard attributes[name] == nil else { throw WireError("attribute '\(name)' stands there twice") }
                attributes[name] = value
            } catch {
                throw WireError("node \(index) '\(name)' (\(operatorType)): \(error.message)")
            }
        }
    }
}

/// A ValueInfoProto of tensor type.
struct ONNXValueInfo {
    enum Extent {
        case fixed(Int)
        case named(String)
    }

    var name = ""
    /// Zero when the file names none.
    var dataType = 0
    /// nil when the rank is unknown.
    var dimensions: [Extent]?
    /// Whether it is something else than a tensor.
    var isForeign = false

    init(_ message: WireMessage) throws(WireError) {
        var message = message
        while let field = try message.next() {
            switch field.number {
            case 1: name = try field.string()
            case 2:
                var type = try field.message()
                while let kind = try type.next() {
                    if kind.number == 1 {
                        try readTensorType(try kind.message())
                    } else if [4, 5, 8, 9].contains(kind.number) {
                        isForeign = true
                    }
                }
            default: break
            }
        }
    }

    private mutating func readTensorType(_ message: WireMessage) throws(WireError) {
        var message = message
        while let field = try message.next() {
            switch field.number {
            case 1: dataType = try field.integer()
            case 2:
                var shape = try field.message()
                var extents: [Extent] = []
                while let part = try shape.next() {
                    guard part.number == 1 else { continue }
                    var dimension = try part.message()
                    var extent = Extent.named("")
                    while let value = try dimension.next() {
                        switch value.number {
                        case 1: extent = .fixed(try value.integer())
                        case 2: extent = .named(try value.string())
                        default: break
                        }
                    }
                    extents.append(extent)
                }
                dimensions = extents
            default: break
            }
        }
    }
}
