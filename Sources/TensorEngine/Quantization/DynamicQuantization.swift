/// Rewrites matrix products with constant weights to 8-bit ones: the weights symmetric with one scale for each output, the
/// activations quantised row by row while running. Convolutions, embeddings and recurrent layers stay as they are.
package struct DynamicQuantization: Sendable {
    /// A product that was looked at.
    package struct Layer: Sendable {
        package let node: String
        package let byteCount: Int
        /// Why it stays as it is; nil when it was rewritten.
        package let reason: String?
    }

    package private(set) var graph: Graph
    package private(set) var layers: [Layer] = []

    /// Weights below stay float32: less than 4 KiB each, they cost accuracy and save nothing that could be measured.
    static let minimumElementCount = 1024

    /// - Throws: ``GraphError`` when a tensor cannot be made, which a valid graph does not cause.
    package init(_ original: Graph) throws(GraphError) {
        graph = original
        var taken = Set(original.initializers.keys)
        for node in original.nodes { taken.formUnion(node.outputs) }
        for input in original.inputs { taken.insert(input.name) }
        var made: [String: (weights: String, scales: String)] = [:]
        for index in graph.nodes.indices {
            guard let product = Product(graph.nodes[index], graph) else { continue }
            let bytes = product.weights.byteCount
            if let reason = product.refusal {
                layers.append(Layer(node: graph.nodes[index].name, byteCount: bytes, reason: reason))
                continue
            }
            // Layers that share weights share their 8-bit form too.
            let key = "\(product.weightName) \(product.isTransposed) \(product.scale)"
            let names =
                made[key] ?? (
                    Self.fresh("\(product.weightName)/int8", &taken), Self.fresh("\(product.weightName)/scale", &taken)
                )
            if made[key] == nil {
                let (weights, scales) = try product.quantized()
                graph.initializers[names.0] = weights
                graph.initializers[names.1] = scales
                made[key] = names
            }
            var inputs = [graph.nodes[index].inputs[0], names.0, names.1]
            if let bias = product.bias {
                let name = Self.fresh("\(graph.nodes[index].name)/bias", &taken)
                graph.initializers[name] = bias
                inputs.append(name)
            }
            graph.nodes[index].operatorType = "DynamicQuantizeMatMul"
            graph.nodes[index].inputs = inputs
            graph.nodes[index].attributes = product.activation.map { ["activation": .string($0)] } ?? [:]
            layers.append(Layer(node: graph.nodes[index].name, byteCount: bytes, reason: nil))
        }
        removeUnread(original)
    }

    private static func fresh(_ base: String, _ taken: inout Set<String>) -> String {
        var name = base
        var counter = 1
        while !taken.insert(name).inserted {
            counter += 1
            name = "\(base)_\(counter)"
        }
        return name
    }

    /// Drops the weights that were read before and are no more; constants that no node ever read stay (a tokenizer).
    private mutating func removeUnread(_ original: Graph) {
        func readNames(_ graph: Graph) -> Set<String> {
            var names = Set(graph.outputs.map(\.name))
            for node in graph.nodes {
                names.formUnion(node.inputs)
                names.formUnion(Subgraph.captures(of: node))
            }
            return names
        }
        let unread = readNames(original).subtracting(readNames(graph))
        graph.initializers = graph.initializers.filter { !unread.contains($0.key) }
    }
}

/// A product whose right operand is a constant matrix.
private struct Product {
    let weightName: String
    let weights: Tensor
    /// Whether the matrix is `[N, K]`.
    let isTransposed: Bool
    /// Multiplies the product.
    let scale: Float
    let bias: Tensor?
    let activation: String?
    let refusal: String?

    init?(_ node: Node, _ graph: Graph) {
        guard ["Gemm", "MatMul", "Linear"].contains(node.operatorType), node.inputs.count >= 2,
            let weights = graph.initializers[node.inputs[1]], weights.elementType == .float32, weights.shape.rank == 2
        else { return nil }
        func int(_ name: String, _ value: Int) -> Int {
            if case .int(let found)? = node.attributes[name] { found } else { value }
        }
        func float(_ name: String) -> Float {
            if case .float(let found)? = node.attributes[name] { found } else { 1 }
        }
        weightName = node.inputs[1]
        self.weights = weights
        isTransposed =
            switch node.operatorType {
            case "Gemm": int("transB", 0) != 0
            case "Linear": int("transposed", 1) != 0
            default: false
            }
        scale = node.operatorType == "Gemm" ? float("alpha") : 1
        if case .string(let name)? = node.attributes["activation"] { activation = name } else { activation = nil }
        let columns = weights.shape[isTransposed ? 0 : 1]
        let depth = weights.shape[isTransposed ? 1 : 0]
        let biasName = node.inputs.count > 2 && node.operatorType != "MatMul" ? node.inputs[2] : ""
        let beta = node.operatorType == "Gemm" ? float("beta") : 1
        bias = biasName.isEmpty ? nil : Self.row(graph.initializers[biasName], columns, times: beta)
        if int("transA", 0) != 0, node.operatorType == "Gemm" {
            refusal = "its left operand is transposed"
        } else if !biasName.isEmpty, bias == nil {
            refusal = "its addend is not one constant row"
        } else if weights.shape.elementCount < DynamicQuantization.minimumElementCount {
            refusal = "fewer than \(DynamicQuantization.minimumElementCount) weights"
        } else if depth > DynamicQuantizeMatMulOperator.maximumDepth {
            refusal = "more than \(DynamicQuantizeMatMulOperator.maximumDepth) weights for one output"
        } else if weights.withElements(Float.self, { !$0.allSatisfy(\.isFinite) }) {
            refusal = "a weight is not finite"
        } else {
            refusal = nil
        }
    }

    /// A bias that is alike for all rows.
    private static func row(_ tensor: Tensor?, _ columns: Int, times beta: Float) -> Tensor? {
        guard let tensor, tensor.elementType == .float32, tensor.shape.rank <= 2,
            tensor.shape.rank < 2 || tensor.shape[0] == 1,
            tensor.shape.elementCount == columns || tensor.shape.elementCount == 1
        else { return nil }
        let values = tensor.withElements(Float.self) { source in
            (0..<columns).map { beta * source[source.count == 1 ? 0 : $0] }
        }
        return try? Tensor(shape: Shape([columns]), elements: values)
    }

    /// Weights `[N, K]` from -127 to 127, and what an integer of each row stands for.
    func quantized() throws(GraphError) -> (weights: Tensor, scales: Tensor) {
        let n = weights.shape[isTransposed ? 0 : 1]
        let k = weights.shape[isTransposed ? 1 : 0]
        var integers = [Int8](repeating: 0, count: n * k)
        var scales = [Float](repeating: 1, count: n)
        weights.withElements(Float.self) { source in
            for row in 0..<n {
                func index(_ column: Int) -> Int { isTransposed ? row * k + column : column * n + row }
                var largest: Float = 0
                for column in 0..<k { largest = max(largest, abs(source[index(column)])) }
                let step = largest / 127
                guard step > 0 else { continue }
                scales[row] = step * scale
                for column in 0..<k {
                    let rounded = (source[index(column)] / step).rounded(.toNearestOrEven)
                    integers[row * k + column] = Int8(max(-127, min(127, rounded)))
                }
            }
        }
        do throws(TensorError) {
            return (
                try Tensor(shape: Shape([n, k]), elements: integers), try Tensor(shape: Shape([n]), elements: scales)
            )
        } catch {
            throw GraphError(.limitExceeded, "weights '\(weightName)': \(error.description)")
        }
    }
}
