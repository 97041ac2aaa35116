/// The gradient of a convolution with respect to its weights: for each group the product of the input's planes, read
/// where they lie, [channels × taps, pixels], with the output's gradient [pixels, filters], the pixels of all images in
/// order.
struct WeightGradient: Sendable {
    private let extents: ConvolutionExtents
    private let planes: PaddedPlanes
    /// Where the taps of a window lie, for each channel.
    private let taps: [Int]
    /// Where the windows of a block of images start.
    private let pixels: [Int]
    private let imagesAtOnce: Int

    /// Pixels whose gradients are packed at a time.
    private static let pixelsAtOnce = 1024
    /// Elements of padded planes at a time, save that one image is always whole.
    private static let paddedCount = 1 << 19

    init(_ extents: ConvolutionExtents, _ operands: Operands) throws(GraphError) {
        self.extents = extents
        planes = try PaddedPlanes(source: extents.input, begin: extents.pads, extents: extents.reach, operands)
        let (pitches, count) = (planes.pitches, planes.count)
        let offsets = Lattice.offsets(extents.kernel, steps: zip(extents.dilations, pitches).map { $0 * $1 })
        taps = (0..<extents.channels).flatMap { channel in offsets.map { channel * count + $0 } }
        let group = try operands.makeShape([extents.channels, count]).elementCount
        let wanted = (Self.pixelsAtOnce + extents.outputPlane - 1) / extents.outputPlane
        let most = planes.isIdentity ? wanted : max(1, Self.paddedCount / max(group, 1))
        imagesAtOnce = max(1, min(wanted, most, extents.images))
        // Where they can be read in place, images are as far apart as all groups' channels.
        let imagePitch = planes.isIdentity ? group * extents.groups : group
        let starts = Lattice.offsets(extents.output, steps: zip(extents.strides, pitches).map { $0 * $1 })
        pixels = (0..<imagesAtOnce).flatMap { image in starts.map { image * imagePitch + $0 } }
    }

    func kernel<Element>(
        _ kernels: GradientKernels<Element>, flow: Int, input: Int, _ operands: Operands
    ) throws(GraphError) -> Kernel {
        let (channels, filters, groups) = (extents.channels, extents.filters, extents.groups)
        let (outputPlane, images) = (extents.outputPlane, extents.images)
        let rows = taps.count
        let chunk = min(imagesAtOnce * outputPlane, max(Self.pixelsAtOnce, imagesAtOnce > 1 ? .max : 0))
        var layout = ScratchLayout()
        let padded =
            planes.isIdentity ? 0 : try operands.makeShape([imagesAtOnce, channels, planes.count]).elementCount
        let paddedOffset = layout.take(padded, of: Element.self)
        let packedOffset = layout.take(kernels.packedCount(k: chunk, n: filters), of: Element.self)
        let sumsOffset = layout.take(rows * filters, of: Element.self)
        return Kernel(scratchByteCount: layout.byteCount) { arguments in
            let dy = arguments.input(flow, as: Element.self)
            let x = arguments.input(input, as: Element.self)
            let dw = arguments.output(0, as: Element.self)
            let copies = arguments.scratch(at: paddedOffset, as: Element.self)
            let packed = arguments.scratch(at: packedOffset, as: Element.self)
            let sums = arguments.scratch(at: sumsOffset, as: Element.self)
            pixels.withUnsafeBufferPointer { pixels in
                guard let pixels = pixels.baseAddress else { return }
                for group in 0..<groups {
                    var image = 0
                    var isFirst = true
                    while image < images {
                        let block = min(imagesAtOnce, images - image)
                        var source = x + (image * groups + group) * channels * planes.sourceCount
                        if !planes.isIdentity {
                            for index in 0..<block {
                                planes.copy(
                                    kernels, planes: channels,
                                    from: source + index * groups * channels * planes.sourceCount,
                                    to: copies + index * channels * planes.count)
                            }
                            source = UnsafePointer(copies)
                        }
                        var first = 0
                        while first < block * outputPlane {
                            let count = min(chunk, block * outputPlane - first)
                            for index in 0..<block {
                                let planesOfFlow = dy + ((image + index) * groups + group) * filters * outputPlane
                                let length = block > 1 ? outputPlane : count
                                kernels.pack(
                                    count, index * outputPlane, length, filters, planesOfFlow + first, 1, outputPlane,
                                    packed)
                            }
                            kernels.product(
                                rows, filters, count, source, taps, pixels + first, packed, isFirst ? nil : sums,
                                filters, sums, filters)
                            isFirst = false
                            first += count
                        }
                        image += block
                    }
                    kernels.unpack(rows, filters, sums, filters, nil, dw + group * filters * rows, 1, rows)
                }
            }
        }
    }
}
