/// How large a request and its answer may be. Everything is checked before memory is allocated for it.
public struct RequestLimits: Sendable, Hashable {
    /// The largest request value in bytes, JSON and binary tensors together.
    public var maximumBytes: Int = 16 << 20
    /// The deepest nesting of arrays and objects; nested data of the largest rank needs three more than the rank.
    public var maximumDepth: Int = 32
    public var maximumInputs: Int = 64
    public var maximumOutputs: Int = 64
    /// Of all inputs of a request together.
    public var maximumElements: Int = 16 << 20
    /// At most 16, the largest rank that the number parser walks.
    public var maximumRank: Int = 8 {
        didSet { maximumRank = min(maximumRank, 16) }
    }
    /// The longest request id, in UTF-8 bytes.
    public var maximumIDBytes: Int = 256
    /// The longest name of a model, alias, tensor or parameter, in UTF-8 bytes.
    public var maximumNameBytes: Int = 256
    public var maximumParameters: Int = 64
    /// The longest string among the parameters, in UTF-8 bytes.
    public var maximumParameterBytes: Int = 4096
    /// The largest response value in bytes; a larger one is answered `TOO_LARGE`.
    public var maximumResponseBytes: Int = 16 << 20

    public init() {}
}
