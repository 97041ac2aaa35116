import Glibc

/// Resize (opset 10 to 19) and Upsample (opset 7, 9): axis by axis, in binary64.
struct ResizeOperator: Operator {
    enum Mode: String { case nearest, linear, cubic }

    private let mode: Mode
    private let nearest: String
    private let transformation: String
    private let cubic: Double
    private let excludesOutside: Bool
    private let antialiases: Bool
    private let extrapolation: Double
    private let aspect: String
    private let axes: [Int]?
    /// Positions of the operands roi, scales and sizes; scales as an attribute in opset 7.
    private let (roiIndex, scalesIndex, sizesIndex): (Int?, Int, Int?)
    private let scalesAttribute: [Double]?

    init(_ node: inout NodeReader) throws(GraphError) {
        try self.init(&node, isUpsample: node.node.node.operatorType == "Upsample")
    }

    init(_ node: inout NodeReader, isUpsample: Bool) throws(GraphError) {
        let name = try node.string("mode", default: "nearest")
        guard let mode = Mode(rawValue: name == "bilinear" ? "linear" : name) else {
            throw node.error(.invalidGraph, "attribute 'mode' is '\(name)', expected nearest, linear or cubic")
        }
        self.mode = mode
        let isOld = isUpsample || node.operatorSetVersion < 11
        transformation = try node.string(
            "coordinate_transformation_mode", default: isOld ? "asymmetric" : "half_pixel")
        let known = [
            "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric",
            "tf_crop_and_resize", "tf_half_pixel_for_nn",
        ]
        guard known.contains(transformation) else {
            throw node.error(
                .invalidGraph, "coordinate_transformation_mode is '\(transformation)', expected one of \(known)")
        }
        nearest = try node.string("nearest_mode", default: isOld ? "floor" : "round_prefer_floor")
        cubic = Double(try node.float("cubic_coeff_a", default: -0.75))
        excludesOutside = try node.bool("exclude_outside", default: false)
        antialiases = try node.bool("antialias", default: false)
        extrapolation = Double(try node.float("extrapolation_value", default: 0))
        aspect = try node.string("keep_aspect_ratio_policy", default: "stretch")
        guard ["stretch", "not_larger", "not_smaller"].contains(aspect) else {
            throw node.error(
                .invalidGraph, "keep_aspect_ratio_policy is '\(aspect)', expected stretch, not_larger or not_smaller")
        }
        axes = try node.ints("axes")
        (roiIndex, scalesIndex, sizesIndex) = isOld ? (nil, 1, nil) : (1, 2, 3)
        switch node.take("scales") {
        case nil: scalesAttribute = nil
        case .floats(let values)?: scalesAttribute = values.map(Double.init)
        case let found?:
            throw node.error(.invalidGraph, "attribute 'scales' is of type \(found.typeName), expected floats")
        }
    }

    /// For each axis that changes: its extent, scale and region.
    private struct Target {
        var axis: Int
        var extent: Int
        var scale: Double
        var region: (start: Double, end: Double)
    }

    private func numbers(_ index: Int, _ meaning: String, _ operands: Operands) throws(GraphError) -> [Double] {
        let tensor = try operands.constant(index, meaning: meaning)
        guard let values = tensor.converted(to: .float64)?.withElements(Double.self, { Array($0) }) else {
            throw operands.error(.shapeMismatch, "\(meaning) is \(tensor.elementType.rawValue), expected numbers")
        }
        return values
    }

    private func targets(_ operands: Operands) throws(GraphError) -> [Target] {
        let shape = try operands.shape(0)
        let axes = try operands.normalizedAxes(axes ?? Array(0..<shape.rank), rank: shape.rank)
        var extents: [Int] = []
        var scales: [Double] = []
        if let sizesIndex, operands.has(sizesIndex), try operands.shape(sizesIndex).elementCount > 0 {
            let sizes = try operands.constantIntegers(sizesIndex, meaning: "sizes")
            guard sizes.count == axes.count, sizes.allSatisfy({ $0 >= 0 && $0 <= Int(Int32.max) }) else {
                throw operands.error(.shapeMismatch, "sizes are \(sizes), expected \(axes.count) extents")
            }
            scales = zip(sizes, axes).map { Double($0) / Double(max(shape[$1], 1)) }
            extents = sizes
            if aspect != "stretch" {
                let scale = (aspect == "not_larger" ? scales.min() : scales.max()) ?? 1
                scales = scales.map { _ in scale }
                extents = axes.map { Int((scale * Double(shape[$0]) + 0.5).rounded(.down)) }
            }
        } else {
            scales = scalesAttribute ?? []
            if scalesAttribute == nil { scales = try numbers(scalesIndex, "scales", operands) }
            guard scales.count == axes.count, scales.allSatisfy({ $0 > 0 && $0 < 1e9 }) else {
                throw operands.error(.shapeMismatch, "scales are \(scales), expected \(axes.count) positive numbers")
            }
            extents = zip(scales, axes).map { Int((Double(shape[$1]) * $0).rounded(.down)) }
        }
        var region = [Double](repeating: 0, count: axes.count) + [Double](repeating: 1, count: axes.count)
        if transformation == "tf_crop_and_resize", let roiIndex {
            region = try numbers(roiIndex, "roi", operands)
            guard region.count == 2 * axes.count else {
                throw operands.error(.shapeMismatch, "roi has \(region.count) values, expected \(2 * axes.count)")
            }
        }
        return axes.enumerated().map { index, axis in
            Target(
                axis: axis, extent: extents[index], scale: scales[index],
                region: (region[index], region[index + axes.count]))
        }
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, in: ElementType.numeric)
        var dimensions = type.shape.dimensions
        for target in try targets(operands) { dimensions[target.axis] = target.extent }
        return [TensorType(elementType: type.elementType, shape: try operands.makeShape(dimensions))]
    }

    /// The elements that make one of the output, and by how much; nil outside of the region.
    typealias Taps = [(index: Int, weight: Double)]?

    /// For each axis that changes, what its output's elements are made of.
    func passes(_ operands: Operands) throws(GraphError) -> [(axis: Int, taps: [Taps])] {
        let type = try operands.type(0)
        var passes: [(axis: Int, taps: [Taps])] = []
        for target in try targets(operands) {
            let extent = type.shape[target.axis]
            let isIdentity = target.extent == extent && target.scale == 1 && transformation != "tf_crop_and_resize"
            if isIdentity { continue }
            passes.append((target.axis, (0..<target.extent).map { taps($0, extent, target) }))
        }
        return passes
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let type = try operands.type(0)
        let passes = try passes(operands)
        let extrapolation = extrapolation
        let dimensions = type.shape.dimensions
        return Kernel { arguments in
            guard outputs[0].shape.elementCount > 0 else { return }
            var values = arguments.doubles(0, type)
            var extents = dimensions
            for (axis, taps) in passes {
                let outer = extents[..<axis].reduce(1, *)
                let inner = extents[(axis + 1)...].reduce(1, *)
                var next = [Double](repeating: extrapolation, count: outer * taps.count * inner)
                for block in 0..<outer {
                    for (position, list) in taps.enumerated() {
                        guard let list else { continue }
                        let target = (block * taps.count + position) * inner
                        for place in 0..<inner { next[target + place] = 0 }
                        for (index, weight) in list {
                            let source = (block * extents[axis] + index) * inner
                            for place in 0..<inner { next[target + place] += weight * values[source + place] }
                        }
                    }
                }
                values = next
                extents[axis] = taps.count
            }
            arguments.store(values, 0, outputs[0])
        }
    }

    private func taps(_ position: Int, _ extent: Int, _ target: Target) -> Taps {
        let x = Double(position)
        let length = Double(extent)
        let scaled = target.scale * length
        let place: Double
        switch transformation {
        case "align_corners": place = scaled == 1 ? 0 : x * (length - 1) / (scaled - 1)
        case "asymmetric": place = x / target.scale
        case "tf_half_pixel_for_nn": place = (x + 0.5) / target.scale
        case "tf_crop_and_resize":
            let width = (target.region.end - target.region.start) * (length - 1)
            let inside = scaled == 1 ? width / 2 : x * width / (scaled - 1)
            let found = inside + target.region.start * (length - 1)
            if found < 0 || found > length - 1 { return nil }
            place = found
        case "pytorch_half_pixel": place = scaled == 1 ? -0.5 : (x + 0.5) / target.scale - 0.5
        case "half_pixel_symmetric":
            let offset = length / 2 * (1 - Double(target.extent) / scaled)
            place = offset + (x + 0.5) / target.scale - 0.5
        default: place = (x + 0.5) / target.scale - 0.5
        }
        guard place.isFinite, abs(place) < 1e15 else { return nil }
        // In (0, 1]: a place on an element belongs to the one on its left.
        let left = Int(place.rounded(.up)) - 1
        let ratio = place - Double(left)
        var (first, weights) = coefficients(ratio, min(target.scale, 1))
        first += left
        if excludesOutside {
            for index in weights.indices where first + index < 0 || first + index >= extent { weights[index] = 0 }
            let sum = weights.reduce(0, +)
            weights = weights.map { $0 / sum }
        }
        return weights.enumerated().compactMap { index, weight in
            weight == 0 ? nil : (min(max(first + index, 0), extent - 1), weight)
        }
    }

    /// Weights of neighbours, and the first one's distance from the element on the left.
    private func coefficients(_ ratio: Double, _ scale: Double) -> (first: Int, weights: [Double]) {
        func keys(_ x: Double) -> Double {
            let x = abs(x)
            if x <= 1 { return ((cubic + 2) * x - (cubic + 3)) * x * x + 1 }
            return x < 2 ? ((cubic * x - 5 * cubic) * x + 8 * cubic) * x - 4 * cubic : 0
        }
        let antialiases = antialiases && scale < 1
        switch mode {
        case .nearest:
            switch nearest {
            case "floor": return (0, ratio == 1 ? [0, 1] : [1, 0])
            case "ceil": return (0, [0, 1])
            case "round_prefer_ceil": return (0, ratio < 0.5 ? [1, 0] : [0, 1])
            default: return (0, ratio <= 0.5 ? [1, 0] : [0, 1])
            }
        case .linear:
            guard antialiases else { return (0, [1 - ratio, ratio]) }
            let first = Int((-1 / scale).rounded(.down)) + 1
            let weights = (0..<2 - 2 * first).map { max(0, 1 - abs((Double(first + $0) - ratio) * scale)) }
            let sum = weights.reduce(0, +)
            return (first, weights.map { $0 / sum })
        case .cubic:
            let first = antialiases ? Int((-2 / scale).rounded(.down)) + 1 : -1
            let weights = (0..<2 - 2 * first).map { index -> Double in
                keys((Double(first + index) - ratio) * (antialiases ? scale : 1))
            }
            let sum = antialiases ? weights.reduce(0, +) : 1
            return (first, weights.map { $0 / sum })
        }
    }
}
