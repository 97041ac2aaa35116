/// One random change of a training example. Each happens with its probability; images are of `[height, width]` or with
/// channels, sequences of `[time]` or `[time, features]`.
public struct AugmentationStep: Sendable, Hashable {
    public enum Kind: Sendable, Hashable {
        case horizontalFlip
        case verticalFlip
        /// By whole pixels, at most these fractions of the extents in either direction; what comes in is `fill`.
        case shift(height: Double, width: Double, fill: Float)
        /// About the center, at most this many degrees in either direction, bilinear; what comes in is `fill`.
        case rotate(degrees: Double, fill: Float)
        /// A crop of the image's own size out of the image with a margin of `fill` on each side.
        case crop(padding: Int, fill: Float)
        /// Boxes of `fill` around random places, cut off at the border (DeVries and Taylor, 2017).
        case cutout(height: Int, width: Int, count: Int, fill: Float)
        /// Plus one number of at most `delta` in either direction.
        case brightness(delta: Double)
        /// The distance of every number from their mean, times one factor.
        case contrast(lower: Double, upper: Double)
        /// Plus a normally distributed number each.
        case noise(standardDeviation: Double)
        /// Times one factor.
        case scale(lower: Double, upper: Double)
        /// Steps of time in a row become `fill`: at most `maximum`, `count` times (Park et al., SpecAugment, 2019).
        case timeMask(maximum: Int, count: Int, fill: Float)
        /// Features in a row become `fill`.
        case featureMask(maximum: Int, count: Int, fill: Float)
        /// No number outside of a range.
        case clip(lower: Double, upper: Double)
    }

    public var kind: Kind
    public var probability: Double

    public init(_ kind: Kind, probability: Double = 1) {
        self.kind = kind
        self.probability = probability
    }

    /// The step's name in specs.
    public var type: String {
        switch kind {
        case .horizontalFlip: "horizontal_flip"
        case .verticalFlip: "vertical_flip"
        case .shift: "shift"
        case .rotate: "rotate"
        case .crop: "crop"
        case .cutout: "cutout"
        case .brightness: "brightness"
        case .contrast: "contrast"
        case .noise: "noise"
        case .scale: "scale"
        case .timeMask: "time_mask"
        case .featureMask: "feature_mask"
        case .clip: "clip"
        }
    }

    static let types = [
        "brightness", "clip", "contrast", "crop", "cutout", "feature_mask", "horizontal_flip", "noise", "rotate",
        "scale",
        "shift", "time_mask", "vertical_flip",
    ]

    enum Subject { case image, sequence, any }

    /// What it can be applied to.
    var subject: Subject {
        switch kind {
        case .horizontalFlip, .verticalFlip, .shift, .rotate, .crop, .cutout: .image
        case .timeMask, .featureMask: .sequence
        case .brightness, .contrast, .noise, .scale, .clip: .any
        }
    }
}
