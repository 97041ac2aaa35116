/// Cast (opset 6 to 28) and CastLike (opset 15 to 25) between all number types, where ``ElementConversion`` has the rules,
/// and strings; ``TextNumber`` has those.
struct CastOperator: StringOperator {
    static var admitsEmpty: Bool { true }

    /// nil for CastLike: the type of the second operand.
    private let target: ElementType?
    private let saturates: Bool
    private let rounding: PowerOfTwoFloat.Rounding

    init(_ node: inout NodeReader) throws(GraphError) {
        if node.node.node.operatorType == "CastLike" {
            target = nil
        } else {
            target = try node.elementType("to")
        }
        saturates = try node.bool("saturate", default: true)
        let name = try node.string("round_mode", default: "up")
        guard let rounding = PowerOfTwoFloat.Rounding(rawValue: name) else {
            throw node.error(.invalidGraph, "round_mode is '\(name)', expected up, down or nearest")
        }
        self.rounding = rounding
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        var elementType = target
        if elementType == nil { elementType = try operands.type(1).elementType }
        return [TensorType(elementType: elementType ?? .float32, shape: try operands.shape(0))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let source = try operands.type(0)
        if source.elementType == outputs[0].elementType { return .alias }
        var conversion = ElementConversion(from: source.elementType, to: outputs[0].elementType)
        conversion.saturates = saturates
        conversion.rounding = rounding
        let count = source.shape.elementCount
        return Kernel { [conversion] arguments in
            guard count > 0 else { return }
            conversion.convert(arguments.rawInput(0), to: arguments.rawOutput(), count)
        }
    }

    func evaluateStrings(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> [Tensor] {
        let value = try operands.constant(0, meaning: "input")
        let (source, target) = (value.elementType, outputs[0].elementType)
        // CastLike takes its type from an operand that may be of strings.
        if source == target { return [value] }
        if source == .string {
            var numbers: [Double] = []
            for (position, text) in value.strings.enumerated() {
                guard let number = TextNumber.parse(text) else {
                    throw operands.error(
                        .invalidValue,
                        "'\(text.prefix(80))' at position \(position) is no number to be \(target.rawValue)")
                }
                numbers.append(number)
            }
            guard let wide = try? Tensor(shape: value.shape, elements: numbers) else { return [] }
            return [wide.cast(to: target)]
        }
        guard let texts = TextNumber.texts(value) else {
            throw operands.error(.unsupported, "\(source.rawValue) does not convert to \(target.rawValue)")
        }
        return [try operands.stringTensor(value.shape, texts)]
    }
}

/// BitCast (opset 26): the same bits under another type of the same width.
struct BitCastOperator: Operator {
    static var admitsEmpty: Bool { true }

    private let target: ElementType

    init(_ node: inout NodeReader) throws(GraphError) {
        target = try node.elementType("to")
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let source = try operands.type(0)
        guard source.elementType.packedBitCount == target.packedBitCount else {
            throw operands.error(
                .shapeMismatch,
                "\(source.elementType.rawValue) and \(target.rawValue) differ in width, expected the same number of bits"
            )
        }
        guard target != .bool else {
            // Bytes that are neither 0 nor 1 are no bools.
            throw operands.error(.unsupported, "the bits of bool cannot come from another type")
        }
        return [TensorType(elementType: target, shape: source.shape)]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel { .alias }
}

extension NodeReader {
    /// A required attribute that holds ONNX's number of an element type.
    mutating func elementType(_ name: String) throws(GraphError) -> ElementType {
        let number = try int(name, default: 0)
        guard let type = ElementType(onnxNumber: number) else {
            throw error(.unsupported, "attribute '\(name)' is \(number), which is no supported element type")
        }
        return type
    }
}
