/// Indices of type int32 or int64, negative ones counted from the back.
struct IndexValues {
    private let bytes: UnsafeRawPointer
    private let isWide: Bool

    init(_ bytes: UnsafeRawPointer, _ type: ElementType) {
        self.bytes = bytes
        isWide = type == .int64
    }

    /// nil, with the kernel's fault set, when it is outside of `extent`.
    func index(_ position: Int, extent: Int, _ fault: KernelFault) -> Int? {
        let value =
            isWide
            ? Int(bytes.load(fromByteOffset: position * 8, as: Int64.self))
            : Int(bytes.load(fromByteOffset: position * 4, as: Int32.self))
        guard value >= -extent, value < extent else {
            fault.set("index \(value) at position \(position) is outside [\(-extent), \(extent - 1)]")
            return nil
        }
        return value < 0 ? value + extent : value
    }
}

extension Operands {
    /// The type of an operand of indices.
    func indexType(_ index: Int) throws(GraphError) -> TensorType { try type(index, among: .int64, .int32) }
}
