/// A kind of layer that a specification may hold: its name in Keras, and its options.
struct LayerDefinition: Sendable {
    /// How it becomes nodes.
    enum Form: Sendable, Hashable {
        /// One of Keras's layers, under Keras's option names.
        case layer(String)
        /// One of Keras's layers around another: Bidirectional, TimeDistributed.
        case wrapper(String)
        case attention
        case positions
        case residual
        case concat
    }

    let form: Form
    let options: [String: LayerOption]
    /// One sentence for the schema.
    let summary: String

    init(_ form: Form, _ summary: String, _ options: [String: LayerOption] = [:]) {
        (self.form, self.summary, self.options) = (form, summary, options)
    }
}

/// What one option of a layer may hold.
struct LayerOption: Sendable {
    enum Kind: Sendable, Hashable {
        case wholeNumber(ClosedRange<Int>)
        /// One number for each spatial axis, or one for all.
        case window(axes: Int)
        /// What is added or cut off: a number for all sides, one for each axis, or a pair for each axis.
        case margins(axes: Int)
        case number(NumberRange)
        /// One number, or one for each channel.
        case numbers
        case bool
        case choice([String])
        case activation
        case initializer
        /// Counted from the front with the batch as 0, or from the back.
        case axis
        /// The extents of a row, one of which may be -1.
        case shape
        /// The axes after the batch, from 1, in another order.
        case permutation
        case layer
        case layers
        case branches
        /// Layers, or false.
        case projection
    }

    let kind: Kind
    var isRequired = false

    static func required(_ kind: Kind) -> LayerOption { LayerOption(kind: kind, isRequired: true) }
    static func optional(_ kind: Kind) -> LayerOption { LayerOption(kind: kind) }
}
