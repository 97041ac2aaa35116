/// 64-byte aligned memory of one or more tensors; freed with its last owner.
///
/// `owner` keeps foreign memory alive (a memory-mapped file); such storage is read-only.
/// Written only while one ``Tensor`` holds it uniquely, which is what makes the `@unchecked Sendable` sound.
final class TensorStorage: @unchecked Sendable {
    static let alignment = 64

    let pointer: UnsafeMutableRawPointer
    let byteCount: Int
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
    }

    /// Foreign read-only memory that lives as long as `owner`.
    init(foreign pointer: UnsafeRawPointer, byteCount: Int, owner: AnyObject) {
        self.byteCount = byteCount
        self.pointer = UnsafeMutableRawPointer(mutating: pointer)
        self.owner = owner
        self.allocation = nil
    }

    deinit {
        allocation?.deallocate()
    }
}
