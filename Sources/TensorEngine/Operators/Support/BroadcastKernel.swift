/// Kernels that combine two broadcast operands element by element.
enum BroadcastKernel {
    static func make<A, B, C>(
        _ a: Shape, _ b: Shape, output: Shape, _ combine: @escaping @Sendable (A, B) -> C
    ) -> Kernel {
        let loop = BroadcastLoop(a.dimensions, b.dimensions, output: output.dimensions)
        let isEmpty = output.elementCount == 0
        return Kernel { arguments in
            if isEmpty { return }
            let x = arguments.input(0, as: A.self)
            let y = arguments.input(1, as: B.self)
            let z = arguments.output(0, as: C.self)
            loop.forEachRow { row, aOffset, bOffset in
                for index in 0..<loop.count {
                    z[row * loop.count + index] = combine(
                        x[aOffset + index * loop.aStep], y[bOffset + index * loop.bStep])
                }
            }
        }
    }
}

extension Operands {
    /// The shape that inputs broadcast to.
    func broadcastShape(_ indices: Range<Int>) throws(GraphError) -> Shape {
        var result: [Int] = []
        for index in indices where has(index) {
            let next = try shape(index).dimensions
            guard let both = Broadcasting.shape(result, next) else {
                throw error(.shapeMismatch, "shapes do not broadcast: \(result) and \(next)")
            }
            result = both
        }
        return try makeShape(result)
    }
}

/// Visits the elements of a box in row-major order, with an offset for each of its operands.
struct StridedWalk: Sendable {
    private let extents: [Int]
    private let strides: [Int]
    let count: Int

    /// - Parameter strides: elements to advance along each axis; 0 stays.
    init(_ extents: [Int], strides: [Int]) {
        (self.extents, self.strides) = (extents, strides)
        count = extents.reduce(1, *)
    }

    func forEach(_ body: (_ position: Int, _ offset: Int) -> Void) {
        guard count > 0 else { return }
        guard let inner = extents.last, let step = strides.last else { return body(0, 0) }
        var index = [Int](repeating: 0, count: extents.count - 1)
        var base = 0
        var position = 0
        while true {
            for place in 0..<inner { body(position + place, base + place * step) }
            position += inner
            var axis = index.count - 1
            while axis >= 0 {
                index[axis] += 1
                base += strides[axis]
                if index[axis] < extents[axis] { break }
                base -= strides[axis] * extents[axis]
                index[axis] = 0
                axis -= 1
            }
            if axis < 0 { return }
        }
    }
}
