/// A floating-point format of eight bits or less (ONNX, "Float stored in 8 bits" and "4 bits"): its values are few enough to
/// be listed.
struct NarrowFloat: Sendable {
    /// Magnitudes by code, ascending; the last one is the first beyond the format.
    private let magnitudes: [Float]
    /// Every code's value.
    let values: [Float]
    private let signBit: UInt8
    private let notANumber: UInt8
    private let infinity: UInt8?
    private let hasNegativeZero: Bool

    static let e4m3fn = NarrowFloat(mantissaBits: 3, bias: 7, finite: 0x7F, notANumber: 0x7F)
    static let e4m3fnuz = NarrowFloat(
        mantissaBits: 3, bias: 8, finite: 0x80, notANumber: 0x80, hasNegativeZero: false)
    static let e5m2 = NarrowFloat(mantissaBits: 2, bias: 15, finite: 0x7C, notANumber: 0x7F, infinity: 0x7C)
    static let e5m2fnuz = NarrowFloat(
        mantissaBits: 2, bias: 16, finite: 0x80, notANumber: 0x80, hasNegativeZero: false)
    /// It has neither infinity nor NaN: the one becomes the largest value, the other, as in ONNX's cases, negative zero.
    static let e2m1 = NarrowFloat(mantissaBits: 1, bias: 1, finite: 8, notANumber: 8, signBit: 8)

    /// - Parameter finite: how many codes from zero on are finite magnitudes.
    private init(
        mantissaBits: Int, bias: Int, finite: Int, notANumber: UInt8, infinity: UInt8? = nil,
        signBit: UInt8 = 0x80, hasNegativeZero: Bool = true
    ) {
        let fractions = 1 << mantissaBits
        let magnitudes = (0...finite).map { code -> Float in
            let (exponent, fraction) = (code / fractions, Float(code % fractions) / Float(fractions))
            return exponent == 0
                ? Float(sign: .plus, exponent: 1 - bias, significand: 1) * fraction
                : Float(sign: .plus, exponent: exponent - bias, significand: 1) * (1 + fraction)
        }
        self.magnitudes = magnitudes
        (self.notANumber, self.infinity, self.signBit) = (notANumber, infinity, signBit)
        self.hasNegativeZero = hasNegativeZero
        values = (0...UInt8.max).map { code in
            // A code beyond the format's bits cannot come from a file; it must not lead out of the table either.
            let code = signBit == 8 ? code & 0xF : code
            if !hasNegativeZero, code == signBit { return .nan }
            let magnitude = code & (signBit - 1)
            let sign: Float = code & signBit == 0 ? 1 : -1
            if magnitude == infinity { return sign * .infinity }
            return Int(magnitude) < finite ? sign * magnitudes[Int(magnitude)] : .nan
        }
    }

    /// The code of the nearest value, ties to even. Beyond the largest one: the largest when `saturates`, otherwise
    /// infinity, or NaN in formats without.
    func code(_ value: Double, saturates: Bool) -> UInt8 {
        let sign = value.sign == .minus ? signBit : 0
        guard !value.isNaN else { return hasNegativeZero ? notANumber | sign : notANumber }
        let magnitude = abs(value)
        var low = 0
        var high = magnitudes.count - 1
        while high - low > 1 {
            let middle = (low + high) / 2
            if Double(magnitudes[middle]) <= magnitude { low = middle } else { high = middle }
        }
        let half = (Double(magnitudes[low]) + Double(magnitudes[high])) / 2
        let nearest = magnitude > half || (magnitude == half && low % 2 == 1) ? high : low
        if nearest == magnitudes.count - 1 {
            if saturates || signBit == 8 { return UInt8(magnitudes.count - 2) | sign }
            guard let infinity else { return hasNegativeZero ? notANumber | sign : notANumber }
            return infinity | sign
        }
        return nearest == 0 && !hasNegativeZero ? 0 : UInt8(nearest) | sign
    }
}

/// float8e8m0: a power of two from 2^-127 to 2^127, without sign (OCP Microscaling Formats 1.0).
enum PowerOfTwoFloat {
    enum Rounding: String, Sendable { case up, down, nearest }

    static func value(_ code: UInt8) -> Double {
        code == 0xFF ? .nan : Double(sign: .plus, exponent: Int(code) - 127, significand: 1)
    }

    static func code(_ value: Double, _ rounding: Rounding, saturates: Bool) -> UInt8 {
        guard !value.isNaN, value >= 0 else { return 0xFF }
        guard value.isFinite else { return saturates ? 0xFE : 0xFF }
        guard value > 0 else { return saturates ? 0 : 0xFF }
        let up =
            switch rounding {
            case .up: value.significand > 1
            case .down: false
            case .nearest: value.significand >= 1.5
            }
        let exponent = Int(value.exponent) + (up ? 1 : 0) + 127
        if exponent > 254 { return saturates ? 0xFE : 0xFF }
        return exponent < 0 ? (saturates ? 0 : 0xFF) : UInt8(exponent)
    }
}
