import TensorEngine

extension Tensor {
    /// The same elements with their `order.count` equal, contiguous parts in another order: part `i` of the result is part
    /// `order[i]` of this tensor.
    /// - Precondition: `order` is a permutation, and its count divides the number of elements.
    func blocks(_ order: [Int]) -> Tensor {
        withBytes { source in
            Tensor(elementType, shape: shape) { target in
                let size = order.isEmpty ? 0 : source.count / order.count
                guard size > 0 else { return }
                for (position, block) in order.enumerated() {
                    UnsafeMutableRawBufferPointer(rebasing: target[(position * size)..<((position + 1) * size)])
                        .copyMemory(
                            from: UnsafeRawBufferPointer(rebasing: source[(block * size)..<((block + 1) * size)]))
                }
            }
        }
    }

    /// The tensor's bytes and `count` zeros of its type, as `shape`.
    func followed(byZeros count: Int, shape: Shape) -> Tensor {
        withBytes { source in
            Tensor(elementType, shape: shape) { target in
                target.initializeMemory(as: UInt8.self, repeating: 0)
                target.copyMemory(from: source)
            }
        }
    }
}
