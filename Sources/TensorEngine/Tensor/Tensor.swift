/// A value: contiguous, row-major, 64-byte aligned elements of one type.
///
///     let x = try Tensor(shape: [2, 3], elements: [1, 2, 3, 4, 5, 6] as [Float])
///     x.withElements(Float.self) { $0[4] }  // 5
///
/// Copying a tensor shares its memory; writing to a shared one copies it first. A tensor of strings has no bytes: its
/// elements are ``strings``, and whoever copies bytes has to ask for them first.
public struct Tensor: Sendable {
    public let elementType: ElementType
    public let shape: Shape
    private var storage: TensorStorage

    /// Bytes that the elements take; strings take their UTF-8 and sixteen each.
    public var byteCount: Int { elementType == .string ? storage.byteCount : rawByteCount }

    /// Bytes that ``withBytes(_:)`` hands out.
    private var rawByteCount: Int { shape.elementCount * elementType.byteCount }

    /// The elements of a tensor of strings in row-major order; none for every other type.
    public var strings: [String] {
        guard elementType == .string, storage.strings.count != shape.elementCount else { return storage.strings }
        // Made by zeros.
        return [String](repeating: "", count: shape.elementCount)
    }

    private init(elementType: ElementType, shape: Shape, storage: TensorStorage) {
        self.elementType = elementType
        self.shape = shape
        self.storage = storage
    }

    /// A tensor whose bytes `initialize` writes, all of them.
    public init(
        _ elementType: ElementType, shape: Shape,
        initializingWith initialize: (UnsafeMutableRawBufferPointer) throws -> Void
    ) rethrows {
        let byteCount = shape.elementCount * elementType.byteCount
        let storage = TensorStorage(byteCount: byteCount)
        try initialize(UnsafeMutableRawBufferPointer(start: storage.pointer, count: byteCount))
        self.init(elementType: elementType, shape: shape, storage: storage)
    }

    /// A tensor of zeros (`false` for bool).
    public init(zeros elementType: ElementType, shape: Shape) {
        self.init(elementType, shape: shape) { buffer in
            _ = buffer.initializeMemory(as: UInt8.self, repeating: 0)
        }
    }

    /// - Throws: ``TensorError/byteCountMismatch(found:expected:)`` when the number of elements is not the shape's.
    public init<Element: TensorElement>(shape: Shape, elements: [Element]) throws(TensorError) {
        guard elements.count == shape.elementCount else {
            let expected = try Self.byteCount(Element.elementType, shape)
            throw .byteCountMismatch(found: elements.count * Element.elementType.byteCount, expected: expected)
        }
        self.init(Element.elementType, shape: shape) { buffer in
            elements.withUnsafeBytes { if !$0.isEmpty { buffer.copyMemory(from: $0) } }
        }
    }

    /// A tensor of strings.
    /// - Throws: ``TensorError/stringCountMismatch(found:expected:)`` when there are not as many as the shape has elements.
    public init(shape: Shape, strings: [String]) throws(TensorError) {
        guard strings.count == shape.elementCount else {
            throw .stringCountMismatch(found: strings.count, expected: shape.elementCount)
        }
        self.init(elementType: .string, shape: shape, storage: TensorStorage(strings: strings))
    }

    /// Copies raw little-endian, row-major bytes.
    /// - Throws: ``TensorError/byteCountMismatch(found:expected:)``.
    public init(_ elementType: ElementType, shape: Shape, bytes: UnsafeRawBufferPointer) throws(TensorError) {
        guard elementType != .string else { throw .bytesAreNoStrings }
        let expected = try Self.byteCount(elementType, shape)
        guard bytes.count == expected else { throw .byteCountMismatch(found: bytes.count, expected: expected) }
        self.init(elementType, shape: shape) { buffer in
            if !bytes.isEmpty { buffer.copyMemory(from: bytes) }
        }
    }

    /// A view of foreign read-only memory, kept alive by `owner`; copied when it is not aligned to its elements.
    /// - Throws: ``TensorError/byteCountMismatch(found:expected:)``.
    public init(
        _ elementType: ElementType, shape: Shape, borrowing bytes: UnsafeRawBufferPointer, owner: AnyObject
    ) throws(TensorError) {
        guard elementType != .string else { throw .bytesAreNoStrings }
        guard let start = bytes.baseAddress, UInt(bitPattern: start) % UInt(elementType.byteCount) == 0 else {
            try self.init(elementType, shape: shape, bytes: bytes)
            return
        }
        let expected = try Self.byteCount(elementType, shape)
        guard bytes.count == expected else { throw .byteCountMismatch(found: bytes.count, expected: expected) }
        let storage = TensorStorage(foreign: start, byteCount: expected, owner: owner)
        self.init(elementType: elementType, shape: shape, storage: storage)
    }

    /// The bytes that a shape takes, checked: shapes come from outside.
    private static func byteCount(_ elementType: ElementType, _ shape: Shape) throws(TensorError) -> Int {
        let (count, overflow) = shape.elementCount.multipliedReportingOverflow(by: elementType.byteCount)
        guard !overflow else { throw .invalidShape(shape.dimensions, "the number of bytes overflows") }
        return count
    }

    /// The same elements under another shape.
    /// - Throws: ``TensorError/invalidShape(_:_:)`` when the number of elements differs.
    public func reshaped(to shape: Shape) throws(TensorError) -> Tensor {
        guard shape.elementCount == self.shape.elementCount else {
            throw .invalidShape(
                shape.dimensions, "cannot hold the \(self.shape.elementCount) elements of \(self.shape)")
        }
        return Tensor(elementType: elementType, shape: shape, storage: storage)
    }

    public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        defer { withExtendedLifetime(storage) {} }
        return try body(UnsafeRawBufferPointer(start: storage.pointer, count: rawByteCount))
    }

    /// Calls `body` with writable bytes, after copying them when they are shared or foreign.
    public mutating func withMutableBytes<Result>(
        _ body: (UnsafeMutableRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        if elementType != .string, storage.isReadOnly || !isKnownUniquelyReferenced(&storage) {
            let copy = TensorStorage(byteCount: rawByteCount)
            copy.pointer.copyMemory(from: storage.pointer, byteCount: rawByteCount)
            storage = copy
        }
        defer { withExtendedLifetime(storage) {} }
        return try body(UnsafeMutableRawBufferPointer(start: storage.pointer, count: rawByteCount))
    }

    /// - Precondition: `Element` is the tensor's element type; outside data is checked before.
    public func withElements<Element: TensorElement, Result>(
        _ type: Element.Type, _ body: (UnsafeBufferPointer<Element>) throws -> Result
    ) rethrows -> Result {
        precondition(Element.elementType == elementType, "read \(elementType) tensor as \(Element.elementType)")
        return try withBytes { try body($0.assumingMemoryBound(to: Element.self)) }
    }

    /// The elements in row-major order.
    /// - Throws: ``TensorError/elementTypeMismatch(found:expected:)`` when the tensor holds another type.
    public func elements<Element: TensorElement>(as type: Element.Type) throws(TensorError) -> [Element] {
        guard Element.elementType == elementType else {
            throw .elementTypeMismatch(found: elementType, expected: Element.elementType)
        }
        return withElements(type) { Array($0) }
    }
}
