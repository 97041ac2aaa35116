package import JSONDocuments
package import TensorEngine

/// Makes the weights of a model that comes from no file, one by one in the order in which its layers ask for them.
package protocol KerasWeightSource: AnyObject {
    /// A layer's weight.
    /// - Parameters:
    ///   - title: Keras's name for it, as "kernel", "gamma", "moving_mean".
    ///   - className: Keras's name for the layer, as "LSTM".
    ///   - config: the layer's configuration.
    ///   - shape: in Keras's layout.
    /// - Returns: a float32 tensor of that shape.
    func weight(
        _ title: String, className: String, config: JSONCursor, shape: [Int]
    ) throws(ModelFormatError) -> Tensor

    /// Tells in which initializer of the graph the weights are that were asked for since the last call, if any were.
    func stored(in initializer: String)
}
