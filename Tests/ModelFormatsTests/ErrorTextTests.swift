import ModelFormats
import TestSupport
import Testing

/// Errors quote what files say; a hostile file must not get its way with a log or a terminal.
@Suite struct ErrorTextTests {
    @Test func foreignTextIsCutAndMadePrintable() {
        let name = String(repeating: "é", count: 5_000) + "\u{1B}[2J"
        let error = ModelFormatError(.malformed, file: "f", at: "tensor '\(name)'", "found \u{1B}[31m\n\(name)")
        #expect(error.location.utf8.count <= 512 + 3)
        #expect(error.message.utf8.count <= 2_048 + 3)
        #expect(error.message.hasPrefix("found \u{FFFD}[31m\u{FFFD}é"))
        #expect(error.message.hasSuffix("é…"))
    }

    @Test func ordinaryTextIsKept() {
        let error = ModelFormatError(.missing, file: "f", at: "layer 1 'x'", "the weight 'k' is missing")
        #expect(error.description == "f: layer 1 'x': the weight 'k' is missing")
    }

    @Test func aTensorWithAHugeNameIsRefusedBriefly() throws {
        let folder = try TemporaryFolder()
        let name = String(repeating: "n", count: 100_000)
        let path = try folder.file("a.npy", Array("\u{1B}NUMPY".utf8))
        let plain = try error { _ = try NumPyFile.read(path) }
        #expect(plain.description.utf8.count < 4_096)
        let header = Array("{'descr': '\(name)', 'fortran_order': False, 'shape': (), }".utf8)
        let length = (0..<4).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
        let huge = try folder.file("b.npy", [0x93] + Array("NUMPY".utf8) + [2, 0] + length + header)
        let refused = try error { _ = try NumPyFile.read(huge) }
        #expect(refused.reason == .unsupported)
        #expect(refused.description.utf8.count < 4_096)
    }
}
