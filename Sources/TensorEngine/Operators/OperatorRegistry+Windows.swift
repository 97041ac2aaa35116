extension OperatorRegistry {
    /// Operators of windows, images and signals beyond Conv and the common pools.
    static let windowEntries: [String: Entry] = [
        "AffineGrid": Entry(AffineGridOperator.self, inputs: 2...2),
        "BlackmanWindow": Entry(WindowFunctionOperator.self, inputs: 1...1),
        "Col2Im": Entry(Col2ImOperator.self, inputs: 3...3),
        "ConvTranspose": Entry(ConvTransposeOperator.self, inputs: 2...3),
        "DFT": Entry(DFTOperator.self, inputs: 1...3),
        "Det": Entry(DetOperator.self, inputs: 1...1),
        "Dropout": Entry(DropoutOperator.self, inputs: 1...3, outputs: 1...2),
        "GlobalLpPool": Entry(GlobalLpPoolOperator.self, inputs: 1...1),
        "GridSample": Entry(GridSampleOperator.self, inputs: 2...2),
        "HammingWindow": Entry(WindowFunctionOperator.self, inputs: 1...1),
        "HannWindow": Entry(WindowFunctionOperator.self, inputs: 1...1),
        "LpPool": Entry(GeneralPoolOperator.self, inputs: 1...1),
        "MaxUnpool": Entry(MaxUnpoolOperator.self, inputs: 2...3),
        "NonMaxSuppression": Entry(NonMaxSuppressionOperator.self, inputs: 2...5),
        "Resize": Entry(ResizeOperator.self, inputs: 1...4),
        "SwiGLU": Entry(SwiGLUOperator.self, inputs: 2...2),
        "Upsample": Entry(ResizeOperator.self, inputs: 1...2),
    ]
}
