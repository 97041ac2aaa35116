/// 64-byte aligned memory of one or more tensors; freed with its last owner.
///
/// `owner` keeps foreign memory alive (a memory-mapped file); such storage is read-only.
/// Written only while one ``Tensor`` holds it uniquely, which is what makes the `@unchecked Sendable` sound.
final class TensorStorage: @unchecked Sendable {
    static let alignment = 64

    let pointer: UnsafeMutableRawPointer
    let byteCount: Int
    /// The elements of a tensor of strings, which hold memory of their own; empty for every other type.
    let strings: [String]
    private let owner: AnyObject?
    /// What was allocated; nil for foreign memory.
    private let allocation: UnsafeMutableRawPointer?

    var isReadOnly: Bool { owner != nil }

    /// Uninitialised memory of `byteCount` bytes.
    init(byteCount: Int) {
        self.byteCount = byteCount
        // Rounded up to whole cache lines, so that vector loads at the end stay inside.
        let rounded = (max(byteCount, 1) + Self.alignment - 1) / Self.alignment * Self.alignment
        // Aligned by hand: the system's allocator has a fast way for small blocks, but none for small aligned ones.
        let allocation = UnsafeMutableRawPointer.allocate(byteCount: rounded + Self.alignment, alignment: 16)
        self.allocation = allocation
        self.pointer = allocation.alignedUp(toMultipleOf: Self.alignment)
        self.owner = nil
        self.strings = []
    }

    /// Strings: no bytes for kernels to read, so that no copy of bytes can tear a reference.
    init(strings: [String]) {
        // Sixteen bytes hold a string, or where its bytes are.
        byteCount = strings.reduce(0) { $0 + 16 + $1.utf8.count }
        let allocation = UnsafeMutableRawPointer.allocate(byteCount: 2 * Self.alignment, alignment: 16)
        self.allocation = allocation
        self.pointer = allocation.alignedUp(toMultipleOf: Self.alignment)
        self.owner = nil
        self.strings = strings
    }

    /// Foreign read-only memory that lives as long as `owner`.
    init(foreign pointer: UnsafeRawPointer, byteCount: Int, owner: AnyObject) {
        self.byteCount = byteCount
        self.pointer = UnsafeMutableRawPointer(mutating: pointer)
        self.owner = owner
        self.allocation = nil
        self.strings = []
    }

    deinit {
        allocation?.deallocate()
    }
}
