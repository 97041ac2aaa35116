import TensorEngine

extension KerasGraphBuilder {
    /// Add, Multiply of two or more inputs, Subtract of two.
    mutating func merge(
        _ operatorType: String, _ layer: KerasLayer, _ inputs: [KerasValue]
    ) throws(ModelFormatError) -> KerasValue {
        let options = options(layer)
        guard operatorType == "Sub" ? inputs.count == 2 : inputs.count >= 2, var result = inputs.first else {
            let expected = operatorType == "Sub" ? "two" : "two or more"
            throw options.failure(.malformed, "found \(inputs.count) inputs, expected \(expected)")
        }
        let dimensions = try broadcast(layer, inputs)
        let (names, isChannelsFirst) = aligned(inputs, layer)
        result.name = names[0]
        for name in names.dropFirst() { result.name = emit(operatorType, [result.name, name], for: layer) }
        result.dimensions = dimensions
        result.isChannelsFirst = isChannelsFirst
        result.mask = mergedMask(inputs, layer)
        return result
    }

    mutating func average(_ layer: KerasLayer, _ inputs: [KerasValue]) throws(ModelFormatError) -> KerasValue {
        var result = try merge("Add", layer, inputs)
        let count = try literal([Float(inputs.count)], scalar: true, "count", of: layer)
        result.name = emit("Div", [result.name, count], for: layer)
        return result
    }

    mutating func concatenate(_ layer: KerasLayer, _ inputs: [KerasValue]) throws(ModelFormatError) -> KerasValue {
        let options = options(layer)
        guard var result = inputs.first else {
            throw options.failure(.malformed, "found no inputs, expected one or more")
        }
        let axis = try options.axis("axis", rank: result.rank, default: -1)
        var total: Int? = 0
        for input in inputs {
            var same = input.dimensions
            guard same.count == result.rank else { throw disagreement(layer, inputs) }
            same[axis] = result.dimensions[axis]
            guard same == result.dimensions else { throw disagreement(layer, inputs) }
            // Extents are at most 2^28 and inputs at most 10^5 here, so the sum fits.
            total = input.dimensions[axis].flatMap { extent in total.map { $0 + extent } }
        }
        let (names, isChannelsFirst) = aligned(inputs, layer)
        let physicalAxis = isChannelsFirst ? (axis == result.rank - 1 ? 1 : axis + 1) : axis
        result.name = emit("Concat", names, ["axis": .int(physicalAxis)], for: layer)
        result.dimensions[axis] = total
        result.isChannelsFirst = isChannelsFirst
        result.mask = try concatenatedMask(inputs, axis: axis, layer)
        return result
    }

    /// All inputs in one order: moved when all are, Keras's own otherwise.
    private mutating func aligned(_ inputs: [KerasValue], _ layer: KerasLayer) -> ([String], isChannelsFirst: Bool) {
        if inputs.allSatisfy(\.isChannelsFirst) { return (inputs.map(\.name), true) }
        var names: [String] = []
        for input in inputs { names.append(plain(input, for: layer)) }
        return (names, false)
    }

    private func broadcast(_ layer: KerasLayer, _ inputs: [KerasValue]) throws(ModelFormatError) -> [Int?] {
        var result = inputs[0].dimensions
        for input in inputs.dropFirst() {
            guard input.rank == result.count else { throw disagreement(layer, inputs) }
            for axis in result.indices where result[axis] != input.dimensions[axis] {
                if result[axis] == 1 {
                    result[axis] = input.dimensions[axis]
                } else if input.dimensions[axis] != 1 {
                    throw disagreement(layer, inputs)
                }
            }
        }
        return result
    }

    private func disagreement(_ layer: KerasLayer, _ inputs: [KerasValue]) -> ModelFormatError {
        let shapes = inputs.map(\.shapeText).joined(separator: ", ")
        return options(layer).failure(.mismatch, "the shapes of its inputs do not fit together: \(shapes)")
    }
}
