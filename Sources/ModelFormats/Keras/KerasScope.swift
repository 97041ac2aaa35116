/// Where a layer is: in messages, in the graph's names, and in the two kinds of files.
struct KerasScope {
    /// What error messages say before the layer: the models it is nested in.
    var place = ""
    /// For nodes and constants, as "encoder/dense"; empty for the model itself.
    var title = ""
    /// In an HDF5 model: the layer of the outermost model, which has the group.
    var group: String?
    /// Names that a weight's path may hold, outermost first.
    var names: [String] = []
    /// In a `.keras` archive: the path of the layer's group.
    var path: [String] = []

    /// The scope of a layer of this model. An archive names layers after their classes and numbers them.
    func layer(_ name: String, _ className: String, _ names: inout UniqueNames) -> KerasScope {
        var result = part(name, "")
        result.title = title.isEmpty ? name : "\(title)/\(name)"
        result.path = path + ["layers", names.take(Self.snakeCase(className))]
        return result
    }

    /// The scope of what a layer holds under an attribute, as Bidirectional its `forward_layer`.
    func part(_ name: String, _ attribute: String) -> KerasScope {
        var result = self
        result.group = group ?? name
        if !name.isEmpty { result.names.append(name) }
        if !attribute.isEmpty {
            result.path.append(attribute)
            if !name.isEmpty { result.title = "\(title)/\(name)" }
        }
        return result
    }

    /// "MultiHeadAttention" to "multi_head_attention", "Conv2D" to "conv2d".
    static func snakeCase(_ name: String) -> String {
        let scalars = Array(name.unicodeScalars.filter { $0.properties.isAlphabetic || $0 == "_" || $0.isDigit })
        var result = String.UnicodeScalarView()
        for (index, scalar) in scalars.enumerated() {
            if index > 0, scalar.properties.isUppercase, scalars[index - 1] != "_" {
                let startsWord = index + 1 < scalars.count && scalars[index + 1].properties.isLowercase
                if startsWord || scalars[index - 1].properties.isLowercase { result.append("_") }
            }
            result.append(scalar)
        }
        return String(result).lowercased()
    }
}

extension Unicode.Scalar {
    fileprivate var isDigit: Bool { ("0"..."9").contains(self) }
}
