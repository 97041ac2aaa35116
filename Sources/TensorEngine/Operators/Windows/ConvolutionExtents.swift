/// A convolution's extents: what its forward operator, its gradients and its transposed form have in common.
struct ConvolutionExtents: Sendable {
    var images: Int
    var groups: Int
    /// Channels of the input in one group.
    var channels: Int
    /// Channels of the output in one group.
    var filters: Int
    /// Spatial extents, per axis.
    var input: [Int]
    var output: [Int]
    var kernel: [Int]
    var strides: [Int]
    var dilations: [Int]
    /// Padding before the input.
    var pads: [Int]

    var inputPlane: Int { input.reduce(1, *) }
    var outputPlane: Int { output.reduce(1, *) }
    var kernelVolume: Int { kernel.reduce(1, *) }
    /// Extents of the input with the padding that windows reach.
    var reach: [Int] {
        input.indices.map { axis in
            let window = (kernel[axis] - 1) * dilations[axis] + 1
            return (output[axis] - 1) * strides[axis] + window
        }
    }
    /// Whether every channel has filters of its own.
    var isDepthwise: Bool { channels == 1 && groups > 1 }
}

/// Offsets of the points of a box in row-major order.
enum Lattice {
    static func offsets(_ extents: [Int], steps: [Int], from base: Int = 0) -> [Int] {
        var result = [base]
        for (extent, step) in zip(extents, steps) {
            result = result.flatMap { offset in (0..<extent).map { offset + $0 * step } }
        }
        return result
    }

    /// Sums of one offset an axis, in row-major order.
    static func sums(_ axes: [[Int]], from base: Int = 0) -> [Int] {
        axes.reduce([base]) { sums, offsets in sums.flatMap { sum in offsets.map { sum + $0 } } }
    }
}

/// How planes are copied into larger ones of zeros, so that windows need not look where the edges are.
struct PaddedPlanes: Sendable {
    /// Elements of a plane to read from.
    let sourceCount: Int
    /// Elements of a padded plane.
    let count: Int
    /// Elements from one place to the next along each axis of a padded plane.
    let pitches: [Int]
    /// Whether the planes can be read where they are.
    let isIdentity: Bool
    private let sourceRows: [Int]
    private let targetRows: [Int]
    private let length: Int

    /// - Parameters:
    ///   - begin: zeros before the source along each axis.
    ///   - extents: of the padded plane, which may end before the source does.
    init(source: [Int], begin: [Int], extents: [Int], _ operands: Operands) throws(GraphError) {
        sourceCount = source.reduce(1, *)
        isIdentity = begin.allSatisfy { $0 == 0 } && zip(extents, source).allSatisfy { $0 <= $1 }
        let padded = isIdentity ? source : extents
        count = try operands.makeShape(padded).elementCount
        pitches = Broadcasting.rowMajorStrides(padded)
        let kept = source.indices.map { max(0, min(source[$0], padded[$0] - begin[$0])) }
        let sourcePitches = Broadcasting.rowMajorStrides(source)
        let outer = Array(kept.dropLast())
        let start = zip(begin, pitches).reduce(0) { $0 + $1.0 * $1.1 }
        let isEmpty = kept.contains(0)
        sourceRows = isIdentity || isEmpty ? [] : Lattice.offsets(outer, steps: Array(sourcePitches.dropLast()))
        targetRows = isIdentity || isEmpty ? [] : Lattice.offsets(outer, steps: Array(pitches.dropLast()), from: start)
        length = kept.last ?? 1
    }

    func copy<Element>(
        _ kernels: GradientKernels<Element>, planes: Int, from source: UnsafePointer<Element>,
        to target: UnsafeMutablePointer<Element>
    ) {
        kernels.pad(planes, source, sourceCount, target, count, sourceRows.count, sourceRows, targetRows, length)
    }
}
