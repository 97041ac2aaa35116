public import JSONDocuments
public import TensorEngine

/// A model's graph with nodes that compute the loss, to be differentiated and to evaluate with.
///
/// Outputs, in this order: the loss, a float32 scalar; the predictions. Inputs, in this order: the model's; the labels; the
/// weights of the rows, if there are any.
public struct LossGraph: Sendable {
    public let graph: Graph
    /// The name of the loss: the mean over the rows, by their weights and those of the classes.
    public let loss: String
    /// The name of the model's output that the loss is of.
    public let predictions: String
    public let labels: ValueInfo
    /// The name of the input of one float32 weight a row, [batch]. A row of weight 0 counts for nothing, so that a short
    /// batch can be filled up with rows of any content.
    public let sampleWeights: String?
}

extension LossConfiguration {
    /// Adds the loss to a copy of `graph`.
    ///
    /// A Softmax or Sigmoid that the predictions end with is passed by: the loss takes its scores or logits, which is
    /// exact where the probabilities round to 0 or 1. Predictions that end with neither are taken to be scores or logits.
    /// The mean is over all elements of a row, then over the rows; weights divide by their sum, as PyTorch's class weights
    /// do (Keras divides by the number of rows).
    /// - Parameters:
    ///   - output: which of the graph's outputs the predictions are; nil for the only one.
    ///   - hasSampleWeights: whether the graph gets an input of weights.
    ///   - path: where the loss is in its document, for messages.
    /// - Throws: ``JSONError`` when the predictions do not fit the loss.
    public func attached(
        to graph: Graph, output: String? = nil, hasSampleWeights: Bool = false, path: String = "loss"
    ) throws(JSONError) -> LossGraph {
        let predictions = try Self.predictions(of: graph, output, path)
        var nodes = LossNodes(graph)
        let labelType: ElementType
        var labelDimensions = predictions.dimensions
        if function == .softmaxCrossEntropy, labels == .classes {
            (labelType, labelDimensions) = (.int64, labelDimensions.dropLast())
        } else {
            labelType = .float32
        }
        let labelInfo = ValueInfo(
            name: nodes.uniqueName("labels"), elementType: labelType, dimensions: labelDimensions)
        let weights = hasSampleWeights ? nodes.uniqueName("sample_weights") : nil
        let rank = predictions.dimensions.count

        let value: String
        switch function {
        case .softmaxCrossEntropy:
            guard rank >= 2, case .fixed(let classes) = predictions.dimensions[rank - 1], classes >= 2 else {
                throw Self.mismatch(predictions, "two or more classes along its last axis", path)
            }
            if let classWeights, classWeights.count != classes {
                throw JSONError(
                    at: .path("\(path).class_weights"),
                    "found \(classWeights.count) weights, expected \(classes): one for each class of the predictions")
            }
            let scores = nodes.source(of: predictions.name, before: "Softmax", rank: rank) ?? predictions.name
            value = crossEntropy(scores, labelInfo, classes, rank, weights, &nodes)
        case .binaryCrossEntropy:
            let logits = nodes.source(of: predictions.name, before: "Sigmoid", rank: rank) ?? predictions.name
            value = binaryCrossEntropy(logits, labelInfo, rank, weights, &nodes)
        default:
            let elements = errors(predictions.name, labelInfo.name, &nodes)
            value = nodes.mean(of: elements, rank: rank, factors: nil, sampleWeights: weights)
        }
        let loss = nodes.uniqueName("loss")
        nodes.add("Identity", [value], named: loss)
        var result = nodes.graph
        result.inputs.append(labelInfo)
        if let weights { result.inputs.append(ValueInfo(name: weights, elementType: .float32, dimensions: [.batch])) }
        result.outputs = [ValueInfo(name: loss, elementType: .float32, dimensions: []), predictions]
        return LossGraph(
            graph: result, loss: loss, predictions: predictions.name, labels: labelInfo, sampleWeights: weights)
    }

    private static func predictions(
        of graph: Graph, _ output: String?, _ path: String
    ) throws(JSONError) -> ValueInfo {
        let names = graph.outputs.map(\.name)
        let shown = names.prefix(20).joined(separator: ", ")
        guard let name = output ?? (names.count == 1 ? names.first : nil) else {
            throw JSONError(
                at: .path(path), "the model has \(names.count) outputs, expected the name of one of \(shown)")
        }
        guard let found = graph.outputs.first(where: { $0.name == name }) else {
            let hint = NearestName.nearest(to: name, among: names).map { "; did you mean \"\($0)\"?" } ?? ""
            throw JSONError(
                at: .path(path),
                "found \(Setting.found(.string(name))), expected one of the outputs \(shown)\(hint)")
        }
        guard found.elementType == .float32, found.hasBatchDimension else {
            throw mismatch(found, "float32 predictions with the batch first", path)
        }
        return found
    }

    private static func mismatch(_ found: ValueInfo, _ expected: String, _ path: String) -> JSONError {
        let shape = found.dimensions.map(\.description).joined(separator: ", ")
        return JSONError(
            at: .path(path),
            "the model's output '\(found.name)' is \(found.elementType.rawValue) [\(shape)], expected \(expected)")
    }
}
