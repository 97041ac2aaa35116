import Foundation

/// The words of a libFuzzer dictionary that are JSON: values, and keys with the colon cut off.
struct Vocabulary {
    private(set) var values: [[UInt8]] = []
    private(set) var keys: [[UInt8]] = []

    /// - Parameter file: lines of `"text"` with `\xNN` escapes; others are passed over.
    init(dictionary file: String) {
        let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
        for line in text.split(separator: "\n") where line.hasPrefix("\"") && line.hasSuffix("\"") && line.count > 2 {
            let word = Self.unescaped(line.dropFirst().dropLast())
            guard word.first == UInt8(ascii: "\"") else { continue }
            if word.last == UInt8(ascii: ":") {
                keys.append(word.dropLast())
            } else {
                values.append(word)
            }
        }
    }

    func key(_ random: inout SplitMix64) -> [UInt8]? { keys.randomElement(using: &random) }

    private static func unescaped(_ word: Substring) -> [UInt8] {
        var result: [UInt8] = []
        var rest = Array(word.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), rest.first == UInt8(ascii: "x"),
                let code = UInt8(String(decoding: rest.dropFirst().prefix(2), as: UTF8.self), radix: 16)
            {
                result.append(code)
                rest = rest.dropFirst(3)
            } else {
                result.append(byte)
            }
        }
        return result
    }
}

/// Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(state: UInt64) { self.state = state }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
