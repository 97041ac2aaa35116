/// Answers the readiness probe: what has to be true before this instance may be counted on.
public protocol ReadinessSource: Sendable {
    /// The checks of this moment. Must answer quickly (the caller bounds the wait) and never throws: a check that cannot
    /// be made is a check that is not ready.
    func readiness() async -> [ReadinessCheck]
}
