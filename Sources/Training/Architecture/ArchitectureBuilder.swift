import JSONDocuments
import ModelFormats
import TensorEngine

/// Turns a specification into a graph: every layer is one of Keras's, which the importer of Keras models knows already.
struct ArchitectureBuilder {
    private let spec: ArchitectureSpec
    private let weights: InitialWeights
    private var assembler: KerasAssembler
    private var names: Set<String> = []

    init(_ spec: ArchitectureSpec, seed: UInt64) throws(JSONError) {
        self.spec = spec
        weights = InitialWeights(seed: seed, maximumCount: spec.limits.maximumParameterCount)
        var limits = ModelFormatLimits.default
        limits.maximumTensorBytes = 4 * spec.limits.maximumRowElementCount
        assembler = KerasAssembler(
            name: spec.name, reservedNames: [spec.input.name, spec.output], weights: weights, limits: limits)
        try reserve(spec.layers, at: Self.path(spec.path, "layers"))
    }

    /// Takes the names that are given, so that none of those that are made is like one.
    private mutating func reserve(_ layers: [LayerSpec], at path: String) throws(JSONError) {
        for (index, layer) in layers.enumerated() {
            let place = "\(path)[\(index)]"
            if let name = layer.name, !names.insert(name).inserted {
                throw JSONError(at: .path("\(place).name"), "found \"\(name)\", which another layer is named")
            }
            for option in layer.children.keys.sorted() {
                let lists = layer.children[option] ?? []
                for (number, list) in lists.enumerated() {
                    try reserve(list, at: option == "branches" ? "\(place).\(option)[\(number)]" : "\(place).\(option)")
                }
            }
        }
    }

    mutating func build() throws(JSONError) -> TrainableModel {
        let input = try located(layer: "the input", [], at: Self.path(spec.path, "input.shape")) {
            () throws(ModelFormatError) in
            try assembler.input(spec.input.name, extents: spec.input.shape, elementType: spec.input.elementType)
        }
        let result = try apply(spec.layers, to: input, at: Self.path(spec.path, "layers"))
        let graph = assembler.graph(output: spec.output, result)
        return TrainableModel(
            graph: graph, parameters: weights.weights.filter(\.isTrainable).map(\.name),
            regularized: weights.weights.filter { $0.isTrainable && $0.isRegularized }.map(\.name))
    }

    private mutating func apply(
        _ layers: [LayerSpec], to input: KerasTensor, at path: String
    ) throws(JSONError) -> KerasTensor {
        var tensor = input
        for (index, layer) in layers.enumerated() {
            tensor = try apply(layer, to: tensor, at: "\(path)[\(index)]")
        }
        return tensor
    }

    private mutating func apply(
        _ layer: LayerSpec, to input: KerasTensor, at path: String
    ) throws(JSONError) -> KerasTensor {
        guard let definition = LayerTable.definitions[layer.type], case .object(let members) = layer.json else {
            throw JSONError(at: .path(path), "unknown layer \"\(layer.type)\"")
        }
        let name = layer.name ?? uniqueName(layer.type)
        switch definition.form {
        case .layer(let className):
            return try call(className, name, members, [input], at: path)
        case .wrapper(let className):
            guard let inner = layer.children["layer"]?.first?.first else {
                throw JSONError(at: .path(path), "found no \"layer\", expected a layer")
            }
            var config = members
            config["layer"] = try wrapped(inner, at: "\(path).layer")
            return try call(className, name, config, [input], at: path)
        case .attention:
            return try attention(name, members, input, at: path)
        case .positions:
            weights.beginLayer()
            var count: Int?
            if case .integer(let length)? = members["max_length"] { count = Int(length) }
            return try located(layer: "positional_embedding layer '\(name)'", [input], at: path) {
                () throws(ModelFormatError) in
                try assembler.addPositions(
                    layer: name, config: JSONCursor(.object(members)), count: count, to: input)
            }
        case .residual: return try residual(layer, name, members, input, at: path)
        case .concat:
            var branches: [KerasTensor] = []
            for (index, branch) in (layer.children["branches"] ?? []).enumerated() {
                branches.append(try apply(branch, to: input, at: "\(path).branches[\(index)]"))
            }
            return try call("Concatenate", name, members, branches, at: path)
        }
    }

    /// The most steps of attention: its scores are their square.
    private static let maximumAttendedSteps = 4_096

    /// Self-attention.
    private mutating func attention(
        _ name: String, _ members: [String: JSONValue], _ input: KerasTensor, at path: String
    ) throws(JSONError) -> KerasTensor {
        if input.dimensions.count == 3, let steps = input.dimensions[1], steps > Self.maximumAttendedSteps {
            throw JSONError(
                at: .path(path),
                """
                MultiHeadAttention layer '\(name)': found an input of \(steps) steps, expected at most \
                \(Self.maximumAttendedSteps)
                """)
        }
        let flags: Set<String> = members["causal"] == .bool(true) ? ["use_causal_mask"] : []
        return try call("MultiHeadAttention", name, members, [input, input], flags: flags, at: path)
    }

    /// The layers' result and their input, added.
    private mutating func residual(
        _ layer: LayerSpec, _ name: String, _ members: [String: JSONValue], _ input: KerasTensor, at path: String
    ) throws(JSONError) -> KerasTensor {
        let result = try apply(layer.children["layers"]?.first ?? [], to: input, at: "\(path).layers")
        var shortcut = input
        if let projection = layer.children["projection"]?.first {
            shortcut = try apply(projection, to: input, at: "\(path).projection")
        } else if input.dimensions != result.dimensions {
            let shapes = "its layers make \(result.shapeText) of \(input.shapeText)"
            guard members["projection"] != .bool(false) else {
                throw JSONError(
                    at: .path(path),
                    "residual block '\(name)': \(shapes), expected the same shape: it has no projection")
            }
            guard let (className, config) = Self.projection(from: input.dimensions, to: result.dimensions) else {
                throw JSONError(
                    at: .path(path),
                    "residual block '\(name)': \(shapes), which no projection makes alike; give layers as \"projection\""
                )
            }
            shortcut = try call(className, "\(name)/projection", config, [input], at: path)
        }
        var sum = try call("Add", name, [:], [result, shortcut], at: path)
        if let activation = members["activation"], activation != .null {
            sum = try call("Activation", "\(name)/activation", ["activation": activation], [sum], at: path)
        }
        return sum
    }

    /// A dense layer, or a convolution of single places with strides (He et al. 2016, option B).
    private static func projection(from input: [Int?], to result: [Int?]) -> (String, [String: JSONValue])? {
        guard input.count == result.count, (2...4).contains(input.count), let channels = result.last ?? nil else {
            return nil
        }
        if input.count == 2 { return ("Dense", ["units": .integer(Int64(channels)), "use_bias": false]) }
        var strides: [JSONValue] = []
        for (before, after) in zip(input.dropFirst().dropLast(), result.dropFirst().dropLast()) {
            guard before != after else {
                strides.append(1)
                continue
            }
            guard let before, let after, after < before else { return nil }
            let stride = (before + after - 1) / after
            guard (before + stride - 1) / stride == after else { return nil }
            strides.append(.integer(Int64(stride)))
        }
        return (
            input.count == 3 ? "Conv1D" : "Conv2D",
            [
                "filters": .integer(Int64(channels)), "kernel_size": 1, "strides": .array(strides), "padding": "same",
                "use_bias": false,
            ]
        )
    }

    /// A layer as Keras writes one that is an option of another.
    private mutating func wrapped(_ layer: LayerSpec, at path: String) throws(JSONError) -> JSONValue {
        guard case .object(var config) = layer.json, let form = LayerTable.definitions[layer.type]?.form else {
            throw JSONError(at: .path(path), "unknown layer \"\(layer.type)\"")
        }
        config["name"] = .string(layer.name ?? uniqueName(layer.type))
        switch form {
        case .layer(let className):
            return .object(["class_name": .string(className), "config": .object(config)])
        case .wrapper(let className):
            guard let inner = layer.children["layer"]?.first?.first else { break }
            config["layer"] = try wrapped(inner, at: "\(path).layer")
            return .object(["class_name": .string(className), "config": .object(config)])
        default: break
        }
        throw JSONError(
            at: .path("\(path).type"), "found \"\(layer.type)\", expected a single layer: a block cannot be wrapped")
    }

    private mutating func call(
        _ className: String, _ name: String, _ config: [String: JSONValue], _ inputs: [KerasTensor],
        flags: Set<String> = [], at path: String
    ) throws(JSONError) -> KerasTensor {
        weights.beginLayer()
        let label = "\(className) layer '\(name)'"
        return try located(layer: label, inputs, at: path) { () throws(ModelFormatError) in
            try assembler.apply(
                className, layer: name, config: JSONCursor(.object(config)), to: inputs, flags: flags)
        }
    }

    /// Gives an error of the translation its place in the document and the shapes it is about.
    private func located<Result>(
        layer: String, _ inputs: [KerasTensor], at path: String, _ body: () throws(ModelFormatError) -> Result
    ) throws(JSONError) -> Result {
        do {
            return try body()
        } catch {
            let shapes = inputs.map(\.shapeText)
            let known = shapes.allSatisfy { error.message.contains($0) }
            let suffix = known ? "" : " (its input is \(shapes.joined(separator: ", ")))"
            throw JSONError(at: .path(path), "\(layer): \(error.message)\(suffix)")
        }
    }

    /// "conv2d", "conv2d_1", …
    private mutating func uniqueName(_ type: String) -> String {
        var (name, number) = (type, 0)
        while !names.insert(name).inserted {
            number += 1
            name = "\(type)_\(number)"
        }
        return name
    }

    private static func path(_ path: String, _ member: String) -> String {
        path.isEmpty ? member : "\(path).\(member)"
    }
}
