import TensorEngine

extension KerasGraphBuilder {
    /// Embedding: a row of a table for each identifier; 0 is padding with `mask_zero`.
    mutating func embedding(_ layer: KerasLayer, _ input: KerasValue) throws(ModelFormatError) -> KerasValue {
        let options = options(layer)
        let rows = try options.extent(try options.required("input_dim"))
        let width = try options.extent(try options.required("output_dim"))
        let weights = weights
        let table = try constant("embeddings", of: layer) { () throws(ModelFormatError) -> Tensor in
            try weights.weight("embeddings", of: layer, index: 0, shape: [rows, width])
        }
        let identifiers = plain(input, for: layer)
        var result = KerasValue(
            name: emit("RowLookup", [table, identifiers], for: layer), dimensions: input.dimensions + [width])
        if try options.bool("mask_zero", default: false) {
            guard input.rank == 2 else {
                throw options.failure(
                    .unsupported, "mask_zero for an input of shape \(input.shapeText); supported is [batch, steps]")
            }
            result.mask = emit("StepMask", [identifiers], ["value": .float(0)], for: layer)
        }
        return result
    }

    /// Masking: steps in which every feature is `mask_value` are padding.
    mutating func masking(_ layer: KerasLayer, _ input: KerasValue) throws(ModelFormatError) -> KerasValue {
        let options = options(layer)
        let value = try options.number("mask_value") ?? 0
        guard input.rank >= 3 else {
            throw options.failure(
                .mismatch, "found an input of shape \(input.shapeText), expected [batch, steps, features]")
        }
        let source = plain(input, for: layer)
        let mask = emit("StepMask", [source], ["value": .float(Float(value))], for: layer)
        return KerasValue(
            name: emit("MaskSteps", [source, mask], for: layer), dimensions: input.dimensions,
            mask: input.rank == 3 ? mask : nil)
    }

    /// The mask of an element-wise merge. Keras 3: a step counts when it does in any input, and without a mask on one there
    /// is none; Keras 2: when it does in all that have a mask.
    mutating func mergedMask(_ inputs: [KerasValue], _ layer: KerasLayer) -> String? {
        let masks = inputs.compactMap(\.mask)
        if majorVersion >= 3, masks.count < inputs.count { return nil }
        return combined(masks, layer)
    }

    /// The mask of a concatenation along the steps or a later axis.
    mutating func concatenatedMask(
        _ inputs: [KerasValue], axis: Int, _ layer: KerasLayer
    ) throws(ModelFormatError) -> String? {
        let masks = inputs.compactMap(\.mask)
        guard axis == 1, !masks.isEmpty else { return mergedMask(inputs, layer) }
        guard masks.count == inputs.count else {
            throw options(layer).failure(
                .unsupported, "a concatenation of masked and unmasked steps is not supported")
        }
        return emit("Concat", masks, ["axis": .int(1)], for: layer)
    }

    private mutating func combined(_ masks: [String], _ layer: KerasLayer) -> String? {
        guard var result = masks.first else { return nil }
        for mask in masks.dropFirst() where mask != result {
            result = emit(majorVersion >= 3 ? "Max" : "Min", [result, mask], for: layer)
        }
        return result
    }
}
