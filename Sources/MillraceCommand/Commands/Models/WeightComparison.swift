import TensorEngine

/// How the elements of two tensors differ.
struct WeightComparison: Equatable {
    var elementCount: Int
    var differingCount = 0
    /// The largest difference; NaN when one side has NaN where the other has a number.
    var maximumAbsolute = 0.0
    /// The largest distance in units in the last place: the representable numbers from one to the other. Nil for integers.
    var maximumULPs: UInt64?

    var isEqual: Bool { differingCount == 0 }

    /// Bit for bit: zeros of different sign differ, NaNs of the same bits do not.
    /// - Returns: nil when type or shape differ, so that there is nothing to compare.
    static func compare(_ left: Tensor, _ right: Tensor) -> WeightComparison? {
        guard left.elementType == right.elementType, left.shape == right.shape else { return nil }
        if left.elementType == .string {
            let count = zip(left.strings, right.strings).count { !$0.utf8.elementsEqual($1.utf8) }
            return WeightComparison(
                elementCount: left.shape.elementCount, differingCount: count, maximumAbsolute: count > 0 ? 1 : 0)
        }
        let isSame = left.withBytes { left in right.withBytes { right in left.elementsEqual(right) } }
        if isSame { return WeightComparison(elementCount: left.shape.elementCount) }
        return switch left.elementType {
        case .float32:
            floats(left, right, Float.self) {
                Double($0)
            } ordinal: {
                ordinal($0.bitPattern)
            }
        case .float64:
            floats(left, right, Double.self) {
                $0
            } ordinal: {
                ordinal($0.bitPattern)
            }
        case .int8: integers(left, right, Int8.self)
        case .int16: integers(left, right, Int16.self)
        case .int32: integers(left, right, Int32.self)
        case .int64: integers(left, right, Int64.self)
        case .uint8: integers(left, right, UInt8.self)
        case .uint16: integers(left, right, UInt16.self)
        case .uint32: integers(left, right, UInt32.self)
        case .uint64: integers(left, right, UInt64.self)
        default: bytes(left, right)
        }
    }

    /// Numbers in their order, neighbours one apart; both zeros are 0.
    private static func ordinal(_ bits: UInt32) -> Int64 {
        bits >> 31 == 0 ? Int64(bits) : -Int64(bits & 0x7FFF_FFFF)
    }

    private static func ordinal(_ bits: UInt64) -> Int64 {
        bits >> 63 == 0 ? Int64(bits) : -Int64(bits & 0x7FFF_FFFF_FFFF_FFFF)
    }

    private static func floats<Element: TensorElement & BinaryFloatingPoint>(
        _ left: Tensor, _ right: Tensor, _ type: Element.Type, _ double: (Element) -> Double,
        ordinal: (Element) -> Int64
    ) -> WeightComparison {
        var result = WeightComparison(elementCount: left.shape.elementCount, maximumULPs: 0)
        pairs(left, right, type) { left, right in
            let (a, b) = (ordinal(left), ordinal(right))
            guard a != b || left.sign != right.sign else { return }
            result.differingCount += 1
            let distance = a > b ? UInt64(bitPattern: a &- b) : UInt64(bitPattern: b &- a)
            result.maximumULPs = max(result.maximumULPs ?? 0, distance)
            let difference = abs(double(left) - double(right))
            if difference.isNaN || difference > result.maximumAbsolute { result.maximumAbsolute = difference }
        }
        return result
    }

    private static func integers<Element: TensorElement & FixedWidthInteger>(
        _ left: Tensor, _ right: Tensor, _ type: Element.Type
    ) -> WeightComparison {
        var result = WeightComparison(elementCount: left.shape.elementCount)
        pairs(left, right, type) { left, right in
            guard left != right else { return }
            result.differingCount += 1
            result.maximumAbsolute = max(result.maximumAbsolute, abs(Double(left) - Double(right)))
        }
        return result
    }

    /// Elements without arithmetic.
    private static func bytes(_ left: Tensor, _ right: Tensor) -> WeightComparison {
        let size = max(1, left.elementType.byteCount)
        let count = left.withBytes { left in
            right.withBytes { right in
                stride(from: 0, to: left.count, by: size).count { start in
                    !left[start..<start + size].elementsEqual(right[start..<start + size])
                }
            }
        }
        return WeightComparison(
            elementCount: left.shape.elementCount, differingCount: count, maximumAbsolute: count > 0 ? 1 : 0)
    }

    private static func pairs<Element: TensorElement>(
        _ left: Tensor, _ right: Tensor, _ type: Element.Type, _ body: (Element, Element) -> Void
    ) {
        guard let left = try? left.elements(as: type), let right = try? right.elements(as: type) else { return }
        for (left, right) in zip(left, right) { body(left, right) }
    }
}
