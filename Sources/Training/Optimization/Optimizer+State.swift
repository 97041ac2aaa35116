public import TensorEngine

/// Why a saved state is not an optimizer's.
public struct OptimizerStateError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Of the tensor at fault.
    public let tensor: String
    public let message: String

    public var description: String { "optimizer state '\(tensor)': \(message)" }
}

extension Optimizer {
    /// Everything that the next step depends on beside the parameters, for a checkpoint: `optimizer/step`, an int64 scalar, and
    /// a float32 list for each of the method's running means, as `optimizer/adam/first_moment`.
    public func exportState() -> [String: Tensor] {
        var tensors = [
            Self.stepName: Tensor(.int64, shape: []) { $0.storeBytes(of: Int64(stepCount), as: Int64.self) }
        ]
        for (index, name) in names.enumerated() {
            let range = index * layout.count..<(index + 1) * layout.count
            tensors[name] = Tensor(.float32, shape: Shape(arrayLiteral: layout.count)) { bytes in
                state[range].withUnsafeBytes { if !$0.isEmpty { bytes.copyMemory(from: $0) } }
            }
        }
        return tensors
    }

    /// Goes on where the optimizer of a checkpoint was: the next step has the same bits.
    /// - Parameter tensors: those of ``exportState()``; others are passed over.
    /// - Throws: ``OptimizerStateError`` when one is missing or of another type or size; nothing has changed then.
    public mutating func importState(_ tensors: [String: Tensor]) throws(OptimizerStateError) {
        let steps = try Self.tensor(Self.stepName, .int64, [], tensors)
        let step = steps.withElements(Int64.self) { $0.first ?? 0 }
        guard (0...(1 << 53)).contains(step) else {
            throw OptimizerStateError(tensor: Self.stepName, message: "found \(step), expected a number of steps")
        }
        var state: [Float] = []
        state.reserveCapacity(names.count * layout.count)
        for name in names {
            let tensor = try Self.tensor(name, .float32, Shape(arrayLiteral: layout.count), tensors)
            tensor.withElements(Float.self) { state.append(contentsOf: $0) }
        }
        (self.state, stepCount) = (state, Int(step))
    }

    private static let stepName = "optimizer/step"

    private var names: [String] {
        configuration.stateNames.map { "optimizer/\(configuration.name)/\($0)" }
    }

    private static func tensor(
        _ name: String, _ type: ElementType, _ shape: Shape, _ tensors: [String: Tensor]
    ) throws(OptimizerStateError) -> Tensor {
        guard let tensor = tensors[name] else {
            let found = tensors.keys.sorted().prefix(20).joined(separator: ", ")
            throw OptimizerStateError(tensor: name, message: "missing; the checkpoint has \(found)")
        }
        guard tensor.elementType == type, tensor.shape == shape else {
            throw OptimizerStateError(
                tensor: name,
                message: "found \(tensor.elementType.rawValue) \(tensor.shape), expected \(type.rawValue) \(shape)")
        }
        return tensor
    }
}
