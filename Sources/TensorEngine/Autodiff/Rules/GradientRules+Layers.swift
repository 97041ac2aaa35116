extension GradientRules {
    /// Convolutions, pools, recurrent layers, and those with a form of their own while training.
    static let layers: [String: GradientRule] = {
        var rules: [String: GradientRule] = [:]
        for family in [convolutions, pools, recurrentLayers, batchNormalization, dropout] {
            rules.merge(family) { $1 }
        }
        return rules
    }()
}
