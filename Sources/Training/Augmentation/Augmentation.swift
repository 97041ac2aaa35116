public import JSONDocuments
public import TensorEngine

/// Random changes of training examples, the same for the same seed, epoch and row, whatever batch the row is in.
///
///     {"layout": "channels_last", "steps": [{"type": "horizontal_flip"}, {"type": "crop", "padding": 4}]}
public struct Augmentation: Sendable, Hashable {
    public var steps: [AugmentationStep]
    /// Of images with channels.
    public var layout: ImageLayout

    public static let maximumSteps = 100

    public init(_ steps: [AugmentationStep], layout: ImageLayout = .channelsLast) {
        self.steps = steps
        self.layout = layout
    }

    /// - Throws: ``JSONError`` with the path of what is wrong.
    public init(_ json: JSONCursor) throws(JSONError) {
        try json.rejectUnknownMembers(allowed: ["layout", "steps"])
        layout = try json.optionalCase("layout", ImageLayout.self) ?? .channelsLast
        let list = try json.member("steps")
        let elements = try list.elements()
        guard elements.count <= Self.maximumSteps else {
            throw list.failure("found \(elements.count) steps, expected at most \(Self.maximumSteps)")
        }
        steps = []
        for element in elements { steps.append(try AugmentationStep(element)) }
    }

    /// The augmentation as JSON; reading it yields an equal one.
    public var json: JSONValue { ["layout": .string(layout.rawValue), "steps": .array(steps.map(\.json))] }

    /// - Parameter shape: of one example.
    /// - Throws: ``DataError`` naming the first step that does not suit the shape.
    public func check(_ shape: [Int]) throws(DataError) {
        for (index, step) in steps.enumerated() {
            let expected: String
            switch step.subject {
            case .any: continue
            case .image:
                guard ImageGeometry(shape, layout) == nil else { continue }
                expected = "an image of two or three dimensions"
            case .sequence:
                guard !(1...2).contains(shape.count) else { continue }
                expected = "a sequence of one or two dimensions"
            }
            throw DataError(
                .mismatch, at: "augmentation.steps[\(index)] (\(step.type))",
                "found examples of shape \(shape), expected \(expected)")
        }
    }

    /// Changes a batch, one example for each of the rows.
    /// - Throws: ``DataError`` when the steps do not suit the examples' shape, or the tensor is not of float32 or not
    ///   of as many examples.
    public func apply(to tensor: inout Tensor, rows: some Collection<Int>, seed: UInt64, epoch: Int) throws(DataError) {
        guard tensor.elementType == .float32, tensor.shape.dimensions.first == rows.count else {
            throw DataError(
                .mismatch, at: "augmentation",
                "found \(tensor.elementType.rawValue) \(tensor.shape), expected float32 and \(rows.count) examples")
        }
        let shape = Array(tensor.shape.dimensions.dropFirst())
        try check(shape)
        let count = shape.reduce(1, *)
        tensor.withMutableBytes { bytes in
            let all = bytes.assumingMemoryBound(to: Float.self)
            for (place, row) in rows.enumerated() {
                change(
                    UnsafeMutableBufferPointer(rebasing: all[place * count..<(place + 1) * count]), shape, seed: seed,
                    epoch: epoch, row: row)
            }
        }
    }

    /// Changes one example: the stream `"augmentation"` of the epoch and the row decides how.
    /// - Precondition: the steps suit the shape (``check(_:)``), and the buffer has its elements.
    public func apply(
        to values: UnsafeMutableBufferPointer<Float>, shape: [Int], seed: UInt64, epoch: Int, row: Int
    ) {
        precondition(values.count == shape.reduce(1, *), "\(values.count) numbers of shape \(shape)")
        change(values, shape, seed: seed, epoch: epoch, row: row)
    }

    private func change(
        _ values: UnsafeMutableBufferPointer<Float>, _ shape: [Int], seed: UInt64, epoch: Int, row: Int
    ) {
        var random = RandomSource(seed: seed, stream: "augmentation", epoch, row)
        for step in steps {
            // Drawn always, so that a step's probability does not move the others' numbers.
            let isDone = random.uniform() < step.probability
            var own = RandomSource(seed: random.next(), stream: "step")
            guard isDone else { continue }
            switch step.subject {
            case .image:
                guard let image = ImageGeometry(shape, layout) else { preconditionFailure("no image") }
                step.change(values, image, &own)
            case .sequence: step.change(values, time: shape[0], features: shape.count == 2 ? shape[1] : 1, &own)
            case .any: step.change(values, &own)
            }
        }
    }
}

extension AugmentationStep {
    fileprivate func change(
        _ pixels: UnsafeMutableBufferPointer<Float>, _ image: ImageGeometry, _ random: inout RandomSource
    ) {
        /// A whole number of at most this size, either way.
        func offset(_ most: Int) -> Int { random.integer(below: 2 * most + 1) - most }
        switch kind {
        case .horizontalFlip: image.flip(pixels, horizontally: true)
        case .verticalFlip: image.flip(pixels, horizontally: false)
        case .shift(let height, let width, let fill):
            let down = offset(Int(height * Double(image.height)))
            let right = offset(Int(width * Double(image.width)))
            image.shift(pixels, down: down, right: right, fill: fill)
        case .crop(let padding, let fill):
            let down = offset(padding)
            image.shift(pixels, down: down, right: offset(padding), fill: fill)
        case .rotate(let degrees, let fill):
            image.rotate(pixels, radians: random.uniform(-degrees, degrees) * .pi / 180, fill: fill)
        case .cutout(let height, let width, let count, let fill):
            for _ in 0..<count {
                let top = random.integer(below: image.height) - height / 2
                let left = random.integer(below: image.width) - width / 2
                image.fill(pixels, rows: top..<top + height, columns: left..<left + width, with: fill)
            }
        default: break
        }
    }

    fileprivate func change(
        _ values: UnsafeMutableBufferPointer<Float>, time: Int, features: Int, _ random: inout RandomSource
    ) {
        /// Up to `maximum` of `extent`, `count` times.
        func masks(_ maximum: Int, _ count: Int, _ extent: Int, _ random: inout RandomSource) -> [Range<Int>] {
            (0..<count).map { _ in
                let length = random.integer(below: min(maximum, extent) + 1)
                let start = random.integer(below: extent - length + 1)
                return start..<start + length
            }
        }
        switch kind {
        case .timeMask(let maximum, let count, let fill):
            for range in masks(maximum, count, time, &random) {
                for place in range.lowerBound * features..<range.upperBound * features { values[place] = fill }
            }
        case .featureMask(let maximum, let count, let fill):
            for range in masks(maximum, count, features, &random) {
                for step in 0..<time { for feature in range { values[step * features + feature] = fill } }
            }
        default: break
        }
    }

    fileprivate func change(_ values: UnsafeMutableBufferPointer<Float>, _ random: inout RandomSource) {
        switch kind {
        case .brightness(let delta):
            let change = Float(random.uniform(-delta, delta))
            for index in values.indices { values[index] += change }
        case .contrast(let lower, let upper):
            let factor = random.uniform(lower, upper)
            let mean = values.reduce(0.0) { $0 + Double($1) } / Double(max(values.count, 1))
            for index in values.indices { values[index] = Float(mean + (Double(values[index]) - mean) * factor) }
        case .noise(let deviation):
            for index in values.indices { values[index] += Float(deviation * random.normal()) }
        case .scale(let lower, let upper):
            let factor = Float(random.uniform(lower, upper))
            for index in values.indices { values[index] *= factor }
        case .clip(let lower, let upper):
            for index in values.indices { values[index] = min(max(values[index], Float(lower)), Float(upper)) }
        default: break
        }
    }
}
