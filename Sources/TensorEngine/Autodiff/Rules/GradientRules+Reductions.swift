extension GradientRules {
    /// Reductions over axes.
    static let reductions: [String: GradientRule] = [:]
}
