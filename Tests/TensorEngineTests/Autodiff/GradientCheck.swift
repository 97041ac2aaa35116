import Testing

@testable import TensorEngine

/// A small graph whose gradients are compared with central differences.
struct GradientCase: Sendable, CustomTestStringConvertible {
    /// Where an operand's random numbers lie: away from kinks and poles.
    enum Range: Sendable {
        /// In ±[0.2, 1.2].
        case nonzero
        /// In [0.3, 1.8].
        case positive
        /// In [1.2, 2.8].
        case large
        /// In [-0.8, 0.8].
        case unit
        /// Multiples of 0.17 in random order, so that no two are close.
        case distinct
    }

    struct Operand: Sendable {
        var name: String
        var shape: Shape
        var range = Range.nonzero
    }

    var name: String
    var nodes: [Node]
    var operands: [Operand]
    /// Values that are not differentiated; float64 ones follow the element type.
    var constants: [String: Tensor] = [:]
    var outputs = ["y"]
    var opset = 17
    var testDescription: String { name }

    /// One node from operands to `y`.
    init(
        _ operatorType: String, _ operands: [Operand], constants: [(String, Tensor)] = [],
        attributes: [String: AttributeValue] = [:], outputs: [String] = ["y"], weighted: [String]? = nil,
        opset: Int = 17, label: String = "", inputs: [String]? = nil
    ) {
        name = label.isEmpty ? operatorType : "\(operatorType), \(label)"
        nodes = [
            Node(
                name: "node", operatorType: operatorType, inputs: inputs ?? operands.map(\.name) + constants.map(\.0),
                outputs: outputs, attributes: attributes)
        ]
        self.operands = operands
        self.constants = Dictionary(uniqueKeysWithValues: constants)
        self.outputs = weighted ?? outputs
        self.opset = opset
    }

    init(_ name: String, nodes: [Node], operands: [Operand], constants: [String: Tensor] = [:], opset: Int = 17) {
        (self.name, self.nodes, self.operands, self.constants, self.opset) = (name, nodes, operands, constants, opset)
    }
}

extension GradientCase.Operand {
    static func x(_ shape: Shape, _ range: GradientCase.Range = .nonzero) -> Self {
        .init(name: "x", shape: shape, range: range)
    }
    static func named(_ name: String, _ shape: Shape, _ range: GradientCase.Range = .nonzero) -> Self {
        .init(name: name, shape: shape, range: range)
    }

    func values(_ numbers: inout Numbers) -> [Double] {
        let count = shape.elementCount
        if range == .distinct {
            let keys = (0..<count).map { _ in Double(numbers.next()) }
            let order = (0..<count).sorted { keys[$0] < keys[$1] }
            return order.map { (Double($0) - Double(count) / 2) * 0.17 + 0.05 }
        }
        return (0..<count).map { _ in
            let number = Double(numbers.next())
            switch range {
            case .nonzero: return number < 0 ? number - 0.2 : number + 0.2
            case .positive: return 1.05 + 0.75 * number
            case .large: return 2 + 0.8 * number
            default: return 0.8 * number
            }
        }
    }
}

/// Gradients by differentiation and by central differences.
struct GradientCheck {
    let test: GradientCase
    private let values: [[Double]]

    init(_ test: GradientCase, seed: UInt64 = 7) {
        self.test = test
        var numbers = Numbers(seed: seed)
        values = test.operands.map { $0.values(&numbers) }
    }

    /// The gradients where no shape and no type is known before the run: every operand is the sum of its parameter and an
    /// input of zeros whose extents are all symbols.
    private func gradientsOfUnknownShapes() throws -> [[Double]] {
        var graph = try graph(.float32)
        for operand in test.operands {
            let (parameter, zeros) = ("\(operand.name)/parameter", "\(operand.name)/zeros")
            graph.initializers[parameter] = graph.initializers.removeValue(forKey: operand.name)
            graph.inputs.append(
                ValueInfo(
                    name: zeros, elementType: .float32,
                    dimensions: operand.shape.dimensions.indices.map { .symbolic("\(operand.name)\($0)") }))
            graph.nodes.append(
                Node(
                    name: "\(operand.name)/sum", operatorType: "Add", inputs: [parameter, zeros],
                    outputs: [operand.name]))
        }
        let trained = try Differentiation.differentiate(
            graph, loss: "loss", parameters: test.operands.map { "\($0.name)/parameter" })
        let zeros = test.operands.map { Tensor(zeros: .float32, shape: $0.shape) }
        let outputs = try CompiledGraph.run(trained.graph, zeros + parameters(values, .float32))
        return outputs.dropFirst().map(\.doubles)
    }

    /// The case as a graph that ends in a weighted sum of its outputs.
    func graph(_ elementType: ElementType) throws -> Graph {
        var graph = Graph(
            name: test.name, operatorSetVersion: test.opset, inputs: [],
            outputs: test.outputs.map { ValueInfo(name: $0, elementType: elementType, dimensions: []) },
            nodes: test.nodes)
        for (name, tensor) in test.constants {
            graph.initializers[name] = tensor.elementType == .float64 ? tensor.converted(to: elementType) : tensor
        }
        for (operand, values) in zip(test.operands, values) {
            graph.initializers[operand.name] = try Tensor(shape: operand.shape, elements: values)
                .converted(to: elementType)
        }
        let outputs = try CompiledGraph(graph).outputs
        var losses: [String] = []
        var numbers = Numbers(seed: 99)
        for output in outputs {
            let shape = try Shape(
                output.dimensions.map { dimension in
                    if case .fixed(let extent) = dimension { extent } else { 1 }
                })
            let weights = (0..<shape.elementCount).map { _ in Double(numbers.next()) + 0.1 }
            let name = output.name
            graph.initializers["\(name)/weights"] = try Tensor(shape: shape, elements: weights)
                .converted(to: elementType)
            graph.nodes += [
                Node(
                    name: "\(name)/weigh", operatorType: "Mul", inputs: [name, "\(name)/weights"],
                    outputs: ["\(name)/weighted"]),
                Node(
                    name: "\(name)/total", operatorType: "ReduceSum", inputs: ["\(name)/weighted"],
                    outputs: ["\(name)/loss"], attributes: ["keepdims": .int(0)]),
            ]
            losses.append("\(name)/loss")
        }
        graph.nodes.append(Node(name: "loss", operatorType: "Sum", inputs: losses, outputs: ["loss"]))
        return graph
    }

    /// The gradient of each operand.
    func gradients(_ elementType: ElementType, options: CompilationOptions = .init()) throws -> [[Double]] {
        let trained = try Differentiation.differentiate(
            graph(elementType), loss: "loss", parameters: test.operands.map(\.name))
        let inputs = try parameters(values, elementType)
        let outputs = try CompiledGraph.run(trained.graph, inputs, options: options)
        for (output, operand) in zip(outputs.dropFirst(), test.operands) {
            #expect(output.shape == operand.shape)
            #expect(output.elementType == elementType)
        }
        return outputs.dropFirst().map(\.doubles)
    }

    private func parameters(_ values: [[Double]], _ elementType: ElementType) throws -> [Tensor] {
        try zip(test.operands, values).map { operand, values in
            try #require(Tensor(shape: operand.shape, elements: values).converted(to: elementType))
        }
    }

    /// Central differences in float64, of fourth order.
    func differences() throws -> [[Double]] {
        let trained = try Differentiation.differentiate(
            graph(.float64), loss: "loss", parameters: test.operands.map(\.name))
        var graph = trained.graph
        graph.outputs = Array(graph.outputs.prefix(1))
        let compiled = try CompiledGraph(graph)
        let plan = try compiled.plan(inputShapes: test.operands.map(\.shape))
        let context = ExecutionContext()
        func loss(_ values: [[Double]]) throws -> Double {
            try context.run(plan, inputs: parameters(values, .float64))[0].doubles[0]
        }
        let step = 1e-4
        return try values.indices.map { operand in
            try values[operand].indices.map { index in
                func shifted(_ by: Double) throws -> Double {
                    var moved = values
                    moved[operand][index] += by
                    return try loss(moved)
                }
                let near = try shifted(step) - shifted(-step)
                let far = try shifted(2 * step) - shifted(-2 * step)
                return (8 * near - far) / (12 * step)
            }
        }
    }

    /// Compares float64 with central differences within 1e-6, and float32 with float64 within 1e-4, both relative to the
    /// greatest element.
    func run() throws {
        let exact = try gradients(.float64)
        Self.compare(exact, try differences(), tolerance: 1e-6, "\(test.name), float64 against differences")
        Self.compare(try gradients(.float32), exact, tolerance: 1e-4, "\(test.name), float32 against float64")
        Self.compare(try gradientsOfUnknownShapes(), exact, tolerance: 1e-4, "\(test.name), unknown shapes")
        #expect(exact.contains { $0.contains { $0 != 0 } }, "no gradient at all")
    }

    static func compare(_ found: [[Double]], _ expected: [[Double]], tolerance: Double, _ what: String) {
        for (operand, (found, expected)) in zip(found, expected).enumerated() {
            let scale = expected.reduce(1e-3) { max($0, abs($1)) }
            for (index, (a, b)) in zip(found, expected).enumerated() where !(abs(a - b) <= tolerance * scale) {
                Issue.record("\(what): operand \(operand), element \(index): found \(a), expected \(b)")
                return
            }
            #expect(found.count == expected.count)
        }
    }
}

extension Tensor {
    var doubles: [Double] { converted(to: .float64)?.withElements(Double.self) { Array($0) } ?? [] }

    static func integers(_ values: [Int64], shape: Shape? = nil) -> Tensor {
        Tensor(.int64, shape: shape ?? Shape(count: values.count)) { buffer in
            values.withUnsafeBytes { if !$0.isEmpty { buffer.copyMemory(from: $0) } }
        }
    }

    static func numbers(_ values: [Double], shape: Shape? = nil) -> Tensor {
        Tensor(.float64, shape: shape ?? Shape(count: values.count)) { buffer in
            values.withUnsafeBytes { if !$0.isEmpty { buffer.copyMemory(from: $0) } }
        }
    }
}
