extension TrainingForms {
    /// Operators that are made of others while training, whose gradients are known.
    static let decomposed: [String: TrainingForm] = [
        "Max": chain,
        "Min": chain,
        "SkipLayerNormalization": { node, builder throws(GraphError) in
            let sum = builder.uniqueName("\(node.name)/sum")
            builder.add(
                Node(
                    name: builder.uniqueName("\(node.name)/Add"), operatorType: "Add",
                    inputs: Array(node.inputs.prefix(2)), outputs: [sum]))
            var rest = node
            rest.operatorType = "LayerNormalization"
            rest.inputs = [sum] + node.inputs.dropFirst(2)
            builder.add(rest)
        },
        "Linear": { node, builder throws(GraphError) in
            var reader = builder.reader(node)
            let activation = try reader.string("activation", default: "none")
            // The other activations' gradients follow from their output.
            guard activation.hasPrefix("gelu"), let output = node.outputs.first else {
                builder.add(node)
                return
            }
            let sum = builder.uniqueName("\(node.name)/sum")
            var linear = node
            linear.attributes["activation"] = .string("none")
            linear.outputs = [sum]
            builder.add(linear)
            builder.add(
                Node(
                    name: builder.uniqueName("\(node.name)/Gelu"), operatorType: "Gelu", inputs: [sum],
                    outputs: [output],
                    attributes: ["approximate": .string(activation == "gelu_tanh" ? "tanh" : "none")]))
        },
        "MeanVarianceNormalization": { node, builder throws(GraphError) in
            var reader = builder.reader(node)
            let axes = try reader.ints("axes") ?? [0, 2, 3]
            guard let output = node.outputs.first else { return }
            func add(_ operatorType: String, _ inputs: [String], _ output: String? = nil) -> String {
                let name = output ?? builder.uniqueName("\(node.name)/\(operatorType)")
                var made = Node(
                    name: builder.uniqueName("\(name)/node"), operatorType: operatorType, inputs: inputs,
                    outputs: [name])
                if operatorType == "ReduceMean" { made.attributes["axes"] = .ints(axes) }
                builder.add(made)
                return name
            }
            let elementType = builder.type(of: node.inputs[0])?.elementType ?? .float32
            // The function body of ONNX.
            let epsilon = builder.constant("\(node.name)/epsilon", Tensor(1e-9, elementType, shape: []))
            let centered = add("Sub", [node.inputs[0], add("ReduceMean", [node.inputs[0]])])
            let variance = add("ReduceMean", [add("Mul", [centered, centered])])
            _ = add("Div", [centered, add("Add", [add("Sqrt", [variance]), epsilon])], output)
        },
        "SwiGLU": { node, builder throws(GraphError) in
            let swish = builder.uniqueName("\(node.name)/swish")
            builder.add(
                Node(
                    name: builder.uniqueName("\(node.name)/Swish"), operatorType: "Swish", inputs: [node.inputs[0]],
                    outputs: [swish], attributes: node.attributes))
            builder.add(
                Node(
                    name: node.name, operatorType: "Mul", inputs: [swish, node.inputs[1]], outputs: node.outputs))
        },
    ]

    /// The greatest or smallest of many operands, two by two.
    private static let chain: TrainingForm = { node, builder throws(GraphError) in
        guard node.inputs.count > 2 else {
            var single = node
            if node.inputs.count == 1 { single.operatorType = "Identity" }
            builder.add(single)
            return
        }
        var result = node.inputs[0]
        for (index, input) in node.inputs.enumerated().dropFirst() {
            var pair = node
            pair.inputs = [result, input]
            if index < node.inputs.count - 1 {
                result = builder.uniqueName("\(node.name)/\(index)")
                pair.name = builder.uniqueName("\(node.name)/\(node.operatorType)")
                pair.outputs = [result]
            }
            builder.add(pair)
        }
    }
}
