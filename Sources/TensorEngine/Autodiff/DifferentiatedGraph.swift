/// A graph that computes a loss and its gradients, made by ``Differentiation``.
///
/// Inputs, in this order: the forward graph's inputs as declared; ``parameters``, each under its initializer's name with
/// its fixed dimensions; the ``states``' inputs; ``seedInput`` when there is one.
///
/// Outputs, in this order: the loss; the forward values that were asked for; ``gradients``, each of its parameter's shape
/// and element type; the ``states``' outputs.
package struct DifferentiatedGraph: Sendable {
    /// An initializer that an operator updates by itself while training, such as BatchNormalization's running mean.
    package struct State: Sendable, Hashable {
        /// The name of the initializer in the forward graph.
        package let initializer: String
        /// The input that takes its value before the step; it has the initializer's name.
        package let input: String
        /// The output that gives its value after the step, of the same shape.
        package let output: String
    }

    package let graph: Graph
    /// The parameters' input names, in the order in which they were asked for.
    package let parameters: [String]
    /// The gradients' output names, parallel to ``parameters``. A parameter that the loss does not depend on has zeros.
    package let gradients: [String]
    package let states: [State]
    /// An int64 scalar that random operators read, nil when there are none: another value a step draws other numbers.
    package let seedInput: String?
}
