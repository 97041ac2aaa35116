/// How large an architecture from outside may be.
public struct ArchitectureLimits: Sendable, Hashable {
    /// Layers, those inside of blocks included.
    public var maximumLayerCount = 1_000
    /// Levels of layers inside of layers.
    public var maximumDepth = 8
    /// Numbers in all weights together.
    public var maximumParameterCount = 100_000_000
    /// Numbers in one row between two layers.
    public var maximumRowElementCount = 1 << 26

    public init() {}

    public static let `default` = ArchitectureLimits()
}
