/// A convolution, or the gradient of one with respect to its input, as products of the source's planes, read where they
/// lie, with the packed weights. Each target plane's places are divided into phases whose places are reached from the
/// source by the same taps: one phase for a convolution, one for each remainder of the strides for an input gradient.
struct WindowProduct: Sendable {
    private struct Phase: Sendable {
        /// Where in a padded plane each place starts to read.
        var rows: [Int]
        /// For each source plane and tap, what is added to that.
        var taps: [Int]
        /// For each source plane and tap, its weight for the first target plane.
        var weights: [Int]
        /// Places come in runs along the last axis.
        var runs: [Int]
        var runLength: Int
    }

    private let images: Int
    private let groups: Int
    /// Planes in one group.
    private let sources: Int
    private let targets: Int
    private let planes: PaddedPlanes
    private let targetPlane: Int
    private let weightsPerGroup: Int
    /// From one target plane's weights to the next.
    private let weightStride: Int
    /// From one place of a run to the next.
    private let runStep: Int
    private let phases: [Phase]

    /// Places computed at a time.
    private static let rowsAtOnce = 1024

    /// The convolution itself.
    init(forward extents: ConvolutionExtents, _ operands: Operands) throws(GraphError) {
        planes = try PaddedPlanes(source: extents.input, begin: extents.pads, extents: extents.reach, operands)
        let pitches = planes.pitches
        let taps = Lattice.offsets(extents.kernel, steps: zip(extents.dilations, pitches).map { $0 * $1 })
        let volume = taps.count
        (images, groups, sources, targets) = (extents.images, extents.groups, extents.channels, extents.filters)
        targetPlane = extents.outputPlane
        weightStride = extents.channels * volume
        weightsPerGroup = extents.filters * weightStride
        runStep = 1
        let count = planes.count
        phases = [
            Phase(
                rows: Lattice.offsets(extents.output, steps: zip(extents.strides, pitches).map { $0 * $1 }),
                taps: (0..<extents.channels).flatMap { channel in taps.map { channel * count + $0 } },
                weights: Array(0..<weightStride), runs: [0], runLength: extents.outputPlane)
        ]
    }

    /// What an input's place along one axis gets from: places first, first + stride, …
    private struct AxisPhase {
        var first: Int
        var count: Int
        /// The output's place that tap `k` reaches is `origin + i - shift`.
        var origin: Int
        var taps: [(tap: Int, shift: Int)]
    }

    /// The gradient of a convolution with respect to its input.
    init(inputGradient extents: ConvolutionExtents, _ operands: Operands) throws(GraphError) {
        let rank = extents.input.count
        var axes: [[AxisPhase]] = []
        var begin: [Int] = []
        var reach: [Int] = []
        for axis in 0..<rank {
            let found = Self.phases(extents, axis)
            var (front, back) = (0, 0)
            for phase in found {
                back = max(back, phase.origin + phase.count - 1)
                for tap in phase.taps { front = max(front, tap.shift - phase.origin) }
            }
            begin.append(front)
            reach.append(front + back + 1)
            axes.append(found)
        }
        planes = try PaddedPlanes(source: extents.output, begin: begin, extents: reach, operands)
        let (pitches, count) = (planes.pitches, planes.count)
        let places = Broadcasting.rowMajorStrides(extents.input)
        let volumes = Broadcasting.rowMajorStrides(extents.kernel)
        let volume = extents.kernelVolume
        (images, groups, sources, targets) = (extents.images, extents.groups, extents.filters, extents.channels)
        targetPlane = extents.inputPlane
        weightStride = volume
        weightsPerGroup = extents.filters * extents.channels * volume
        let isDense = extents.strides.allSatisfy { $0 == 1 }
        runStep = isDense ? 1 : extents.strides[rank - 1]
        var phases: [Phase] = []
        for chosen in Self.combinations(axes) {
            let counts = chosen.map(\.count)
            let start = (0..<rank).reduce(0) { $0 + (chosen[$1].origin + begin[$1]) * pitches[$1] }
            let shifts = Lattice.sums((0..<rank).map { axis in chosen[axis].taps.map { -$0.shift * pitches[axis] } })
            let taps = Lattice.sums((0..<rank).map { axis in chosen[axis].taps.map { $0.tap * volumes[axis] } })
            let first = (0..<rank).reduce(0) { $0 + chosen[$1].first * places[$1] }
            let steps = (0..<rank).map { extents.strides[$0] * places[$0] }
            phases.append(
                Phase(
                    rows: Lattice.offsets(counts, steps: pitches, from: start),
                    taps: (0..<extents.filters).flatMap { filter in shifts.map { filter * count + $0 } },
                    weights: (0..<extents.filters).flatMap { filter in
                        taps.map { filter * extents.channels * volume + $0 }
                    },
                    runs: isDense
                        ? [0] : Lattice.offsets(Array(counts.dropLast()), steps: Array(steps.dropLast()), from: first),
                    runLength: isDense ? extents.inputPlane : counts[rank - 1]))
        }
        self.phases = phases
    }

    private static func phases(_ extents: ConvolutionExtents, _ axis: Int) -> [AxisPhase] {
        let (stride, pad, extent) = (extents.strides[axis], extents.pads[axis], extents.input[axis])
        return (0..<min(stride, extent)).map { first in
            let (origin, remainder) = (first + pad).quotientAndRemainder(dividingBy: stride)
            let count = (extent - first + stride - 1) / stride
            var phase = AxisPhase(first: first, count: count, origin: origin, taps: [])
            for tap in 0..<extents.kernel[axis] {
                let distance = tap * extents.dilations[axis] - remainder
                guard distance % stride == 0 else { continue }
                let shift = distance / stride
                // Taps that reach no output from any place would only add zeros.
                guard origin + count - 1 >= shift, origin - shift < extents.output[axis] else { continue }
                phase.taps.append((tap, shift))
            }
            return phase
        }
    }

    private static func combinations(_ axes: [[AxisPhase]]) -> [[AxisPhase]] {
        axes.reduce([[]]) { heads, phases in heads.flatMap { head in phases.map { head + [$0] } } }
    }

    /// - Parameters:
    ///   - source: the input with the planes that are read.
    ///   - weights: the input with the weights [filters, channels in a group, …].
    ///   - bias: the input with a number for each target plane.
    func kernel<Element>(
        _ kernels: GradientKernels<Element>, source: Int, weights: Int, bias: Int?, _ operands: Operands
    ) throws(GraphError) -> Kernel {
        var layout = ScratchLayout()
        let packedCounts = phases.map { kernels.packedCount(k: $0.taps.count, n: targets) }
        let packedOffset = layout.take(packedCounts.reduce(0, +), of: Element.self)
        let size = planes.isIdentity ? 0 : try operands.makeShape([sources, planes.count]).elementCount
        let paddedOffset = layout.take(size, of: Element.self)
        let places = phases.map(\.rows.count).max() ?? 0
        let productOffset = layout.take(min(places, Self.rowsAtOnce) * targets, of: Element.self)
        return Kernel(scratchByteCount: layout.byteCount) { arguments in
            let x = arguments.input(source, as: Element.self)
            let w = arguments.input(weights, as: Element.self)
            let addends = bias.map { arguments.input($0, as: Element.self) }
            let y = arguments.output(0, as: Element.self)
            let packed = arguments.scratch(at: packedOffset, as: Element.self)
            let padded = arguments.scratch(at: paddedOffset, as: Element.self)
            let product = arguments.scratch(at: productOffset, as: Element.self)
            for group in 0..<groups {
                var start = packed
                for (index, phase) in phases.enumerated() {
                    kernels.packGathered(
                        phase.weights.count, targets, w + group * weightsPerGroup, phase.weights, weightStride, start)
                    start += packedCounts[index]
                }
                for image in 0..<images {
                    let read = x + (image * groups + group) * sources * planes.sourceCount
                    if !planes.isIdentity { planes.copy(kernels, planes: sources, from: read, to: padded) }
                    let target = y + (image * groups + group) * targets * targetPlane
                    start = packed
                    for (index, phase) in phases.enumerated() {
                        run(
                            phase, kernels, from: planes.isIdentity ? read : UnsafePointer(padded), packed: start,
                            bias: addends.map { $0 + group * targets }, product: product, to: target)
                        start += packedCounts[index]
                    }
                }
            }
        }
    }

    private func run<Element>(
        _ phase: Phase, _ kernels: GradientKernels<Element>, from source: UnsafePointer<Element>,
        packed: UnsafePointer<Element>, bias: UnsafePointer<Element>?, product: UnsafeMutablePointer<Element>,
        to target: UnsafeMutablePointer<Element>
    ) {
        phase.rows.withUnsafeBufferPointer { rows in
            guard let base = rows.baseAddress else { return }
            var first = 0
            while first < rows.count {
                let count = min(Self.rowsAtOnce, rows.count - first)
                kernels.product(
                    count, targets, phase.taps.count, source, base + first, phase.taps, packed, nil, 0, product,
                    targets)
                var done = 0
                while done < count {
                    let (run, place) = (first + done).quotientAndRemainder(dividingBy: phase.runLength)
                    let length = min(phase.runLength - place, count - done)
                    kernels.unpack(
                        length, targets, product + done * targets, targets, bias,
                        target + phase.runs[run] + place * runStep, runStep, targetPlane)
                    done += length
                }
                first += count
            }
        }
    }
}
