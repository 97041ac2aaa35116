extension Tensor {
    /// The same numbers as another element type.
    ///
    /// Any numeric or bool tensor converts to float32 and float64, rounding to nearest; integers convert to other integer
    /// types when every value fits. Nothing else converts: fractions are never cut off silently.
    /// - Returns: nil when there is no such conversion.
    public func converted(to target: ElementType) -> Tensor? {
        if target == elementType { return self }
        switch target {
        case .float32: return converted { Float($0) }
        case .float64: return converted { $0 }
        case .int8: return exactly(Int8.self)
        case .int16: return exactly(Int16.self)
        case .int32: return exactly(Int32.self)
        case .int64: return exactly(Int64.self)
        case .uint8: return exactly(UInt8.self)
        case .uint16: return exactly(UInt16.self)
        case .uint32: return exactly(UInt32.self)
        case .uint64: return exactly(UInt64.self)
        case .float16, .bfloat16, .bool: return nil
        }
    }

    private func converted<Target: TensorElement>(_ convert: (Double) -> Target) -> Tensor {
        Tensor(Target.elementType, shape: shape) { buffer in
            let target = buffer.bindMemory(to: Target.self)
            switch elementType {
            case .float32: fill(target, Float.self) { convert(Double($0)) }
            case .float64: fill(target, Double.self) { convert($0) }
            case .float16: fill(target, halfBits: { Self.halfToFloat($0) }, convert)
            case .bfloat16: fill(target, halfBits: { Float(bitPattern: UInt32($0) << 16) }, convert)
            case .int8: fill(target, Int8.self) { convert(Double($0)) }
            case .int16: fill(target, Int16.self) { convert(Double($0)) }
            case .int32: fill(target, Int32.self) { convert(Double($0)) }
            case .int64: fill(target, Int64.self) { convert(Double($0)) }
            case .uint8: fill(target, UInt8.self) { convert(Double($0)) }
            case .uint16: fill(target, UInt16.self) { convert(Double($0)) }
            case .uint32: fill(target, UInt32.self) { convert(Double($0)) }
            case .uint64: fill(target, UInt64.self) { convert(Double($0)) }
            case .bool: fill(target, Bool.self) { convert($0 ? 1 : 0) }
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
        case .float32, .float64, .float16, .bfloat16, .bool: nil
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

    private func fill<Source: TensorElement, Target>(
        _ target: UnsafeMutableBufferPointer<Target>, _ source: Source.Type, _ convert: (Source) -> Target
    ) {
        withElements(source) { elements in
            for (index, element) in elements.enumerated() { target[index] = convert(element) }
        }
    }

    private func fill<Target>(
        _ target: UnsafeMutableBufferPointer<Target>, halfBits: (UInt16) -> Float, _ convert: (Double) -> Target
    ) {
        withBytes { bytes in
            for index in 0..<shape.elementCount {
                target[index] = convert(Double(halfBits(bytes.load(fromByteOffset: 2 * index, as: UInt16.self))))
            }
        }
    }

    /// IEEE 754 binary16 to binary32; exact.
    private static func halfToFloat(_ bits: UInt16) -> Float {
        let sign = UInt32(bits & 0x8000) << 16
        let exponent = UInt32(bits >> 10) & 0x1F
        let fraction = UInt32(bits) & 0x3FF
        switch exponent {
        case 0x1F: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
        case 0:
            // Subnormal: the fraction counts units of 2⁻²⁴.
            let magnitude = Float(fraction) * 0x1p-24
            return sign == 0 ? magnitude : -magnitude
        default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
        }
    }
}
