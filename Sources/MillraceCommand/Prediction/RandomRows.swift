import Serving
import TensorEngine

/// Reproducible rows for a model whose user gave none.
enum RandomRows {
    /// Numbers in [-1, 1); for integer inputs, which are mostly tokens, small ones: 1 in masks, 0 in types.
    /// - Parameters:
    ///   - rows: the extent of the batch.
    ///   - openExtent: of sequences and other open dimensions besides the batch.
    static func make(for graph: Graph, rows: Int, openExtent: Int) throws -> [NamedTensor] {
        var state: UInt64 = 1
        func next() -> UInt64 {
            // SplitMix64 (Steele et al., 2014).
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
        return try graph.inputs.map { input in
            let extents = input.dimensions.map { dimension in
                switch dimension {
                case .fixed(let extent): extent
                case .batch: rows
                case .symbolic: openExtent
                }
            }
            let shape = try Shape(extents)
            let name = input.name.lowercased()
            let values = (0..<shape.elementCount).map { _ -> Float in
                if input.elementType.isFloatingPoint { return Float(next() >> 40) / Float(1 << 23) - 1 }
                return name.contains("mask") ? 1 : name.contains("type") ? 0 : Float(next() % 100)
            }
            let tensor = try Tensor(shape: shape, elements: values)
            if input.elementType.isFloatingPoint, let converted = tensor.converted(to: input.elementType) {
                return NamedTensor(name: input.name, tensor: converted)
            }
            let integers = try Tensor(shape: shape, elements: values.map { Int64($0) })
            guard let converted = integers.converted(to: input.elementType) else {
                throw CommandFailure(.usage, "input '\(input.name)' is \(input.elementType.rawValue)")
            }
            return NamedTensor(name: input.name, tensor: converted)
        }
    }
}
