/// Writes the nodes that compute the gradients of one node's inputs.
///
/// Parameters: the node, after its training form; the gradient of the loss with respect to each of its outputs, parallel to
/// `node.outputs`, nil where none flows (at least one does); whether each input's gradient is needed, parallel to
/// `node.inputs`; where to add nodes.
///
/// Returns the name of each input's gradient, of that input's shape and element type, parallel to `node.inputs`: nil where
/// it is not needed or zero.
typealias GradientRule =
    @Sendable (Node, _ flows: [String?], _ needed: [Bool], inout GradientBuilder) throws(GraphError) -> [String?]

/// The gradient rules by operator type.
enum GradientRules {
    static let all: [String: GradientRule] = {
        var rules: [String: GradientRule] = [:]
        for family in [arithmetic, activations, products, reductions, movement, layers] {
            rules.merge(family) { $1 }
        }
        return rules
    }()

    /// Operators whose outputs do not depend on their inputs, or only in steps: no gradient flows through them.
    static let constant: Set<String> = [
        "And", "ArgMax", "ArgMin", "BitShift", "BitwiseAnd", "BitwiseNot", "BitwiseOr", "BitwiseXor", "Ceil",
        "ConstantOfShape", "Equal", "EyeLike", "Floor", "Greater", "GreaterOrEqual", "Hardmax", "IsInf", "IsNaN",
        "Less",
        "LessOrEqual", "NonZero", "Not", "Or", "Range", "Round", "Shape", "Sign", "Size", "StepMask", "Xor",
    ]
}
