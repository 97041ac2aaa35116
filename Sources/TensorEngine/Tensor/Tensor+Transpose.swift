import CTensorKernels

extension Tensor {
    /// Axis `i` of the result is axis `permutation[i]` of this tensor; nil when that is no permutation of the axes, and
    /// for strings.
    func transposed(_ permutation: [Int]) -> Tensor? {
        guard elementType != .string, permutation.sorted() == Array(shape.dimensions.indices),
            let target = try? Shape(permutation.map { shape[$0] })
        else { return nil }
        let strides = Broadcasting.rowMajorStrides(shape.dimensions)
        let steps = permutation.map { strides[$0] }
        return Tensor(elementType, shape: target) { output in
            withBytes { input in
                guard target.elementCount > 0 else { return }
                mk_strided_copy(
                    elementType.byteCount, target.rank, target.dimensions, steps, input.baseAddress,
                    output.baseAddress)
            }
        }
    }
}
