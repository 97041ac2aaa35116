import TensorEngine
import Testing

/// One layer whose gradients are checked: a node, and which of its operands are trained.
struct LayerGradientCase: Sendable, CustomTestStringConvertible {
    enum Operand: Sendable {
        case parameter([Int])
        case constant(Tensor)
        case omitted
    }

    var name: String
    var operatorType: String
    var operands: [Operand]
    var attributes: [String: AttributeValue] = [:]
    /// Which outputs the loss depends on.
    var outputs = [true]
    /// Whether the forward operator computes what its training form does.
    var isSameForward = true

    var testDescription: String { name }

    init(
        _ name: String, _ operatorType: String, _ operands: [Operand], _ attributes: [String: AttributeValue] = [:],
        outputs: [Bool] = [true], isSameForward: Bool = true
    ) {
        self.name = "\(operatorType) \(name)"
        (self.operatorType, self.operands, self.attributes) = (operatorType, operands, attributes)
        (self.outputs, self.isSameForward) = (outputs, isSameForward)
    }
}

/// The loss of a case, `sum(output · random)` over its outputs, and everything that the check needs.
struct LayerGradientCheck {
    let graph: Graph
    let differentiated: DifferentiatedGraph
    let values: [String: Tensor]
    private let compiled: CompiledGraph
    private let context = ExecutionContext()

    init(_ layer: LayerGradientCase, _ elementType: ElementType, options: CompilationOptions = .init()) throws {
        var numbers = Numbers(seed: 7)
        var initializers: [String: Tensor] = [:]
        var names: [String] = []
        var parameters: [String] = []
        for (index, operand) in layer.operands.enumerated() {
            switch operand {
            case .parameter(let dimensions):
                initializers["p\(index)"] = try Self.cast(numbers.tensor(try Shape(dimensions)), elementType)
                names.append("p\(index)")
                parameters.append("p\(index)")
            case .constant(let tensor):
                initializers["p\(index)"] = tensor
                names.append("p\(index)")
            case .omitted: names.append("")
            }
        }
        let outputs = layer.outputs.indices.map { layer.outputs[$0] ? "y\($0)" : "" }
        let present = outputs.filter { !$0.isEmpty }
        var graph = Graph(
            name: layer.name, inputs: [],
            outputs: present.map { ValueInfo(name: $0, elementType: elementType, dimensions: []) },
            nodes: [
                Node(
                    name: "layer", operatorType: layer.operatorType, inputs: names, outputs: outputs,
                    attributes: layer.attributes)
            ], initializers: initializers)
        // Constant operands alone would be folded: what matters here are the outputs' shapes.
        let forward = try CompiledGraph(graph, options: CompilationOptions(fuses: false))
        var sums: [String] = []
        for (index, output) in present.enumerated() {
            let count = forward.outputs[index].dimensions.reduce(1) { product, dimension in
                if case .fixed(let extent) = dimension { product * extent } else { product }
            }
            graph.initializers["factors\(index)"] = try Self.cast(numbers.tensor([count, 1]), elementType)
            graph.initializers["row\(index)"] = try Tensor(shape: [2], elements: [1, Int64(count)])
            graph.nodes += [
                Node(
                    name: "flat\(index)", operatorType: "Reshape", inputs: [output, "row\(index)"],
                    outputs: ["flat\(index)"]),
                Node(
                    name: "sum\(index)", operatorType: "Gemm", inputs: ["flat\(index)", "factors\(index)"],
                    outputs: ["sum\(index)"]),
            ]
            sums.append("sum\(index)")
        }
        while sums.count > 1 {
            let total = "total\(sums.count)"
            let terms = Array(sums.suffix(2))
            graph.nodes.append(Node(name: total, operatorType: "Add", inputs: terms, outputs: [total]))
            sums = sums.dropLast(2) + [total]
        }
        graph.outputs = [ValueInfo(name: sums[0], elementType: elementType, dimensions: [])]
        self.graph = graph
        values = initializers
        differentiated = try Differentiation.differentiate(graph, loss: sums[0], parameters: parameters)
        compiled = try CompiledGraph(differentiated.graph, options: options)
    }

    /// The loss, then the gradients in the parameters' order, then the states.
    func run(_ values: [String: Tensor], seed: Int64 = 1) throws -> [Tensor] {
        let inputs = try differentiated.graph.inputs.map { input in
            try values[input.name] ?? Tensor(shape: [], elements: [seed])
        }
        return try compiled.run(inputs, on: context)
    }

    /// The loss of the forward graph.
    func forwardLoss() throws -> Double {
        try CompiledGraph.run(graph, [])[0].doubles[0]
    }

    static func cast(_ tensor: Tensor, _ elementType: ElementType) throws -> Tensor {
        elementType == .float64
            ? try Tensor(shape: tensor.shape, elements: tensor.floats.map { Double($0) }) : tensor
    }
}

extension LayerGradientCase {
    /// Compares the gradients with central differences in float64, and float32's with float64's on every instruction
    /// set.
    func check(differences limit: Int = 40) throws {
        let exact = try LayerGradientCheck(self, .float64)
        let results = try exact.run(exact.values)
        if isSameForward {
            let forward = try exact.forwardLoss()
            #expect(abs(forward - results[0].doubles[0]) < 1e-9 * max(1, abs(forward)), "loss of the training form")
        }
        let parameters = exact.differentiated.parameters
        for (index, parameter) in parameters.enumerated() {
            let gradient = results[1 + index].doubles
            let value = try #require(exact.values[parameter])
            #expect(results[1 + index].shape == value.shape)
            #expect(gradient.contains { $0 != 0 }, "no gradient of \(parameter)")
            let scale = max(gradient.map(abs).max() ?? 0, 1e-2)
            let step = max(1, gradient.count / limit)
            for element in stride(from: 0, to: gradient.count, by: step) {
                let difference = try exact.difference(parameter, value, element)
                #expect(
                    abs(difference - gradient[element]) < 1e-6 * scale,
                    "\(parameter)[\(element)]: \(gradient[element]), by differences \(difference)")
            }
        }
        let choices: [(InstructionSet, CompilationOptions.InstructionSetChoice)] = [
            (.baseline, .baseline), (.avx2, .avx2), (.avx512, .avx512),
        ]
        for (set, choice) in choices where InstructionSet.available.contains(set) {
            let single = try LayerGradientCheck(self, .float32, options: CompilationOptions(instructionSet: choice))
            let found = try single.run(single.values)
            if isSameForward {
                let forward = try single.forwardLoss()
                #expect(abs(forward - results[0].doubles[0]) < 1e-4 * max(1, abs(forward)), "\(set) loss")
            }
            for index in found.indices {
                let (a, b) = (found[index].doubles, results[index].doubles)
                let scale = max(b.map(abs).max() ?? 0, 1)
                for (left, right) in zip(a, b) where !(abs(left - right) <= 1e-4 * scale) {
                    Issue.record("\(set) output \(index): \(left), in float64 \(right)")
                    break
                }
            }
        }
    }
}

extension LayerGradientCheck {
    /// The central difference of the loss along one element.
    func difference(_ parameter: String, _ value: Tensor, _ element: Int, by step: Double = 1e-5) throws -> Double {
        func loss(_ change: Double) throws -> Double {
            var changed = value.doubles
            changed[element] += change
            var all = values
            all[parameter] = try Tensor(shape: value.shape, elements: changed)
            return try run(all)[0].doubles[0]
        }
        return try (loss(step) - loss(-step)) / (2 * step)
    }
}
