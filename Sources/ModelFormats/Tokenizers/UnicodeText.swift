/// What tokenizers ask of characters.
enum UnicodeText {
    static func isWhitespace(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isWhitespace }

    static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
        default: false
        }
    }

    static func isNumber(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .decimalNumber, .letterNumber, .otherNumber: true
        default: false
        }
    }

    static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        // ASCII symbols such as $ and + count as well.
        case 33...47, 58...64, 91...96, 123...126: return true
        default: break
        }
        switch scalar.properties.generalCategory {
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
            .finalPunctuation, .otherPunctuation:
            return true
        default: return false
        }
    }

    /// Control, format and private characters, but tab and line ends.
    static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        if scalar == "\t" || scalar == "\n" || scalar == "\r" { return false }
        switch scalar.properties.generalCategory {
        case .control, .format, .privateUse, .surrogate: return true
        default: return false
        }
    }

    /// The CJK ideographs of BERT's basic tokenizer.
    static func isIdeograph(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F,
            0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
            true
        default: false
        }
    }

    private static let bases: [UInt32: [Unicode.Scalar]] = {
        var result: [UInt32: [Unicode.Scalar]] = [:]
        for entry in accentTable.description.split(separator: " ") {
            let parts = entry.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, let code = UInt32(parts[0], radix: 16) else { continue }
            result[code] = parts[1].split(separator: ".").compactMap {
                UInt32($0, radix: 16).flatMap(Unicode.Scalar.init)
            }
        }
        return result
    }()

    /// Appends what canonical decomposition (NFD) leaves of a character without its nonspacing marks.
    static func appendWithoutAccents(_ scalar: Unicode.Scalar, to result: inout [Unicode.Scalar]) {
        let code = scalar.value
        if code < 0x80 {
            result.append(scalar)
        } else if (0xAC00..<0xD7A4).contains(code) {
            // Hangul syllables decompose by arithmetic (The Unicode Standard, section 3.12).
            let index = code - 0xAC00
            let jamo = [0x1100 + index / 588, 0x1161 + index % 588 / 28, 0x11A7 + index % 28]
            for code in index % 28 == 0 ? jamo.prefix(2) : jamo[...] {
                if let part = Unicode.Scalar(code) { result.append(part) }
            }
        } else if let base = bases[code] {
            result += base
        } else {
            result.append(scalar)
        }
    }
}
