import Glibc

/// GridSample (opset 16 to 22) over any number of spatial dimensions, in binary64.
struct GridSampleOperator: Operator {
    private let mode: ResizeOperator.Mode
    private let padding: String
    private let alignsCorners: Bool

    init(_ node: inout NodeReader) throws(GraphError) {
        let name = try node.string("mode", default: "linear")
        let names = ["bilinear": "linear", "bicubic": "cubic"]
        guard let mode = ResizeOperator.Mode(rawValue: names[name] ?? name) else {
            throw node.error(.invalidGraph, "attribute 'mode' is '\(name)', expected nearest, linear or cubic")
        }
        self.mode = mode
        padding = try node.string("padding_mode", default: "zeros")
        guard ["zeros", "border", "reflection"].contains(padding) else {
            throw node.error(.invalidGraph, "padding_mode is '\(padding)', expected zeros, border or reflection")
        }
        alignsCorners = try node.bool("align_corners", default: false)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let x = try operands.type(0, in: ElementType.numeric)
        let grid = try operands.type(1, in: ElementType.floatingPoint).shape
        guard x.shape.rank >= 3, grid.rank == x.shape.rank, grid[0] == x.shape[0],
            grid[grid.rank - 1] == x.shape.rank - 2
        else { throw operands.error(.shapeMismatch, "the grid \(grid) does not fit \(x.shape)") }
        let dimensions = Array(x.shape.dimensions[..<2]) + grid.dimensions[1..<grid.rank - 1]
        return [TensorType(elementType: x.elementType, shape: try operands.makeShape(dimensions))]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let (type, gridType) = (try operands.type(0), try operands.type(1))
        let extents = Array(type.shape.dimensions[2...])
        let (images, channels) = (type.shape[0], type.shape[1])
        let plane = extents.reduce(1, *)
        let pixels = outputs[0].shape.dimensions[2...].reduce(1, *)
        let sampler = self
        return Kernel { arguments in
            guard outputs[0].shape.elementCount > 0 else { return }
            let (x, grid) = (arguments.doubles(0, type), arguments.doubles(1, gridType))
            var y = [Double](repeating: 0, count: outputs[0].shape.elementCount)
            for image in 0..<images {
                for pixel in 0..<pixels {
                    // The grid has the last axis first.
                    var taps = [(source: 0, weight: 1.0)]
                    for (axis, extent) in extents.enumerated() {
                        let place = grid[(image * pixels + pixel) * extents.count + extents.count - 1 - axis]
                        let list = sampler.taps(place, extent)
                        taps = taps.flatMap { tap in
                            list.map { (tap.source * extent + $0.index, tap.weight * $0.weight) }
                        }
                    }
                    for channel in 0..<channels {
                        let base = (image * channels + channel) * plane
                        y[(image * channels + channel) * pixels + pixel] =
                            taps.reduce(0.0) { $0 + $1.weight * x[base + $1.source] }
                    }
                }
            }
            arguments.store(y, 0, outputs[0])
        }
    }

    /// The elements of an axis that make the value at a place in [-1, 1].
    private func taps(_ place: Double, _ extent: Int) -> [(index: Int, weight: Double)] {
        let length = Double(extent)
        let (low, high) = alignsCorners ? (0, length - 1) : (-0.5, length - 0.5)
        var x = alignsCorners ? (place + 1) / 2 * (length - 1) : ((place + 1) * length - 1) / 2
        guard x.isFinite, abs(x) < 1e15 else { return [] }
        if mode == .nearest { x = x.rounded(.toNearestOrEven) }
        if x < low || x > high {
            if padding == "border" { x = min(max(x, 0), length - 1) }
            if padding == "reflection" { x = Self.reflected(x, low, high) }
        }
        let floor = Int(x.rounded(.down))
        let rest = x - Double(floor)
        var list: [(Int, Double)]
        switch mode {
        case .nearest: list = [(Int(x), 1)]
        case .linear: list = [(floor, 1 - rest), (floor + 1, rest)]
        case .cubic:
            let a = -0.75
            func keys(_ x: Double) -> Double {
                let x = abs(x)
                if x <= 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
                return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0
            }
            list = (-1...2).map { (floor + $0, keys(rest - Double($0))) }
        }
        return list.compactMap { index, weight in
            if weight == 0 { return nil }
            if index >= 0, index < extent { return (index, weight) }
            switch padding {
            case "zeros": return nil
            case "border": return (min(max(index, 0), extent - 1), weight)
            default:
                let inside = Int(Self.reflected(Double(index), low, high))
                return (min(max(inside, 0), extent - 1), weight)
            }
        }
    }

    private static func reflected(_ x: Double, _ low: Double, _ high: Double) -> Double {
        let range = high - low
        guard range > 0 else { return low }
        let distance = x < low ? low - x : x > high ? x - high : 0
        if distance == 0 { return x }
        let turns = (distance / range).rounded(.towardZero)
        let rest = distance - turns * range
        let isEven = turns.truncatingRemainder(dividingBy: 2) == 0
        return (x < low) == isEven ? low + rest : high - rest
    }
}

/// AffineGrid (opset 20): the grid of places that affine maps give, for GridSample.
struct AffineGridOperator: Operator {
    private let alignsCorners: Bool

    init(_ node: inout NodeReader) throws(GraphError) { alignsCorners = try node.bool("align_corners", default: false) }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let theta = try operands.type(0, in: ElementType.floatingPoint)
        let size = try operands.constantIntegers(1, meaning: "size")
        let rank = size.count - 2
        guard rank == 2 || rank == 3, theta.shape.dimensions == [size[0], rank, rank + 1] else {
            throw operands.error(.shapeMismatch, "theta \(theta.shape) does not fit a size of \(size)")
        }
        let shape = try operands.makeShape([size[0]] + size[2...] + [rank])
        return [TensorType(elementType: theta.elementType, shape: shape)]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let type = try operands.type(0)
        let extents = Array(outputs[0].shape.dimensions.dropFirst().dropLast())
        let (images, pixels, rank) = (outputs[0].shape[0], extents.reduce(1, *), extents.count)
        let alignsCorners = alignsCorners
        return Kernel { arguments in
            let theta = arguments.doubles(0, type)
            var y: [Double] = []
            for image in 0..<images {
                for pixel in 0..<pixels {
                    var rest = pixel
                    // The last axis first.
                    var place: [Double] = []
                    for extent in extents.reversed() {
                        let index = Double(rest % extent)
                        rest /= extent
                        place.append(
                            alignsCorners
                                ? (extent == 1 ? -1 : -1 + 2 * index / Double(extent - 1))
                                : (2 * index + 1) / Double(extent) - 1)
                    }
                    for row in 0..<rank {
                        let base = (image * rank + row) * (rank + 1)
                        y.append((0..<rank).reduce(theta[base + rank]) { $0 + theta[base + $1] * place[$1] })
                    }
                }
            }
            arguments.store(y, 0, outputs[0])
        }
    }
}
