/// A zip archive of one entry that is not compressed (PKWARE, "APPNOTE.TXT", 4.3): the bytes are the fuzzer's, the sizes
/// and the checksum fit them, so that a reader gets beyond both.
enum StoredZip {
    static func archive(of content: [UInt8], named name: String) -> [UInt8] {
        let sum = crc32(content)
        let sizes = little(UInt32(content.count)) + little(UInt32(content.count))
        // Version 2.0, no flags, stored; 1980-01-01.
        let common = little(UInt16(20)) + [0, 0, 0, 0, 0, 0, 0x21, 0] + little(sum) + sizes
        let lengths = little(UInt16(name.utf8.count)) + [0, 0]
        let local = [0x50, 0x4B, 3, 4] + common + lengths + Array(name.utf8) + content
        let central =
            [0x50, 0x4B, 1, 2] + little(UInt16(20)) + common + lengths + [UInt8](repeating: 0, count: 14)
            + Array(name.utf8)
        let end =
            [0x50, 0x4B, 5, 6, 0, 0, 0, 0, 1, 0, 1, 0] + little(UInt32(central.count)) + little(UInt32(local.count))
            + [0, 0]
        return local + central + end
    }

    private static func little<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        (0..<(Number.bitWidth / 8)).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { sum, _ in sum & 1 == 0 ? sum >> 1 : sum >> 1 ^ 0xEDB8_8320 }
    }

    private static func crc32(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(UInt32.max) { table[Int(($0 ^ UInt32($1)) & 255)] ^ $0 >> 8 }
    }
}
