import Glibc

/// Numbers as text, as ONNX Runtime casts them: eight digits for float32, seventeen for float64.
enum TextNumber {
    /// Exact save for integers beyond 2^53.
    static func parse(_ text: String) -> Double? {
        switch text {
        case "NaN", "nan": .nan
        case "INF", "inf", "+INF", "+inf", "Infinity": .infinity
        case "-INF", "-inf", "-Infinity": -.infinity
        case "True", "true": 1
        case "False", "false": 0
        default: Double(text)
        }
    }

    /// The elements as text; nil for types that ONNX does not write so.
    static func texts(_ tensor: Tensor) -> [String]? {
        switch tensor.elementType {
        case .float32: tensor.withElements(Float.self) { $0.map { text(Double($0), digits: 8) } }
        case .float64: tensor.withElements(Double.self) { $0.map { text($0, digits: 17) } }
        case .bool: tensor.withElements(Bool.self) { $0.map { $0 ? "1" : "0" } }
        case .int8: integers(tensor, Int8.self)
        case .int16: integers(tensor, Int16.self)
        case .int32: integers(tensor, Int32.self)
        case .int64: integers(tensor, Int64.self)
        case .uint8: integers(tensor, UInt8.self)
        case .uint16: integers(tensor, UInt16.self)
        case .uint32: integers(tensor, UInt32.self)
        case .uint64: integers(tensor, UInt64.self)
        default: nil
        }
    }

    private static func integers<Element: TensorElement & FixedWidthInteger>(
        _ tensor: Tensor, _ type: Element.Type
    ) -> [String] {
        tensor.withElements(type) { $0.map { String($0) } }
    }

    private static func text(_ value: Double, digits: Int) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-INF" : "INF" }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
            guard let start = buffer.baseAddress else { return "" }
            let count = withVaList([Int32(digits), value]) { vsnprintf(start, buffer.count, "%.*g", $0) }
            return String(decoding: buffer.prefix(max(Int(count), 0)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }
}

extension Tensor {
    /// The numbers as ONNX's Cast converts them.
    func cast(to target: ElementType) -> Tensor {
        Tensor(target, shape: shape) { output in
            withBytes { input in
                guard let from = input.baseAddress, let to = output.baseAddress else { return }
                ElementConversion(from: elementType, to: target).convert(from, to: to, shape.elementCount)
            }
        }
    }
}
