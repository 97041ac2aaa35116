import JSONDocuments
import ModelFormats
import Serving
import TensorEngine

/// What two model bundles do not have in common.
struct ModelComparison {
    struct Field: Equatable {
        var path: String
        /// Nil where that side has none.
        var left: String?
        var right: String?
    }

    struct Weight {
        var name: String
        /// As `float32 [64, 10]`; nil where that side has none.
        var left: String?
        var right: String?
        /// Nil when the sides cannot be compared.
        var comparison: WeightComparison?

        var isEqual: Bool { comparison?.isEqual == true }
    }

    /// Inputs and outputs.
    let signature: [Field]
    /// The rest of the manifest, without what differs between any two versions.
    let metadata: [Field]
    /// Nodes by name.
    let nodes: [Field]
    /// All of them, equal or not, by name.
    let weights: [Weight]

    var isEqual: Bool {
        signature.isEmpty && metadata.isEmpty && nodes.isEmpty && weights.allSatisfy(\.isEqual)
    }

    init(_ left: ModelBundle, _ right: ModelBundle) {
        signature = Self.fields(Self.signature(left.manifest), Self.signature(right.manifest))
        metadata = Self.fields(Self.metadata(left.manifest), Self.metadata(right.manifest))
        nodes = Self.fields(Self.nodes(left.graph), Self.nodes(right.graph))
        weights = Set(left.graph.initializers.keys).union(right.graph.initializers.keys).sorted().map { name in
            Self.weight(name, left.graph.initializers[name], right.graph.initializers[name])
        }
    }

    private static func fields(_ left: [String: String], _ right: [String: String]) -> [Field] {
        Set(left.keys).union(right.keys).sorted().compactMap { key in
            left[key] == right[key] ? nil : Field(path: key, left: left[key], right: right[key])
        }
    }

    private static func signature(_ manifest: Manifest) -> [String: String] {
        var fields: [String: String] = [:]
        for (kind, values) in [("input", manifest.inputs), ("output", manifest.outputs)] {
            for (position, value) in values.enumerated() {
                fields["\(kind) \(position)"] = "\(value.name) \(value.elementType.rawValue) \(value.shapeText)"
            }
        }
        return fields
    }

    /// Members with their paths. Names, numbers, dates and digests say nothing about how the models differ.
    private static func metadata(_ manifest: Manifest) -> [String: String] {
        var fields: [String: String] = [:]
        guard case .object(let members) = manifest.json else { return [:] }
        let ignored: Set = [
            "formatVersion", "name", "version", "inputs", "outputs", "createdAt", "graphSHA256", "weightsSHA256",
        ]
        for (key, value) in members where !ignored.contains(key) { flatten(value, key, into: &fields) }
        return fields
    }

    private static func flatten(_ value: JSONValue, _ path: String, into fields: inout [String: String]) {
        switch value {
        case .object(let members) where !members.isEmpty:
            for (key, value) in members { flatten(value, "\(path).\(key)", into: &fields) }
        case .array(let elements) where !elements.isEmpty:
            for (index, value) in elements.enumerated() { flatten(value, "\(path)[\(index)]", into: &fields) }
        case .string(let text): fields[path] = text
        default: fields[path] = String(decoding: value.serialized(.compact), as: UTF8.self)
        }
    }

    // MARK: Graphs

    private static func nodes(_ graph: Graph) -> [String: String] {
        Dictionary(graph.nodes.map { ($0.name, describe($0)) }) { "\($0); \($1)" }
    }

    private static func describe(_ node: Node) -> String {
        let attributes = node.attributes.sorted { $0.key < $1.key }.map { "\($0.key)=\(describe($0.value))" }
        return "\(node.operatorType)(\(node.inputs.joined(separator: ", "))) -> \(node.outputs.joined(separator: ", "))"
            + (attributes.isEmpty ? "" : " {\(attributes.joined(separator: ", "))}")
    }

    private static func describe(_ attribute: AttributeValue) -> String {
        switch attribute {
        case .int(let value): "\(value)"
        case .float(let value): "\(value)"
        case .string(let value): "\"\(value)\""
        case .ints(let values): "\(values)"
        case .floats(let values): "\(values)"
        case .strings(let values): "\(values)"
        case .tensor(let tensor) where tensor.elementType == .string: "\(kind(tensor)) \(tensor.strings)"
        case .tensor(let tensor): "\(kind(tensor)) \(tensor.withBytes { checksum($0) })"
        case .graph(let graph): "{\(graph.nodes.map(describe).joined(separator: "; "))}"
        }
    }

    /// FNV-1a: tells tensors inside attributes apart.
    private static func checksum(_ bytes: UnsafeRawBufferPointer) -> String {
        let hash = bytes.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
        return String(hash, radix: 16)
    }

    // MARK: Weights

    private static func weight(_ name: String, _ left: Tensor?, _ right: Tensor?) -> Weight {
        var comparison: WeightComparison?
        if let left, let right { comparison = WeightComparison.compare(left, right) }
        return Weight(name: name, left: left.map(kind), right: right.map(kind), comparison: comparison)
    }

    private static func kind(_ tensor: Tensor) -> String { "\(tensor.elementType.rawValue) \(tensor.shape)" }
}
