import JSONDocuments
import TensorEngine

extension KerasGraphBuilder {
    /// Bidirectional: one layer forwards, one backwards, merged.
    mutating func bidirectional(
        _ layer: KerasLayer, _ inputs: [KerasValue]
    ) throws(ModelFormatError) -> [KerasValue] {
        let options = options(layer)
        let states = Array(inputs.dropFirst()) + (keywords["initial_state"] ?? [])
        let input = try one(Array(inputs.prefix(1)), layer)
        guard states.count % 2 == 0 else {
            throw options.failure(
                .malformed, "found \(states.count) initial states, expected as many for each direction")
        }
        let forward = try part("layer", "forward", attribute: "forward_layer", of: layer)
        let backwardOption = try options.cursor("backward_layer") == nil ? "layer" : "backward_layer"
        let backward = try part(backwardOption, "backward", attribute: "backward_layer", of: layer)
        let forwardOptions = self.options(forward)
        let backwardOptions = self.options(backward)
        for key in ["return_sequences", "return_state"] {
            guard try forwardOptions.bool(key, default: false) == (try backwardOptions.bool(key, default: false))
            else { throw options.failure(.malformed, "its layers disagree in '\(key)'") }
        }
        let returnsSequences = try forwardOptions.bool("return_sequences", default: false)
        let half = states.count / 2
        var results: [KerasSequence] = []
        for (index, layer) in [forward, backward].enumerated() {
            results.append(
                try recurrent(
                    layer, input, states: Array(index == 0 ? states.prefix(half) : states.suffix(half)),
                    zeroesMaskedSteps: returnsSequences && input.mask != nil))
        }
        let (first, second) = (results[0].output, results[1].output)
        var outputs = [first, second]
        if let mode = try mergeMode(options) {
            guard mode == "concat" || first.dimensions == second.dimensions else {
                throw options.failure(
                    .mismatch, "cannot merge \(first.shapeText) and \(second.shapeText) by '\(mode)'")
            }
            var merged = first
            switch mode {
            case "concat":
                let axis = first.rank - 1
                merged.name = emit("Concat", [first.name, second.name], ["axis": .int(axis)], for: layer)
                merged.dimensions[axis] = first.dimensions[axis].flatMap { width in
                    second.dimensions[axis].map { width + $0 }
                }
            case "sum": merged.name = emit("Add", [first.name, second.name], for: layer)
            case "mul": merged.name = emit("Mul", [first.name, second.name], for: layer)
            case "ave":
                let sum = emit("Add", [first.name, second.name], for: layer)
                let two = try literal([Float(2)], scalar: true, "two", of: layer)
                merged.name = emit("Div", [sum, two], for: layer)
            default: throw options.failure(.unsupported, "merge_mode '\(mode)'; supported are ave, concat, mul, sum")
            }
            outputs = [merged]
        }
        if try forwardOptions.bool("return_state", default: false) { outputs += results[0].states + results[1].states }
        return outputs
    }

    /// nil for null, which keeps both.
    private func mergeMode(_ options: KerasOptions) throws(ModelFormatError) -> String? {
        guard let cursor = try options.cursor("merge_mode") else {
            if case .object(let members) = options.layer.config.value, members["merge_mode"] == nil { return "concat" }
            return nil
        }
        return try options.read { () throws(JSONError) -> String in try cursor.string() }
    }

    /// TimeDistributed: the same layer for every step, as if the steps were rows.
    mutating func timeDistributed(_ layer: KerasLayer, _ input: KerasValue) throws(ModelFormatError) -> KerasValue {
        let options = options(layer)
        let inner = try part("layer", nil, attribute: "layer", of: layer)
        guard input.rank >= 3 else {
            throw options.failure(
                .mismatch, "found an input of shape \(input.shapeText), expected [batch, steps, …]")
        }
        guard input.mask == nil || KerasLayerTable.several[inner.className] == nil else {
            throw options.failure(.unsupported, "masked steps of a \(inner.className) are not supported")
        }
        let row = Array(input.dimensions.dropFirst(2))
        guard row.allSatisfy({ $0 != nil }) else {
            throw options.failure(.mismatch, "an extent after the steps of its input \(input.shapeText) is not known")
        }
        let source = plain(input, for: layer)
        let rows = KerasValue(
            name: try reshape(source, [-1] + row.compactMap { $0 }, layer), dimensions: [nil] + row)
        (keywords, flags) = ([:], [])
        let results = try translate(inner, [rows])
        guard results.count == 1, let result = results.first else {
            throw options.failure(.unsupported, "a layer with \(results.count) outputs is not supported")
        }
        let extents = result.dimensions.dropFirst().compactMap { $0 }
        guard extents.count == result.rank - 1 else {
            throw options.failure(.mismatch, "an extent of its layer's result \(result.shapeText) is not known")
        }
        let flat = plain(result, for: layer)
        let name: String
        if let steps = input.dimensions[1] {
            name = try reshape(flat, [-1, steps] + extents, layer)
        } else {
            let leading = emit("Shape", [source], ["start": .int(0), "end": .int(2)], for: layer)
            let trailing = try literal(extents.map { Int64($0) }, "extents", of: layer)
            let shape = emit("Concat", [leading, trailing], ["axis": .int(0)], for: layer)
            name = emit("Reshape", [flat, shape], for: layer)
        }
        return KerasValue(
            name: name, dimensions: [nil, input.dimensions[1]] + extents.map { $0 }, mask: input.mask)
    }

    /// A layer that is an option of another.
    /// - Parameter prefix: what Keras puts before the name of a copy.
    private func part(
        _ option: String, _ prefix: String?, attribute: String, of layer: KerasLayer
    ) throws(ModelFormatError) -> KerasLayer {
        let options = options(layer)
        let cursor = try options.required(option)
        var (name, className, config) = try options.read { () throws(JSONError) -> (String, String, JSONCursor) in
            let config = try cursor.member("config")
            return (
                try config.optionalMember("name")?.string() ?? "", try cursor.member("class_name").string(), config
            )
        }
        if let prefix {
            guard ["GRU", "LSTM", "SimpleRNN"].contains(className) else {
                throw options.failure(
                    .unsupported, "a bidirectional \(className) is not supported; supported are GRU, LSTM, SimpleRNN")
            }
            if option == "layer" {
                let base = name.hasPrefix("forward_") ? String(name.dropFirst("forward_".count)) : name
                name = "\(prefix)_\(base)"
                if prefix == "backward", case .object(var members) = config.value {
                    members["go_backwards"] = .bool(true)
                    config = JSONCursor(.object(members), path: config.path)
                }
            }
        }
        guard KerasLayerTable.supports(className) else {
            throw options.failure(
                .unsupported, "\(className) inside is not supported; supported are \(KerasLayerTable.names)")
        }
        var scope = layer.scope
        // Keras 2 renames a backward layer of its own, and its weights with it.
        if prefix == "backward", option == "backward_layer" { scope.names.append("backward_\(name)") }
        scope = scope.part(name, attribute)
        scope.place = "\(layer.label): "
        return KerasLayer(
            position: 1, name: name, className: className, config: config, calls: [], scope: scope)
    }
}
