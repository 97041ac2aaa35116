import TensorEngine
import Testing

@Suite("Gradients of layers whose shapes are not known before the run")
struct UnknownShapeGradientTests {
    static let cases = [
        GradientCase(
            "Conv", [.x([2, 2, 5, 4]), .named("w", [3, 2, 3, 3]), .named("b", [3])],
            attributes: ["pads": .ints([1, 1, 1, 1]), "strides": .ints([2, 1])]),
        GradientCase(
            "ConvTranspose", [.x([1, 2, 3, 3]), .named("w", [2, 2, 2, 3]), .named("b", [2])],
            attributes: ["strides": .ints([2, 2])]),
        GradientCase(
            "MaxPool", [.x([1, 2, 5, 6], .distinct)],
            attributes: ["kernel_shape": .ints([3, 2]), "strides": .ints([2, 2])]),
        GradientCase(
            "AveragePool", [.x([1, 2, 5, 6])],
            attributes: ["kernel_shape": .ints([3, 2]), "pads": .ints([1, 0, 1, 1])]),
        GradientCase("GlobalMaxPool", [.x([2, 2, 3, 3], .distinct)]),
        GradientCase(
            "LSTM", [.x([3, 2, 2]), .named("w", [1, 12, 2]), .named("r", [1, 12, 3]), .named("b", [1, 24])],
            outputs: ["y", "h", "c"]),
        GradientCase(
            "GRU", [.x([3, 2, 2]), .named("w", [1, 9, 2]), .named("r", [1, 9, 3]), .named("b", [1, 18])],
            attributes: ["linear_before_reset": .int(1)], outputs: ["y", "h"], weighted: ["h"]),
        // Keras masks its layers so.
        GradientCase(
            "steps that are masked",
            nodes: [
                Node(name: "mask", operatorType: "StepMask", inputs: ["source"], outputs: ["mask"]),
                Node(name: "steps", operatorType: "MaskSteps", inputs: ["x", "mask"], outputs: ["masked"]),
                Node(
                    name: "reversed", operatorType: "ReverseAxis", inputs: ["masked"], outputs: ["reversed"],
                    attributes: ["axis": .int(1)]),
                Node(
                    name: "layer", operatorType: "MaskedRNN", inputs: ["reversed", "w", "r", "", "", "", "mask"],
                    outputs: ["y"], attributes: ["layout": .int(1)]),
            ], operands: [.x([2, 3, 2]), .named("w", [1, 3, 2]), .named("r", [1, 3, 3])],
            constants: ["source": .numbers([1, 1, 0, 0, 0, 2, 3, 0, 0, 0, 0, 0], shape: [2, 3, 2])]),
    ]

    @Test("agree with differences and with those of known shapes", arguments: cases)
    func gradients(_ layer: GradientCase) throws { try GradientCheck(layer).run() }
}
