extension TrainingForms {
    /// Layers that train otherwise than they serve.
    static let layers: [String: TrainingForm] = {
        var forms = recurrentLayers
        forms["BatchNormalization"] = batchNormalization
        forms["Dropout"] = dropout
        return forms
    }()
}
