import TensorEngine

extension Tensor {
    /// The tensor with its axes in another order: axis `i` of the result is axis `permutation[i]` of this one.
    /// - Precondition: `permutation` holds every axis once.
    func permuted(_ permutation: [Int]) throws(TensorError) -> Tensor {
        let size = elementType.byteCount
        let resultShape = try Shape(permutation.map { shape[$0] })
        var sourceStrides = [Int](repeating: size, count: shape.rank)
        for axis in (0..<max(shape.rank - 1, 0)).reversed() {
            sourceStrides[axis] = sourceStrides[axis + 1] * shape[axis + 1]
        }
        let strides = permutation.map { sourceStrides[$0] }
        return withBytes { source in
            Tensor(elementType, shape: resultShape) { target in
                guard let from = source.baseAddress, let to = target.baseAddress else { return }
                var index = [Int](repeating: 0, count: strides.count)
                var offset = 0
                for element in 0..<resultShape.elementCount {
                    (to + element * size).copyMemory(from: from + offset, byteCount: size)
                    // The next index, counted up from the last axis.
                    var axis = strides.count - 1
                    while axis >= 0 {
                        index[axis] += 1
                        offset += strides[axis]
                        if index[axis] < resultShape[axis] { break }
                        offset -= strides[axis] * resultShape[axis]
                        index[axis] = 0
                        axis -= 1
                    }
                }
            }
        }
    }
}
