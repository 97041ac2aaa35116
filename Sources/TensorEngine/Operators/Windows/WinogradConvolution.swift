import CTensorKernels

/// A convolution of 3 × 3 taps and strides of 1 with constant weights, in float32, by minimal filtering (Lavin and Gray,
/// 2016): 16 multiplications for 4 output pixels instead of 36. Its sums of transformed numbers cost a bit or two of
/// precision. The tiles of consecutive images share a product; each is computed from its own pixels alone.
struct WinogradConvolution {
    /// `[16, filters, channels]`.
    let weights: Tensor
    private let window: mk_window
    private let images: Int
    private let channels: Int
    private let filters: Int
    private let tilesAcross: Int
    private let tileCount: Int
    private let columnsAtOnce: Int
    private let activation: FusedActivation

    /// Bytes of transformed input and of products at a time: they stay in the second-level cache.
    private static let blockByteCount = 384 << 10
    /// Below, transforming costs more than it saves.
    private static let leastChannels = 8

    /// nil where direct convolution serves better; the choice does not depend on the number of images.
    init?(
        _ operands: Operands, _ geometry: WindowGeometry, images: Int, channels: Int, filters: Int,
        activation: FusedActivation
    ) throws(GraphError) {
        let window = geometry.window
        let operand = try operands.operand(1)
        guard let constant = operand.constant, operand.isGraphConstant,
            window.kernel_height == 3, window.kernel_width == 3, window.stride_height == 1, window.stride_width == 1,
            window.dilation_height == 1, window.dilation_width == 1,
            channels >= Self.leastChannels, filters >= Self.leastChannels
        else { return nil }
        let width = operands.kernels.panelWidth
        tilesAcross = (Int(window.output_width) + 1) / 2
        tileCount = (Int(window.output_height) + 1) / 2 * tilesAcross
        // Tiles stick out of odd extents; a few tiles do not fill a vector.
        guard tileCount >= 4, 4 * tileCount * 5 <= geometry.outputPlane * 8, width <= Int(MK_MAXIMUM_PANEL) else {
            return nil
        }
        weights = try operands.winogradWeights(operand.name, constant, filters: filters, channels: channels)
        (self.window, self.images, self.channels, self.filters) = (window, images, channels, filters)
        self.activation = activation
        let all = (images * tileCount + width - 1) / width
        let fitting = Self.blockByteCount / (16 * 4 * (channels + filters)) / width
        columnsAtOnce = min(all, max(2, fitting)) * width
    }

    func kernel(_ operands: Operands, hasBias: Bool) -> Kernel {
        let rowsAtOnce = min(tileCount / tilesAcross, columnsAtOnce / tilesAcross + 2)
        let transform = mk_winograd_scratch(rowsAtOnce, tilesAcross)
        // Rows and positions an odd number of cache lines apart do not compete for the same sets.
        let pitch = columnsAtOnce + 16
        let operandStride = channels * columnsAtOnce + 16
        let productStride = filters * pitch + 16
        let (transformed, products) = (16 * operandStride, 16 * productStride + Int(MK_MAXIMUM_PANEL))
        let kernels = operands.kernels
        let total = images * tileCount
        return Kernel(scratchByteCount: (transformed + products + transform) * 4) { [self] arguments in
            var window = window
            var plain = mk_epilogue()
            plain.activation = MK_RAW
            var epilogue = activation.epilogue
            epilogue.row_bias = hasBias ? arguments.input(2, as: Float.self) : nil
            let source = arguments.input(0, as: Float.self)
            let target = arguments.output(0, as: Float.self)
            let right = arguments.scratch(as: Float.self)
            let result = right + transformed
            let inputSize = channels * Int(window.input_height * window.input_width)
            let outputSize = filters * Int(window.output_height * window.output_width)
            weights.withElements(Float.self) { weights in
                guard let left = weights.baseAddress else { return }
                for start in stride(from: 0, to: total, by: columnsAtOnce) {
                    let count = min(columnsAtOnce, total - start)
                    forEachImage(start, count) { image, first, tiles, column in
                        kernels.functions.winograd_input(
                            &window, source + image * inputSize, channels, first, tiles, column, operandStride,
                            result + products, right)
                    }
                    for position in 0..<16 {
                        kernels.functions.gemm(
                            filters, count, channels, left + position * filters * channels, channels,
                            right + position * operandStride, result + position * productStride, pitch, &plain)
                    }
                    forEachImage(start, count) { image, first, tiles, column in
                        kernels.functions.winograd_output(
                            &window, result + column, filters, pitch, productStride, first, tiles, &epilogue,
                            target + image * outputSize)
                    }
                }
            }
        }
    }

    /// The images among tiles `start` to `start + count` of all: which, from which of its tiles, how many, at which
    /// column.
    private func forEachImage(_ start: Int, _ count: Int, _ body: (Int, Int, Int, Int) -> Void) {
        var column = 0
        while column < count {
            let (image, first) = (start + column).quotientAndRemainder(dividingBy: tileCount)
            let tiles = min(tileCount - first, count - column)
            body(image, first, tiles, column)
            column += tiles
        }
    }
}

extension Operands {
    /// The weights' transform, made once.
    fileprivate func winogradWeights(
        _ name: String, _ weights: Tensor, filters: Int, channels: Int
    ) throws(GraphError) -> Tensor {
        do { return try packedWeights.winograd(name, of: weights, filters: filters, channels: channels) } catch {
            throw self.error(.shapeMismatch, error.description)
        }
    }
}
