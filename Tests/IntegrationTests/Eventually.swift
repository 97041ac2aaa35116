import Testing

/// Waits for a condition that another process brings about.
func eventually(
    within timeout: Duration = .seconds(90), _ condition: @Sendable () async throws -> Bool,
    sourceLocation: SourceLocation = #_sourceLocation
) async throws {
    let deadline = ContinuousClock.now + timeout
    while !(try await condition()) {
        try #require(ContinuousClock.now < deadline, "not within \(timeout)", sourceLocation: sourceLocation)
        try await Task.sleep(for: .milliseconds(20))
    }
}
