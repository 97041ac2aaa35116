extension Tensor {
    /// The same numbers as another element type.
    ///
    /// Any numeric or bool tensor converts to float32 and float64, rounding to nearest; integers convert to other integer
    /// types when every value fits. Nothing else converts: fractions are never cut off silently.
    /// - Returns: nil when there is no such conversion.
    public func converted(to target: ElementType) -> Tensor? {
        if target == elementType { return self }
        guard elementType != .string else { return nil }
        switch target {
        case .float32, .float64: return rounded(to: target)
        case .int8: return exactly(Int8.self)
        case .int16: return exactly(Int16.self)
        case .int32: return exactly(Int32.self)
        case .int64: return exactly(Int64.self)
        case .uint8: return exactly(UInt8.self)
        case .uint16: return exactly(UInt16.self)
        case .uint32: return exactly(UInt32.self)
        case .uint64: return exactly(UInt64.self)
        default: return nil
        }
    }

    private func rounded(to target: ElementType) -> Tensor {
        Tensor(target, shape: shape) { output in
            withBytes { input in
                guard let source = input.baseAddress, let destination = output.baseAddress else { return }
                ElementConversion(from: elementType, to: target).convert(source, to: destination, shape.elementCount)
            }
        }
    }

    private func exactly<Target: TensorElement & FixedWidthInteger>(_ type: Target.Type) -> Tensor? {
        switch elementType {
        case .int8: exactly(from: Int8.self, type)
        case .int16: exactly(from: Int16.self, type)
        case .int32: exactly(from: Int32.self, type)
        case .int64: exactly(from: Int64.self, type)
        case .uint8: exactly(from: UInt8.self, type)
        case .uint16: exactly(from: UInt16.self, type)
        case .uint32: exactly(from: UInt32.self, type)
        case .uint64: exactly(from: UInt64.self, type)
        default: nil
        }
    }

    private func exactly<Source: TensorElement & FixedWidthInteger, Target: TensorElement & FixedWidthInteger>(
        from source: Source.Type, _ target: Target.Type
    ) -> Tensor? {
        var converted: [Target] = []
        converted.reserveCapacity(shape.elementCount)
        let fits = withElements(source) { elements in
            for element in elements {
                guard let value = Target(exactly: element) else { return false }
                converted.append(value)
            }
            return true
        }
        return fits ? try? Tensor(shape: shape, elements: converted) : nil
    }
}
