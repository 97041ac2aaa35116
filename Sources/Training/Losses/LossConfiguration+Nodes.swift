import TensorEngine

extension LossConfiguration {
    /// Softmax cross-entropy of scores [batch, …, classes].
    func crossEntropy(
        _ scores: String, _ labels: ValueInfo, _ classes: Int, _ rank: Int, _ sampleWeights: String?,
        _ nodes: inout LossNodes
    ) -> String {
        var rows = scores
        if rank > 2 { rows = nodes.add("Reshape", [scores, nodes.integers([-1, Int64(classes)], "rows")]) }
        let weights = classWeights.map { nodes.floats($0, "class_weights") }
        guard self.labels == .classes, labelSmoothing == 0 else {
            return denseCrossEntropy(rows, labels.name, weights, classes, rank, sampleWeights, &nodes)
        }
        var places = labels.name
        if rank > 2 { places = nodes.add("Reshape", [places, nodes.integers([-1], "places")]) }
        let operands = [rows, places] + (weights.map { [$0] } ?? [])
        guard sampleWeights != nil else {
            return nodes.add("SoftmaxCrossEntropyLoss", operands, ["reduction": .string("mean")])
        }
        var losses = nodes.add("SoftmaxCrossEntropyLoss", operands, ["reduction": .string("none")])
        if rank > 2 { losses = nodes.add("Reshape", [losses, nodes.add("Shape", [labels.name])]) }
        let factors = weights.map { nodes.add("Gather", [$0, labels.name]) }
        return nodes.mean(of: losses, rank: rank - 1, factors: factors, sampleWeights: sampleWeights)
    }

    /// Cross-entropy with a share of the label for each class.
    private func denseCrossEntropy(
        _ rows: String, _ labels: String, _ weights: String?, _ classes: Int, _ rank: Int, _ sampleWeights: String?,
        _ nodes: inout LossNodes
    ) -> String {
        var shares: String
        var factors: String?
        let rest = labelSmoothing / Double(classes)
        if self.labels == .classes {
            let values = nodes.floats([rest, 1 - labelSmoothing + rest], "shares")
            let depth = nodes.integers([Int64(classes)], "classes")
            shares = nodes.add("OneHot", [labels, depth, values])
            factors = weights.map { nodes.add("Gather", [$0, labels]) }
        } else {
            shares = labels
            factors = weights.map { weights in
                nodes.reduce("ReduceSum", nodes.add("Mul", [labels, weights]), axis: rank - 1)
            }
            if labelSmoothing > 0 {
                let kept = nodes.scalar(1 - labelSmoothing, "kept")
                shares = nodes.add("Add", [nodes.add("Mul", [labels, kept]), nodes.scalar(rest, "rest")])
            }
        }
        if let weights { shares = nodes.add("Mul", [shares, weights]) }
        var logarithms = nodes.add("LogSoftmax", [rows], ["axis": .int(1)])
        if rank > 2 { logarithms = nodes.add("Reshape", [logarithms, nodes.add("Shape", [shares])]) }
        let products = nodes.add("Mul", [shares, logarithms])
        let losses = nodes.add("Neg", [nodes.reduce("ReduceSum", products, axis: rank - 1)])
        return nodes.mean(of: losses, rank: rank - 1, factors: factors, sampleWeights: sampleWeights)
    }

    /// `y softplus(-z) + (1 - y) softplus(z)`: exact for logits of any size, and so are its gradients.
    func binaryCrossEntropy(
        _ logits: String, _ labels: ValueInfo, _ rank: Int, _ sampleWeights: String?, _ nodes: inout LossNodes
    ) -> String {
        var label = labels.name
        if labelSmoothing > 0 {
            let kept = nodes.add("Mul", [label, nodes.scalar(1 - labelSmoothing, "kept")])
            label = nodes.add("Add", [kept, nodes.scalar(labelSmoothing / 2, "rest")])
        }
        let one = nodes.scalar(1, "one")
        var shares = [label, nodes.add("Sub", [one, label])]
        var factors: String?
        if let classWeights, classWeights.count == 2 {
            let weights = [nodes.scalar(classWeights[1], "weight_1"), nodes.scalar(classWeights[0], "weight_0")]
            var parts = shares
            if labelSmoothing > 0 { parts = [labels.name, nodes.add("Sub", [one, labels.name])] }
            factors = nodes.add(
                "Add", [nodes.add("Mul", [parts[0], weights[0]]), nodes.add("Mul", [parts[1], weights[1]])])
            shares = [nodes.add("Mul", [shares[0], weights[0]]), nodes.add("Mul", [shares[1], weights[1]])]
        }
        let costs = [nodes.add("Softplus", [nodes.add("Neg", [logits])]), nodes.add("Softplus", [logits])]
        let losses = nodes.add(
            "Add", [nodes.add("Mul", [shares[0], costs[0]]), nodes.add("Mul", [shares[1], costs[1]])])
        return nodes.mean(of: losses, rank: rank, factors: factors, sampleWeights: sampleWeights)
    }

    /// The loss of every element.
    func errors(_ predictions: String, _ labels: String, _ nodes: inout LossNodes) -> String {
        switch function {
        case .hinge, .squaredHinge:
            let positive = nodes.add("Greater", [labels, nodes.scalar(0, "zero")])
            let sign = nodes.add("Where", [positive, nodes.scalar(1, "one"), nodes.scalar(-1, "minus_one")])
            let margin = nodes.add("Sub", [nodes.scalar(1, "margin"), nodes.add("Mul", [sign, predictions])])
            let hinge = nodes.add("Relu", [margin])
            return function == .hinge ? hinge : nodes.add("Mul", [hinge, hinge])
        case .huber(let delta):
            let error = nodes.add("Sub", [predictions, labels])
            let size = nodes.add("Abs", [error])
            let isSmall = nodes.add("LessOrEqual", [size, nodes.scalar(delta, "delta")])
            let square = nodes.add("Mul", [nodes.add("Mul", [error, error]), nodes.scalar(0.5, "half")])
            let linear = nodes.add(
                "Sub",
                [
                    nodes.add("Mul", [size, nodes.scalar(delta, "slope")]),
                    nodes.scalar(delta * delta / 2, "offset"),
                ])
            return nodes.add("Where", [isSmall, square, linear])
        case .meanAbsoluteError:
            return nodes.add("Abs", [nodes.add("Sub", [predictions, labels])])
        default:
            let error = nodes.add("Sub", [predictions, labels])
            return nodes.add("Mul", [error, error])
        }
    }
}
