/// Numbers in text.
enum NumberText {
    /// Powers of ten that binary32 holds.
    private static let powers: [Float] = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7]

    /// A finite number in decimal notation, rounded once to binary32; nil for anything else. `nan`, `inf` and
    /// hexadecimal notation, which the system's parser knows too, are none; what overflows becomes infinite.
    static func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> Float? {
        if let number = short(bytes) { return number }
        let isDecimal = bytes.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "e"), UInt8(ascii: "E"):
                true
            default: false
            }
        }
        guard isDecimal, bytes.count <= 1024 else { return nil }
        return Float(String(decoding: bytes, as: UTF8.self))
    }

    /// A number of at most seven digits: both the digits and the power of ten are exact, so that their quotient is
    /// rounded once (Clinger, "How to read floating point numbers accurately", 1990).
    private static func short(_ bytes: UnsafeBufferPointer<UInt8>) -> Float? {
        let isNegative = bytes.first == UInt8(ascii: "-")
        let digits = isNegative ? bytes.dropFirst() : bytes[...]
        guard (1...8).contains(digits.count) else { return nil }
        var (value, count, fraction): (Int32, Int, Int?) = (0, 0, nil)
        for byte in digits {
            if byte == UInt8(ascii: "."), fraction == nil {
                fraction = 0
                continue
            }
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            value = value * 10 + Int32(byte - UInt8(ascii: "0"))
            count += 1
            fraction = fraction.map { $0 + 1 }
        }
        guard (1...7).contains(count) else { return nil }
        let number = Float(value) / powers[fraction ?? 0]
        return isNegative ? -number : number
    }
}
