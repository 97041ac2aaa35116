/// One condition of readiness and its state, for example `partitions` or `models` or `broker`.
public struct ReadinessCheck: Sendable, Hashable {
    /// Short lower-case name, unique among the checks of one source.
    public let name: String
    public let isReady: Bool
    /// One line for an operator: what was found ("3 of 4 models warm").
    public let detail: String

    public init(name: String, isReady: Bool, detail: String) {
        self.name = name
        self.isReady = isReady
        self.detail = detail
    }
}
