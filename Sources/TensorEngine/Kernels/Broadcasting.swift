/// Multidirectional broadcasting (https://onnx.ai/onnx/repo-docs/Broadcasting.html), as NumPy's.
enum Broadcasting {
    /// The shape that both broadcast to, or nil.
    static func shape(_ a: [Int], _ b: [Int]) -> [Int]? {
        let rank = max(a.count, b.count)
        var result = [Int](repeating: 1, count: rank)
        for axis in 0..<rank {
            let left = axis < rank - a.count ? 1 : a[axis - (rank - a.count)]
            let right = axis < rank - b.count ? 1 : b[axis - (rank - b.count)]
            if left == right || right == 1 {
                result[axis] = left
            } else if left == 1 {
                result[axis] = right
            } else {
                return nil
            }
        }
        return result
    }

    /// Row-major element strides of `shape` seen as `target`: 0 along broadcast axes.
    static func strides(of shape: [Int], broadcastTo target: [Int]) -> [Int] {
        var result = [Int](repeating: 0, count: target.count)
        var step = 1
        for axis in shape.indices.reversed() {
            if shape[axis] != 1 { result[axis + target.count - shape.count] = step }
            step *= shape[axis]
        }
        return result
    }

    /// The linear index into `shape` for each element of `target` in row-major order.
    static func indices(of shape: [Int], broadcastTo target: [Int]) -> [Int] {
        let strides = strides(of: shape, broadcastTo: target)
        var result = [0]
        for (extent, stride) in zip(target, strides) {
            result = result.flatMap { base in (0..<extent).map { base + $0 * stride } }
        }
        return result
    }
}

extension Broadcasting {
    static func rowMajorStrides(_ shape: [Int]) -> [Int] {
        var result = [Int](repeating: 1, count: shape.count)
        for axis in shape.indices.dropLast().reversed() { result[axis] = result[axis + 1] * shape[axis + 1] }
        return result
    }
}
