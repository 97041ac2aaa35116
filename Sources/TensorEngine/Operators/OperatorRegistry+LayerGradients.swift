extension OperatorRegistry {
    /// Gradients and training forms of convolutions, pools, recurrent layers, normalizations over the batch and Dropout.
    static let layerGradientEntries: [String: Entry] = [:]
}
