import JSONDocuments
import ModelFormats
import TensorEngine

/// Draws the weights of a new model while its layers are put together, and keeps account of them.
final class InitialWeights: KerasWeightSource {
    /// A weight in the graph.
    struct Weight {
        /// Of the initializer.
        var name: String
        var elementCount: Int
        /// Whether gradients change it; the moving statistics of BatchNormalization change by themselves.
        var isTrainable: Bool
        /// Whether it is a matrix of factors, which penalties and weight decay are for: no bias, no scale.
        var isRegularized: Bool
    }

    private let seed: UInt64
    private let maximumCount: Int
    private(set) var weights: [Weight] = []
    private(set) var elementCount = 0
    /// Of the layer whose weights are drawn, and of the next weight in it: they name the stream of random numbers.
    private var layerIndex = -1
    private var weightIndex = 0
    private var asked: [(title: String, elementCount: Int)] = []

    /// - Parameter maximumCount: of numbers in all weights together.
    init(seed: UInt64, maximumCount: Int) {
        self.seed = seed
        self.maximumCount = maximumCount
    }

    /// Tells that the weights which are asked for next are another layer's.
    func beginLayer() {
        layerIndex += 1
        weightIndex = 0
    }

    func weight(
        _ title: String, className: String, config: JSONCursor, shape: [Int]
    ) throws(ModelFormatError) -> Tensor {
        var count = 1
        for extent in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: extent)
            count = overflow ? .max : product
            if overflow { break }
        }
        guard count <= maximumCount - elementCount else {
            throw ModelFormatError(
                .tooLarge, file: "architecture",
                """
                its weight '\(title)' \(shape) brings the model to more than \(maximumCount) parameters, \
                which is the limit
                """)
        }
        elementCount += count
        var random = RandomSource(seed: seed, stream: "initializer", layerIndex, weightIndex)
        weightIndex += 1
        asked.append((title, count))
        do {
            let initializer = try initializer(title, className, config)
            guard initializer.isFeasible(shape) else {
                throw ModelFormatError(
                    .tooLarge, file: "architecture",
                    "its weight '\(title)' \(shape) is too large to be made orthogonal; "
                        + "give another \(Self.option(title))")
            }
            var elements = initializer.draw(shape, from: &random)
            if title == "bias", try opensForgetGate(className, config), let rows = shape.last {
                // Keras's gates are input, forget, cell, output; the second opens at first (Jozefowicz et al. 2015).
                for index in rows / 4..<rows / 2 { elements[index] = 1 }
            }
            return try Tensor(shape: Shape(shape), elements: elements)
        } catch let error as ModelFormatError {
            throw error
        } catch let error as JSONError {
            throw ModelFormatError(.malformed, file: "architecture", error.description)
        } catch {
            throw ModelFormatError(.malformed, file: "architecture", "weight '\(title)': \(error)")
        }
    }

    func stored(in initializer: String) {
        for (title, elementCount) in asked {
            weights.append(
                Weight(
                    name: initializer, elementCount: elementCount, isTrainable: !title.hasPrefix("moving_"),
                    isRegularized: Self.factors.contains(title)))
        }
        asked = []
    }

    private static let factors: Set<String> = [
        "kernel", "recurrent_kernel", "depthwise_kernel", "pointwise_kernel", "embeddings",
    ]

    /// The option of a layer that says how the weight is drawn.
    static func option(_ title: String) -> String {
        switch title {
        case "recurrent_kernel": "recurrent_initializer"
        case "depthwise_kernel": "depthwise_initializer"
        case "pointwise_kernel": "pointwise_initializer"
        default: "\(title)_initializer"
        }
    }

    private func initializer(
        _ title: String, _ className: String, _ config: JSONCursor
    ) throws(JSONError) -> WeightInitializer {
        if let cursor = try config.optionalMember(Self.option(title)) { return try WeightInitializer(cursor) }
        switch title {
        case "bias", "beta", "moving_mean", "alpha": return .constant(0)
        case "gamma", "moving_variance": return .constant(1)
        case "recurrent_kernel": return .orthogonal(gain: 1)
        case "embeddings" where className == "Embedding": return .uniform(-0.05, 0.05)
        default: return .glorotUniform
        }
    }

    private func opensForgetGate(_ className: String, _ config: JSONCursor) throws(JSONError) -> Bool {
        guard className == "LSTM" else { return false }
        return try config.optionalMember("unit_forget_bias").map { (cursor) throws(JSONError) in
            try cursor.bool()
        } ?? true
    }
}
