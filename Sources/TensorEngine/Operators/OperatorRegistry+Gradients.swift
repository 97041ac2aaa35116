extension OperatorRegistry {
    /// The engine's own operators of which gradients are made. Graphs from files do not have them.
    static let gradientEntries: [String: Entry] = [
        "SumToShape": Entry(SumToShapeOperator.self, inputs: 1...2)
    ]
}
