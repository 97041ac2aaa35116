extension GradientRules {
    /// Convolutions, pools, recurrent layers, and those with a form of their own while training.
    static let layers: [String: GradientRule] = [:]
}
