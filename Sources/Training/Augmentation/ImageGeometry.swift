import Glibc

/// The pixels of one image in a buffer, whatever the layout: channel c of pixel (y, x) is at
/// y · rowStride + x · pixelStride + c · channelStride.
struct ImageGeometry {
    let height: Int
    let width: Int
    let channels: Int
    private let rowStride: Int
    private let pixelStride: Int
    private let channelStride: Int

    /// nil for a shape that is no image.
    init?(_ shape: [Int], _ layout: ImageLayout) {
        guard let extents = layout.extents(shape) else { return nil }
        (height, width, channels) = extents
        if layout == .channelsLast || shape.count == 2 {
            (rowStride, pixelStride, channelStride) = (width * channels, channels, 1)
        } else {
            (rowStride, pixelStride, channelStride) = (width, 1, height * width)
        }
    }

    var count: Int { height * width * channels }

    /// A copy of the pixels.
    private func copy(_ pixels: UnsafeMutableBufferPointer<Float>) -> [Float] { Array(pixels.prefix(count)) }

    private func place(_ y: Int, _ x: Int) -> Int { y * rowStride + x * pixelStride }

    /// Each pixel from the one that `source` names; nil is filled.
    private func map(
        _ pixels: UnsafeMutableBufferPointer<Float>, fill: Float, _ source: (Int, Int) -> (y: Int, x: Int)?
    ) {
        let old = copy(pixels)
        for y in 0..<height {
            for x in 0..<width {
                let target = place(y, x)
                let from = source(y, x).map { place($0.y, $0.x) }
                for channel in 0..<channels {
                    let offset = channel * channelStride
                    pixels[target + offset] = from.map { old[$0 + offset] } ?? fill
                }
            }
        }
    }

    func flip(_ pixels: UnsafeMutableBufferPointer<Float>, horizontally: Bool) {
        map(pixels, fill: 0) { y, x in horizontally ? (y, width - 1 - x) : (height - 1 - y, x) }
    }

    /// Down and to the right by whole pixels.
    func shift(_ pixels: UnsafeMutableBufferPointer<Float>, down: Int, right: Int, fill: Float) {
        guard down != 0 || right != 0 else { return }
        map(pixels, fill: fill) { y, x in
            let (fromY, fromX) = (y - down, x - right)
            return (0..<height).contains(fromY) && (0..<width).contains(fromX) ? (fromY, fromX) : nil
        }
    }

    func fill(_ pixels: UnsafeMutableBufferPointer<Float>, rows: Range<Int>, columns: Range<Int>, with value: Float) {
        for y in rows.clamped(to: 0..<height) {
            for x in columns.clamped(to: 0..<width) {
                for channel in 0..<channels { pixels[place(y, x) + channel * channelStride] = value }
            }
        }
    }

    /// Counterclockwise about the center, each pixel from the four around the place that it comes from.
    func rotate(_ pixels: UnsafeMutableBufferPointer<Float>, radians: Double, fill: Float) {
        let old = copy(pixels)
        let (sine, cosine) = (sin(radians), cos(radians))
        let (centerY, centerX) = (Double(height - 1) / 2, Double(width - 1) / 2)
        for y in 0..<height {
            for x in 0..<width {
                // The inverse turn; y points down.
                let (dy, dx) = (Double(y) - centerY, Double(x) - centerX)
                let fromX = centerX + cosine * dx - sine * dy
                let fromY = centerY + sine * dx + cosine * dy
                let (top, left) = (Int(fromY.rounded(.down)), Int(fromX.rounded(.down)))
                let (lower, right) = (fromY - Double(top), fromX - Double(left))
                let target = place(y, x)
                for channel in 0..<channels {
                    let offset = channel * channelStride
                    func pixel(_ y: Int, _ x: Int) -> Double {
                        let isInside = (0..<height).contains(y) && (0..<width).contains(x)
                        return Double(isInside ? old[place(y, x) + offset] : fill)
                    }
                    let above = (1 - right) * pixel(top, left) + right * pixel(top, left + 1)
                    let below = (1 - right) * pixel(top + 1, left) + right * pixel(top + 1, left + 1)
                    pixels[target + offset] = Float((1 - lower) * above + lower * below)
                }
            }
        }
    }
}
