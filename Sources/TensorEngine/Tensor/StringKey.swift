/// A string by its bytes, which is how ONNX compares text: Swift's own equality finds two spellings of "é" equal.
struct StringKey: Hashable, Comparable, Sendable {
    let text: String

    init(_ text: String) { self.text = text }

    func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }

    static func == (left: StringKey, right: StringKey) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }

    static func < (left: StringKey, right: StringKey) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }
}
