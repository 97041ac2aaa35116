import JSONDocuments
import TensorEngine

extension KerasGraphBuilder {
    /// Everything after the batch as one axis, in channels-last order whatever the data's order is.
    mutating func flatten(_ layer: KerasLayer, _ input: KerasValue) throws(ModelFormatError) -> KerasValue {
        var value = input
        if try options(layer).isChannelsFirst(), input.rank > 2 {
            let permutation = KerasValue.toChannelsLast(rank: input.rank)
            value.name = transpose(plain(input, for: layer), permutation, for: layer)
            value.dimensions = permutation.map { input.dimensions[$0] }
            value.isChannelsFirst = false
        }
        if value.rank == 2 { return value }
        let count = value.dimensions.dropFirst().reduce(Int?(1)) { total, extent in
            extent.flatMap { extent in total.map { $0 * extent } }
        }
        let name = emit("Flatten", [plain(value, for: layer)], ["axis": .int(1)], for: layer)
        return KerasValue(name: name, dimensions: [nil, count])
    }

    mutating func reshape(_ layer: KerasLayer, _ input: KerasValue) throws(ModelFormatError) -> KerasValue {
        let options = options(layer)
        let target = try options.required("target_shape")
        let elements = try options.read { () throws(JSONError) -> [JSONCursor] in try target.elements() }
        var extents: [Int] = []
        for element in elements {
            let extent = try options.integer(element)
            guard extent > 0 || extent == -1 else {
                throw options.failure(.malformed, "\(element.path): found \(extent), expected a positive extent or -1")
            }
            extents.append(extent)
        }
        let shapes = "cannot make \(extents) of its input \(input.shapeText)"
        guard extents.count(where: { $0 == -1 }) <= 1 else {
            throw options.failure(.malformed, "\(shapes): more than one -1")
        }
        var known: Int? = 1
        for extent in extents where extent != -1 {
            known = known.flatMap { total in
                let (product, overflow) = total.multipliedReportingOverflow(by: extent)
                return overflow ? nil : product
            }
        }
        guard let known else { throw options.failure(.tooLarge, "\(shapes): the number of elements overflows") }
        let count = input.dimensions.dropFirst().reduce(Int?(1)) { total, extent in
            extent.flatMap { extent in total.map { $0 * extent } }
        }
        var dimensions: [Int?] = extents.map { $0 }
        if let count {
            guard extents.contains(-1) ? count % known == 0 : count == known else {
                throw options.failure(.mismatch, shapes)
            }
            dimensions = extents.map { $0 == -1 ? count / known : $0 }
        } else {
            dimensions = extents.map { $0 == -1 ? nil : $0 }
        }
        // 0 copies the batch from the input (ONNX Reshape, allowzero = 0).
        let shape = [0] + dimensions.map { Int64($0 ?? -1) }
        let name = emit(
            "Reshape", [plain(input, for: layer), try literal(shape, "shape", of: layer)], for: layer)
        return KerasValue(name: name, dimensions: [nil] + dimensions)
    }

    /// Permute counts axes from 1, after the batch.
    mutating func permute(_ layer: KerasLayer, _ input: KerasValue) throws(ModelFormatError) -> KerasValue {
        let options = options(layer)
        let dims = try options.required("dims")
        let elements = try options.read { () throws(JSONError) -> [JSONCursor] in try dims.elements() }
        var permutation = [0]
        for element in elements { permutation.append(try options.extent(element)) }
        guard permutation.sorted() == Array(0..<input.rank) else {
            throw options.failure(
                .mismatch,
                "dims \(permutation.dropFirst()) is no permutation of the axes of its input \(input.shapeText)")
        }
        let name = transpose(plain(input, for: layer), permutation, for: layer)
        return KerasValue(name: name, dimensions: permutation.map { input.dimensions[$0] })
    }

    mutating func zeroPadding(
        _ layer: KerasLayer, _ input: KerasValue, spatialRank: Int
    ) throws(ModelFormatError) -> KerasValue {
        let options = options(layer)
        var image = try image(layer, input, spatialRank: spatialRank)
        let pairs = try paddingPairs(layer, spatialRank: spatialRank)
        let begins = [0, 0] + pairs.map { Int64($0.before) }
        let ends = [0, 0] + pairs.map { Int64($0.after) }
        let pads = try literal(begins + ends, "pads", of: layer)
        image.name = emit("Pad", [image.name, pads], ["mode": .string("constant")], for: layer)
        for axis in pairs.indices {
            image.spatial[axis] = image.spatial[axis].map { $0 + pairs[axis].before + pairs[axis].after }
        }
        let result = value(image)
        try check(result, of: options.layer)
        return result
    }

    /// One number for all sides, one for each axis, or a pair for each axis.
    func paddingPairs(
        _ layer: KerasLayer, spatialRank: Int, option: String = "padding"
    ) throws(ModelFormatError) -> [(before: Int, after: Int)] {
        let options = options(layer)
        let padding = try options.required(option)
        func pair(_ cursor: JSONCursor) throws(ModelFormatError) -> (before: Int, after: Int) {
            guard case .array = cursor.value else {
                let both = try options.extent(cursor, minimum: 0)
                return (both, both)
            }
            let sides = try options.read { () throws(JSONError) -> [JSONCursor] in try cursor.elements() }
            guard sides.count == 2 else {
                throw options.failure(.malformed, "\(cursor.path): found \(sides.count) numbers, expected 2")
            }
            return (try options.extent(sides[0], minimum: 0), try options.extent(sides[1], minimum: 0))
        }
        if spatialRank == 1 { return [try pair(padding)] }
        guard case .array = padding.value else {
            return [(before: Int, after: Int)](repeating: try pair(padding), count: spatialRank)
        }
        let axes = try options.read { () throws(JSONError) -> [JSONCursor] in try padding.elements() }
        guard axes.count == spatialRank else {
            throw options.failure(.malformed, "\(padding.path): found \(axes.count) elements, expected \(spatialRank)")
        }
        var pairs: [(before: Int, after: Int)] = []
        for axis in axes { pairs.append(try pair(axis)) }
        return pairs
    }
}
