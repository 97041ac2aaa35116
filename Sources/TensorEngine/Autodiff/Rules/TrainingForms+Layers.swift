extension TrainingForms {
    /// Layers that train otherwise than they serve.
    static let layers: [String: TrainingForm] = [:]
}
