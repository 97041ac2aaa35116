import Glibc

/// RMSNormalization (opset 23), GroupNormalization (opset 18, 21), InstanceNormalization (opset 6, 22) and
/// MeanVarianceNormalization (opset 9, 13), and LayerNormalization where ``LayerNormalizationOperator`` has no kernel (other
/// types, the outputs Mean and InvStdDev). Statistics are computed in binary64.
struct StatisticsOperator: Operator {
    private enum Group { case layer, rms, group(Int, isPerGroup: Bool), instance, axes([Int]) }

    private let group: Group
    private let axis: Int
    private let epsilon: Double

    init(_ node: inout NodeReader) throws(GraphError) {
        axis = try node.int("axis", default: -1)
        switch node.node.node.operatorType {
        case "RMSNormalization": group = .rms
        case "GroupNormalization":
            let count = try node.int("num_groups", default: 0)
            guard count > 0 else {
                throw node.error(.invalidGraph, "attribute 'num_groups' is \(count), expected at least 1")
            }
            group = .group(count, isPerGroup: node.operatorSetVersion < 21)
        case "InstanceNormalization": group = .instance
        case "MeanVarianceNormalization": group = .axes(try node.ints("axes") ?? [0, 2, 3])
        default: group = .layer
        }
        epsilon = Double(try node.float("epsilon", default: 1e-5))
        _ = try node.int("stash_type", default: 1)
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, in: ElementType.floatingPoint)
        let layout = try layout(operands)
        for index in 1..<max(operands.count, 1) where operands.has(index) {
            _ = try operands.type(index, in: ElementType.floatingPoint)
            let shape = try operands.shape(index)
            guard layout.fits(shape) else {
                throw operands.error(
                    .shapeMismatch, "input \(index) has shape \(shape), which does not fit \(type.shape)")
            }
        }
        guard case .layer = group else { return [type] }
        var reduced = type.shape.dimensions
        for axis in try operands.normalizedAxis(axis, rank: type.shape.rank)..<reduced.count { reduced[axis] = 1 }
        let statistics = TensorType(elementType: .float32, shape: try operands.makeShape(reduced))
        return operands.present([type, statistics, statistics])
    }

    /// Which elements are normalized together, and which factor each has.
    private struct Layout {
        var outer: StridedWalk
        var inner: StridedWalk
        /// Elements for which the factor stays, and how many factors there are.
        var factorStride: Int
        var factorCount: Int
        /// Factors that broadcast to these trailing extents instead.
        var trailing: [Int]?

        func fits(_ shape: Shape) -> Bool {
            guard let trailing else { return shape.dimensions == [factorCount] }
            return Broadcasting.shape(shape.dimensions, trailing) == trailing
        }
    }

    private func layout(_ operands: Operands) throws(GraphError) -> Layout {
        let shape = try operands.shape(0)
        func rows(_ leading: Int) -> (StridedWalk, StridedWalk) {
            let (count, length) = (
                shape.dimensions[..<leading].reduce(1, *), shape.dimensions[leading...].reduce(1, *)
            )
            return (StridedWalk([count], strides: [length]), StridedWalk([length], strides: [1]))
        }
        switch group {
        case .layer, .rms:
            let axis = try operands.normalizedAxis(axis, rank: shape.rank)
            let (outer, inner) = rows(axis)
            return Layout(
                outer: outer, inner: inner, factorStride: 1, factorCount: 1, trailing: Array(shape.dimensions[axis...]))
        case .instance, .group:
            guard shape.rank >= 3 || shape.rank == 2 else {
                throw operands.error(.shapeMismatch, "input is \(shape), expected at least two dimensions")
            }
            let channels = shape[1]
            let plane = shape.dimensions[2...].reduce(1, *)
            var count = channels
            var isPerGroup = false
            if case .group(let groups, let perGroup) = group { (count, isPerGroup) = (groups, perGroup) }
            guard count > 0, channels % count == 0 else {
                throw operands.error(.shapeMismatch, "\(channels) channels do not divide into \(count) groups")
            }
            let length = channels / count * plane
            return Layout(
                outer: StridedWalk([shape[0] * count], strides: [length]), inner: StridedWalk([length], strides: [1]),
                factorStride: isPerGroup ? length : plane, factorCount: isPerGroup ? count : channels)
        case .axes(let list):
            let axes = try operands.normalizedAxes(list, rank: shape.rank).sorted()
            let strides = Broadcasting.rowMajorStrides(shape.dimensions)
            let kept = shape.dimensions.indices.filter { !axes.contains($0) }
            return Layout(
                outer: StridedWalk(kept.map { shape[$0] }, strides: kept.map { strides[$0] }),
                inner: StridedWalk(axes.map { shape[$0] }, strides: axes.map { strides[$0] }), factorStride: 1,
                factorCount: 0)
        }
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let layout = try layout(operands)
        let type = outputs[0]
        var factors: [(type: TensorType, strides: [Int])?] = []
        for index in 1..<max(operands.count, 1) {
            guard operands.has(index) else {
                factors.append(nil)
                continue
            }
            let factor = try operands.type(index)
            let strides = layout.trailing.map { Broadcasting.strides(of: factor.shape.dimensions, broadcastTo: $0) }
            factors.append((factor, strides ?? []))
        }
        let (isRMS, isMVN) = (isRMS, isMVN)
        let epsilon = epsilon
        let statistics = outputs.count > 1 ? outputs[1] : nil
        return Kernel { [factors] arguments in
            var values = arguments.doubles(0, type)
            // Where each element of a group finds its factors.
            let numbers = factors.enumerated().map { index, factor -> [Double] in
                guard let factor else { return [] }
                let all = arguments.doubles(index + 1, factor.type)
                guard let trailing = layout.trailing else { return all }
                var spread: [Double] = []
                StridedWalk(trailing, strides: factor.strides).forEach { spread.append(all[$1]) }
                return spread
            }
            var means: [Double] = []
            var deviations: [Double] = []
            layout.outer.forEach { _, start in
                var mean = 0.0
                if !isRMS {
                    layout.inner.forEach { mean += values[start + $1] }
                    mean /= Double(layout.inner.count)
                }
                var variance = 0.0
                layout.inner.forEach {
                    let difference = values[start + $1] - mean
                    variance += difference * difference
                }
                variance /= Double(layout.inner.count)
                // MeanVarianceNormalization adds its epsilon to the deviation (ONNX, function body).
                let factor = isMVN ? 1 / (variance.squareRoot() + 1e-9) : 1 / (variance + epsilon).squareRoot()
                layout.inner.forEach { position, offset in
                    let place = start + offset
                    var value = (values[place] - mean) * factor
                    for (index, factors) in numbers.enumerated() where !factors.isEmpty {
                        let which =
                            layout.trailing == nil
                            ? place / max(layout.factorStride, 1) % max(layout.factorCount, 1) : position
                        value = index == 0 ? value * factors[which] : value + factors[which]
                    }
                    values[place] = value
                }
                means.append(mean)
                deviations.append(factor)
            }
            arguments.store(values, 0, type)
            if let statistics, arguments.outputSlots.count > 1 { arguments.store(means, 1, statistics) }
            if let statistics, arguments.outputSlots.count > 2 { arguments.store(deviations, 2, statistics) }
        }
    }

    private var isRMS: Bool { if case .rms = group { true } else { false } }
    private var isMVN: Bool { if case .axes = group { true } else { false } }
}

/// LRN (opset 1, 13): `x / (bias + alpha / size * sum of squares of neighbouring channels) ^ beta`.
struct LRNOperator: Operator {
    private let (alpha, beta, bias): (Double, Double, Double)
    private let size: Int

    init(_ node: inout NodeReader) throws(GraphError) {
        alpha = Double(try node.float("alpha", default: 0.0001))
        beta = Double(try node.float("beta", default: 0.75))
        bias = Double(try node.float("bias", default: 1))
        size = try node.int("size", default: 0)
        guard size > 0 else { throw node.error(.invalidGraph, "attribute 'size' is \(size), expected at least 1") }
    }

    func outputTypes(_ operands: Operands) throws(GraphError) -> [TensorType] {
        let type = try operands.type(0, in: ElementType.floatingPoint)
        guard type.shape.rank >= 2 else {
            throw operands.error(.shapeMismatch, "input is \(type.shape), expected at least two dimensions")
        }
        return [type]
    }

    func kernel(_ operands: Operands, outputs: [TensorType]) throws(GraphError) -> Kernel {
        let type = outputs[0]
        let (batches, channels) = (type.shape[0], type.shape[1])
        let plane = type.shape.dimensions[2...].reduce(1, *)
        let (alpha, beta, bias, size) = (alpha, beta, bias, size)
        return Kernel { arguments in
            let x = arguments.doubles(0, type)
            var y = x
            for batch in 0..<batches {
                for channel in 0..<channels {
                    let first = max(0, channel - min(channels, (size - 1) / 2))
                    let last = min(channels - 1, channel + min(channels, size / 2))
                    for pixel in 0..<plane {
                        var sum = 0.0
                        for neighbour in first...last {
                            let value = x[(batch * channels + neighbour) * plane + pixel]
                            sum += value * value
                        }
                        let place = (batch * channels + channel) * plane + pixel
                        y[place] = x[place] / pow(bias + alpha / Double(size) * sum, beta)
                    }
                }
            }
            arguments.store(y, 0, type)
        }
    }
}
