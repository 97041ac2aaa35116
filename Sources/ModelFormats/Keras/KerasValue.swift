import TensorEngine

/// A tensor while a Keras model is translated.
struct KerasValue {
    /// The graph value that holds it.
    var name: String
    /// In Keras's order; the first is the batch and nil, as is any other that the file leaves open.
    var dimensions: [Int?]
    /// Whether the graph value has Keras's last axis moved to position 1. Convolution and pooling of channels-last
    /// models leave their results so, and whatever treats every element alike keeps them so: the graph transposes
    /// once before the first convolution and once after the last.
    var isChannelsFirst = false
    /// Keras's mask of the steps: a float32 graph value [batch, steps], 0 where a step is padding.
    var mask: String? = nil
    /// Not nil for a model's integer input, which only Embedding reads.
    var integerType: ElementType? = nil

    var rank: Int { dimensions.count }

    /// "[batch, 8, 8, 1]"
    var shapeText: String { KerasValue.text(dimensions) }

    static func text(_ dimensions: [Int?]) -> String {
        let extents = dimensions.enumerated().map { axis, extent in
            extent.map(String.init) ?? (axis == 0 ? "batch" : "?")
        }
        return "[\(extents.joined(separator: ", "))]"
    }

    /// The permutation that moves the last axis to position 1.
    static func toChannelsFirst(rank: Int) -> [Int] { [0, rank - 1] + Array(1..<(rank - 1)) }
    /// Its inverse.
    static func toChannelsLast(rank: Int) -> [Int] { [0] + Array(2..<rank) + [1] }
}
