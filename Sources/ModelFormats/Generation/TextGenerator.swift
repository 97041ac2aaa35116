public import TensorEngine

/// Generates token by token with a key/value cache; greedy, or drawn with a seed. One thread at a time.
public final class TextGenerator {
    public struct Sampling: Sendable, Hashable {
        /// 0: the likeliest token always.
        public var temperature: Float
        /// Only so many of the likeliest tokens; 0: all.
        public var topK: Int
        public var seed: UInt64

        public init(temperature: Float = 0, topK: Int = 0, seed: UInt64 = 0) {
            (self.temperature, self.topK, self.seed) = (temperature, topK, seed)
        }

        public static let greedy = Sampling()
    }

    /// Tokens that the prompt and what follows it may have together.
    public let capacity: Int
    private let compiled: CompiledGraph
    private let layerCount: Int
    private let width: Int
    private let context = ExecutionContext()
    /// Keys and values of each layer, `[1, capacity, width]`.
    private var caches: [Tensor]
    private var length = 0

    /// - Throws: ``GraphError`` when the graph is no decoder that gives logits.
    public init(_ graph: Graph, options: CompilationOptions = .init()) throws(GraphError) {
        let step = try GenerationGraph(graph)
        compiled = try CompiledGraph(step.graph, options: options)
        (capacity, width, layerCount) = (step.capacity, step.width, step.layers.count)
        do throws(TensorError) {
            let shape = try Shape([1, step.capacity, step.width])
            caches = (0..<2 * step.layers.count).map { _ in Tensor(zeros: .float32, shape: shape) }
        } catch {
            throw GraphError(.limitExceeded, error.description)
        }
    }

    /// The tokens that follow a prompt, at most `count`, fewer when `end` comes up (it is the last one then) or the capacity
    /// is used up.
    /// - Throws: ``GraphError`` for an empty or too long prompt, or an id outside of the vocabulary.
    public func generate(
        prompt: [Int32], count: Int, sampling: Sampling = .greedy, end: Int32? = nil
    ) throws(GraphError) -> [Int32] {
        guard !prompt.isEmpty, prompt.count <= capacity else {
            throw GraphError(.shapeMismatch, "the prompt has \(prompt.count) tokens, expected 1 to \(capacity)")
        }
        length = 0
        var sampler = TokenSampler(sampling)
        var result: [Int32] = []
        var next = prompt
        while result.count < count, length + next.count <= capacity {
            let token = sampler.next(try logits(after: next))
            result.append(token)
            if token == end { break }
            next = [token]
        }
        return result
    }

    /// Runs the tokens behind those that the cache holds, adds them to it, and returns the logits of the last one.
    private func logits(after tokens: [Int32]) throws(GraphError) -> [Float] {
        var inputs: [Tensor] = []
        do throws(TensorError) {
            inputs.append(try Tensor(shape: Shape([1, tokens.count]), elements: tokens.map { Int64($0) }))
            inputs.append(try Tensor(shape: [1], elements: [Int64(length)]))
        } catch {
            throw GraphError(.shapeMismatch, error.description)
        }
        inputs += caches
        let plan = try compiled.plan(inputShapes: inputs.map(\.shape))
        let outputs = try context.run(plan, inputs: inputs)
        // Only the caches hold their memory from here on, so that writing to them copies nothing.
        inputs = []
        for layer in 0..<layerCount {
            for part in 0..<2 { store(outputs[1 + layer], part: part + 1, in: 2 * layer + part, rows: tokens.count) }
        }
        length += tokens.count
        let vocabulary = outputs[0].shape.dimensions.last ?? 0
        return outputs[0].withElements(Float.self) { Array($0.suffix(vocabulary)) }
    }

    /// Copies the keys (part 1) or values (part 2) of new tokens behind the old ones.
    private func store(_ projection: Tensor, part: Int, in cache: Int, rows: Int) {
        let (width, first) = (width, length)
        projection.withElements(Float.self) { source in
            caches[cache].withMutableBytes { bytes in
                guard let from = source.baseAddress, let to = bytes.assumingMemoryBound(to: Float.self).baseAddress
                else { return }
                for row in 0..<rows {
                    (to + (first + row) * width).update(from: from + (3 * row + part) * width, count: width)
                }
            }
        }
    }
}

/// Chooses tokens by their logits.
private struct TokenSampler {
    private let sampling: TextGenerator.Sampling
    private var state: UInt64

    init(_ sampling: TextGenerator.Sampling) {
        self.sampling = sampling
        state = sampling.seed
    }

    mutating func next(_ logits: [Float]) -> Int32 {
        guard sampling.temperature > 0 else {
            // The first of equals, as in PyTorch.
            var best = 0
            for index in logits.indices where logits[index] > logits[best] { best = index }
            return Int32(clamping: best)
        }
        var order = logits.indices.sorted { (logits[$1], $0) < (logits[$0], $1) }
        if sampling.topK > 0 { order = Array(order.prefix(sampling.topK)) }
        let top = order.first.map { logits[$0] } ?? 0
        let weights = order.map { Self.exponential(Double((logits[$0] - top) / sampling.temperature)) }
        var rest = uniform() * weights.reduce(0, +)
        for (index, weight) in zip(order, weights) {
            rest -= weight
            if rest < 0 { return Int32(clamping: index) }
        }
        return Int32(clamping: order.last ?? 0)
    }

    /// eˣ for x ≤ 0 by repeated squaring of its series: the same bits on every system.
    private static func exponential(_ x: Double) -> Double {
        guard x > -700 else { return 0 }
        let y = x / 1024
        var value = 1 + y * (1 + y / 2 * (1 + y / 3 * (1 + y / 4 * (1 + y / 5))))
        for _ in 0..<10 { value *= value }
        return value
    }

    /// SplitMix64.
    private mutating func uniform() -> Double {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        z ^= z >> 31
        return Double(z >> 11) * 0x1p-53
    }
}
