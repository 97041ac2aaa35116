/// How much a file from outside may make this process allocate.
public struct ModelFormatLimits: Sendable, Hashable {
    /// Of one file.
    public var maximumFileBytes = 16 << 30
    /// Of one JSON document: a manifest, a graph, a header, a Keras configuration.
    public var maximumJSONBytes = 64 << 20
    /// Of one tensor, uncompressed.
    public var maximumTensorBytes = 4 << 30
    /// Of all tensors of a file together, uncompressed.
    public var maximumTotalBytes = 16 << 30
    /// Tensors, layers or archive entries of a file.
    public var maximumEntries = 100_000
    /// Uncompressed bytes a compressed one may stand for. Deflate cannot exceed 1,032 : 1 (zlib, "Technical Details"),
    /// so that the default refuses only lies.
    public var maximumCompressionRatio = 1_100

    public init() {}

    public static let `default` = ModelFormatLimits()

    /// Whether `compressed` bytes may hold `uncompressed` ones; small ones always may.
    func allows(uncompressed: Int, from compressed: Int) -> Bool {
        let (most, overflow) = compressed.multipliedReportingOverflow(by: maximumCompressionRatio)
        return overflow || uncompressed <= max(most, 1 << 16)
    }
}
