import Foundation
import JSONDocuments
import TensorEngine
import TestSupport
import Testing

/// What the tests of architectures, losses and optimizers share.
enum LearningFixtures {
    /// A document of `Tests/Fixtures/training`.
    static func document(_ name: String) throws -> JSONCursor {
        let url = URL(filePath: "\(Fixtures.root)/Tests/Fixtures/training/\(name).json")
        return JSONCursor(try JSONValue(parsing: [UInt8](try Data(contentsOf: url))))
    }

    /// A nest of lists of numbers as a float32 tensor.
    static func tensor(_ cursor: JSONCursor) throws -> Tensor {
        var elements: [Float] = []
        let extents = try collect(cursor.value, into: &elements)
        return try Tensor(shape: Shape(extents), elements: elements)
    }

    private static func collect(_ value: JSONValue, into elements: inout [Float]) throws -> [Int] {
        guard case .array(let list) = value else {
            elements.append(Float(try JSONCursor(value).number()))
            return []
        }
        var inner: [Int] = []
        for element in list { inner = try collect(element, into: &elements) }
        return [list.count] + inner
    }

    static func integers(_ tensor: Tensor) throws -> Tensor {
        try Tensor(shape: tensor.shape, elements: tensor.elements(as: Float.self).map { Int64($0) })
    }

    /// Runs a graph on inputs by name and returns its outputs by name.
    static func run(_ graph: Graph, _ inputs: [String: Tensor]) throws -> [String: Tensor] {
        let compiled = try CompiledGraph(graph)
        let tensors = try graph.inputs.map { try #require(inputs[$0.name], "no input '\($0.name)'") }
        let outputs = try compiled.run(tensors, on: ExecutionContext())
        return Dictionary(uniqueKeysWithValues: zip(graph.outputs.map(\.name), outputs))
    }

    /// Numbers that differ from each other, from -1 to 1.
    static func wave(_ shape: [Int]) throws -> Tensor {
        let shape = try Shape(shape)
        return try Tensor(shape: shape, elements: (0..<shape.elementCount).map { Float(sin(Double($0) * 1.7 + 0.3)) })
    }
}

extension JSONValue {
    /// A value written as JSON.
    init(json text: String) throws { self = try JSONValue(parsing: text) }
}
