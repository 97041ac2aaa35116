/// Where an image's channels lie in its shape.
public enum ImageLayout: String, Sendable, Hashable, CaseIterable {
    /// [height, width, channels]
    case channelsLast = "channels_last"
    /// [channels, height, width]
    case channelsFirst = "channels_first"

    /// The extents of an image of three dimensions, or of two without channels; nil for other shapes.
    public func extents(_ shape: [Int]) -> (height: Int, width: Int, channels: Int)? {
        switch (shape.count, self) {
        case (2, _): (shape[0], shape[1], 1)
        case (3, .channelsLast): (shape[0], shape[1], shape[2])
        case (3, .channelsFirst): (shape[1], shape[2], shape[0])
        default: nil
        }
    }
}
