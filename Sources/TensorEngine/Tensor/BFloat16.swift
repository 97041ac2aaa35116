/// The upper half of a binary32: 8 bits of exponent, 7 of fraction. It computes through `Float`.
package struct BFloat16: Sendable, BitwiseCopyable {
    package var bitPattern: UInt16

    package init(bitPattern: UInt16) { self.bitPattern = bitPattern }

    /// Rounded to nearest, ties to even; NaN stays a quiet NaN.
    package init(_ value: Float) {
        let bits = value.bitPattern
        if value.isNaN {
            bitPattern = UInt16(truncatingIfNeeded: bits >> 16) | 0x40
        } else {
            bitPattern = UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
        }
    }

    package var float: Float { Float(bitPattern: UInt32(bitPattern) << 16) }
}

extension BFloat16: TensorElement { package static var elementType: ElementType { .bfloat16 } }
extension Float16: TensorElement { public static var elementType: ElementType { .float16 } }
