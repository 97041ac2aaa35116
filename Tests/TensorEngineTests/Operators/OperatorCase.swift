import Foundation
import TensorEngine

/// One case of `Fixtures/operator_cases.json`: a node, its operands, and what the reference computed.
struct OperatorCase: Decodable, Sendable {
    struct Value: Decodable, Sendable {
        var type: String
        var shape: [Int]
        var data: Data
        var constant: Bool?

        func tensor() throws -> Tensor {
            guard let type = ElementType(rawValue: type) else { throw MalformedCase() }
            return try data.withUnsafeBytes { try Tensor(type, shape: Shape(shape), bytes: $0) }
        }
    }

    struct Attribute: Decodable, Sendable {
        var int: Int?
        var float: Float?
        var string: String?
        var ints: [Int]?
        var floats: [Float]?
        var strings: [String]?

        func value() throws -> AttributeValue {
            if let int { return .int(int) }
            if let float { return .float(float) }
            if let string { return .string(string) }
            if let ints { return .ints(ints) }
            if let floats { return .floats(floats) }
            if let strings { return .strings(strings) }
            throw MalformedCase()
        }
    }

    struct MalformedCase: Error {}

    var name: String
    var `operator`: String
    var opset: Int
    var tolerance: Double
    var attributes: [String: Attribute]
    var inputs: [Value?]
    var outputs: [Value]

    static func load(_ file: String = "operator_cases") throws -> [OperatorCase] {
        guard
            let url = Bundle.module.url(forResource: file, withExtension: "json", subdirectory: "Fixtures")
        else { throw MalformedCase() }
        return try JSONDecoder().decode([OperatorCase].self, from: Data(contentsOf: url))
    }

    /// The graph and the tensors for its inputs.
    func graph() throws -> (graph: Graph, inputs: [Tensor]) {
        var graph = Graph(
            name: name, operatorSetVersion: opset, inputs: [],
            outputs: outputs.indices.map { ValueInfo(name: "o\($0)", elementType: .float32, dimensions: []) },
            nodes: [])
        var names: [String] = []
        var tensors: [Tensor] = []
        for (index, value) in inputs.enumerated() {
            guard let value else {
                names.append("")
                continue
            }
            let tensor = try value.tensor()
            names.append("i\(index)")
            if value.constant == true {
                graph.initializers["i\(index)"] = tensor
            } else {
                graph.inputs.append(
                    ValueInfo(
                        name: "i\(index)", elementType: tensor.elementType,
                        dimensions: tensor.shape.dimensions.map(Dimension.fixed)))
                tensors.append(tensor)
            }
        }
        graph.nodes = [
            Node(
                name: "node", operatorType: `operator`, inputs: names, outputs: graph.outputs.map(\.name),
                attributes: try attributes.mapValues { try $0.value() })
        ]
        return (graph, tensors)
    }
}
