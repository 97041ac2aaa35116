import JSONDocuments
import TensorEngine

/// Translates a model's calls in an order in which every tensor is there before it is used.
struct KerasTranslation {
    private let config: KerasModelConfig
    private let file: String
    private let layersByName: [String: KerasLayer]
    private let weights: KerasWeights
    private let majorVersion: Int
    private let limits: ModelFormatLimits

    init(
        _ config: KerasModelConfig, weights: KerasWeights, file: String, majorVersion: Int, limits: ModelFormatLimits
    ) throws(ModelFormatError) {
        self.config = config
        self.file = file
        self.weights = weights
        self.majorVersion = majorVersion
        self.limits = limits
        var layersByName: [String: KerasLayer] = [:]
        for layer in config.layers {
            // All are checked first: an unsupported layer is the answer, whatever else is wrong.
            try Self.checkSupport(layer, file: file)
            guard layersByName.updateValue(layer, forKey: layer.name) == nil else {
                throw ModelFormatError(
                    .malformed, file: file, at: layer.label, "another layer has the same name")
            }
        }
        self.layersByName = layersByName
        for layer in config.layers {
            for reference in layer.calls.flatMap(\.references) { try checkReference(reference, of: layer.label) }
        }
        for reference in config.inputs { try checkReference(reference, of: "input_layers") }
        for reference in config.outputs { try checkReference(reference, of: "output_layers") }
    }

    func graph() throws(ModelFormatError) -> Graph {
        guard !config.inputs.isEmpty, !config.outputs.isEmpty else {
            throw ModelFormatError(
                .malformed, file: file,
                "the model has \(config.inputs.count) inputs and \(config.outputs.count) outputs")
        }
        var inputs: [ValueInfo] = []
        var values: [KerasTensorReference: KerasValue] = [:]
        for reference in config.inputs {
            guard let layer = layersByName[reference.layer], layer.className == "InputLayer" else {
                throw ModelFormatError(
                    .malformed, file: file, at: "input_layers", "'\(reference.layer)' is not an InputLayer")
            }
            let (info, value) = try input(layer)
            inputs.append(info)
            guard values.updateValue(value, forKey: reference) == nil else {
                throw ModelFormatError(.malformed, file: file, at: "input_layers", "'\(layer.name)' is named twice")
            }
        }
        var names = UniqueNames(taken: inputs.map(\.name))
        let outputNames = config.outputs.map { names.take($0.layer) }
        var builder = KerasGraphBuilder(
            file: file, weights: weights, majorVersion: majorVersion, limits: limits,
            reservedNames: inputs.map(\.name) + outputNames)
        for reference in config.inputs {
            if let layer = layersByName[reference.layer], let value = values[reference] {
                try builder.check(value, of: layer)
            }
        }
        try translateCalls(&builder, &values)

        var outputs: [ValueInfo] = []
        var sources: [String] = []
        for (reference, name) in zip(config.outputs, outputNames) {
            guard let layer = layersByName[reference.layer], let value = values[reference] else {
                throw ModelFormatError(
                    .malformed, file: file, at: "output_layers", "'\(reference.layer)' is not connected to the inputs")
            }
            sources.append(builder.plain(value, for: layer))
            outputs.append(
                ValueInfo(
                    name: name, elementType: value.integerType ?? .float32,
                    dimensions: Self.dimensions(value.dimensions, name)))
        }
        builder.bindOutputs(Array(zip(sources, outputNames)))
        return Graph(
            name: config.name, inputs: inputs, outputs: outputs, nodes: builder.nodes,
            initializers: builder.initializers)
    }

    /// Kahn's algorithm over the calls: a call is translated when its last input is there.
    private func translateCalls(
        _ builder: inout KerasGraphBuilder, _ values: inout [KerasTensorReference: KerasValue]
    ) throws(ModelFormatError) {
        struct Call {
            let layer: KerasLayer
            let index: Int
            var missing: Int
        }
        var calls: [Call] = []
        var waiting: [KerasTensorReference: [Int]] = [:]
        var ready: [Int] = []
        for layer in config.layers where layer.className != "InputLayer" {
            for (index, inputs) in layer.calls.enumerated() {
                let missing = Set(inputs.references.filter { values[$0] == nil })
                for reference in missing { waiting[reference, default: []].append(calls.count) }
                if missing.isEmpty { ready.append(calls.count) }
                calls.append(Call(layer: layer, index: index, missing: missing.count))
            }
        }
        var next = 0
        while next < ready.count {
            let call = calls[ready[next]]
            next += 1
            let arguments = call.layer.calls[call.index]
            var keywords: [String: [KerasValue]] = [:]
            for keyword in arguments.keywords { keywords[keyword.name] = keyword.references.compactMap { values[$0] } }
            builder.keywords = keywords
            builder.flags = arguments.flags
            let results = try builder.translate(call.layer, arguments.positional.compactMap { values[$0] })
            for (output, value) in results.enumerated() {
                try builder.check(value, of: call.layer)
                let reference = KerasTensorReference(layer: call.layer.name, call: call.index, output: output)
                values[reference] = value
                for waiter in waiting[reference] ?? [] {
                    calls[waiter].missing -= 1
                    if calls[waiter].missing == 0 { ready.append(waiter) }
                }
            }
        }
        guard ready.count == calls.count else {
            let stuck = calls.filter { $0.missing > 0 }
            for call in stuck {
                for reference in call.layer.calls[call.index].references where values[reference] == nil {
                    let first = KerasTensorReference(layer: reference.layer, call: reference.call, output: 0)
                    guard values[first] != nil else { continue }
                    throw ModelFormatError(
                        .malformed, file: file, at: call.layer.label,
                        "takes output \(reference.output) of '\(reference.layer)', which has fewer")
                }
            }
            let names = stuck.map { "'\($0.layer.name)'" }.prefix(5).joined(separator: ", ")
            throw ModelFormatError(
                .malformed, file: file, "layers wait for each other or for no input: \(names)")
        }
    }

    /// Translates the model as a layer of another, and returns its outputs.
    func apply(
        to inputs: [KerasValue], of layer: KerasLayer, _ builder: inout KerasGraphBuilder
    ) throws(ModelFormatError) -> [KerasValue] {
        guard inputs.count == config.inputs.count else {
            throw ModelFormatError(
                .malformed, file: file, at: layer.label,
                "found \(inputs.count) inputs, expected \(config.inputs.count)")
        }
        var values: [KerasTensorReference: KerasValue] = [:]
        for (reference, value) in zip(config.inputs, inputs) { values[reference] = value }
        try translateCalls(&builder, &values)
        var results: [KerasValue] = []
        for reference in config.outputs {
            guard let value = values[reference] else {
                throw ModelFormatError(
                    .malformed, file: file, at: layer.label,
                    "its output '\(reference.layer)' is not connected to its inputs")
            }
            results.append(value)
        }
        return results
    }

    private func input(_ layer: KerasLayer) throws(ModelFormatError) -> (ValueInfo, KerasValue) {
        let options = KerasOptions(file: file, layer: layer)
        let dtype = try options.string("dtype", default: "float32")
        let integerType: ElementType? = dtype == "int32" ? .int32 : dtype == "int64" ? .int64 : nil
        guard integerType != nil || ["float32", "float16", "bfloat16", "float64"].contains(dtype) else {
            throw options.failure(
                .unsupported,
                "dtype '\(dtype)'; supported are int32, int64 and floating-point inputs, which are taken as float32")
        }
        let shape: JSONCursor
        if let found = try options.cursor("batch_shape") {
            shape = found
        } else {
            shape = try options.required("batch_input_shape")
        }
        let elements = try options.read { () throws(JSONError) -> [JSONCursor] in try shape.elements() }
        guard elements.count >= 2 else {
            throw options.failure(
                .unsupported, "\(shape.path): found \(elements.count) axes, expected the batch and at least one more")
        }
        var dimensions: [Int?] = [nil]
        for element in elements.dropFirst() {
            dimensions.append(element.value == .null ? nil : try options.extent(element))
        }
        let value = KerasValue(name: layer.name, dimensions: dimensions, integerType: integerType)
        let info = ValueInfo(
            name: layer.name, elementType: integerType ?? .float32, dimensions: Self.dimensions(dimensions, layer.name))
        return (info, value)
    }

    static func dimensions(_ dimensions: [Int?], _ name: String) -> [Dimension] {
        dimensions.enumerated().map { axis, extent in
            if axis == 0 { return .batch }
            return extent.map { .fixed($0) } ?? .symbolic("\(name).\(axis)")
        }
    }

    private static func unsupported(_ layer: KerasLayer, file: String) -> ModelFormatError {
        ModelFormatError(
            .unsupported, file: file, at: layer.label, "not supported; supported are \(KerasLayerTable.names)")
    }

    static func checkSupport(_ layer: KerasLayer, file: String) throws(ModelFormatError) {
        guard layer.className == "InputLayer" || KerasLayerTable.supports(layer.className) else {
            throw unsupported(layer, file: file)
        }
        // Keras 3 has policies as objects; a quantized one keeps its weights in another form.
        let options = KerasOptions(file: file, layer: layer)
        guard let cursor = try options.cursor("dtype"), case .object = cursor.value else { return }
        let className = try options.read { () throws(JSONError) -> String in try cursor.member("class_name").string() }
        guard className == "DTypePolicy" || className == "FloatDTypePolicy" || className == "Policy" else {
            throw options.failure(.unsupported, "the dtype policy \(className) is not supported")
        }
    }

    private func checkReference(_ reference: KerasTensorReference, of place: String) throws(ModelFormatError) {
        guard let layer = layersByName[reference.layer] else {
            throw ModelFormatError(
                .malformed, file: file, at: place, "takes the output of '\(reference.layer)', which is not in the model"
            )
        }
        guard layer.calls.indices.contains(reference.call), reference.output >= 0 else {
            throw ModelFormatError(
                .malformed, file: file, at: place,
                """
                takes output \(reference.output) of call \(reference.call) of '\(reference.layer)', \
                which has \(layer.calls.count) calls
                """)
        }
    }
}
