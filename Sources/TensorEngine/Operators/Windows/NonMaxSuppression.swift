/// NonMaxSuppression (opset 10, 11): the boxes of each class that no better one overlaps by more than a threshold.
struct NonMaxSuppressionOperator: WholeTensorOperator {
    private let isCentered: Bool

    init(_ node: inout NodeReader) throws(GraphError) { isCentered = try node.bool("center_point_box", default: false) }

    func evaluate(_ operands: Operands) throws(GraphError) -> [Tensor] {
        let (boxes, scores) = (
            try operands.constant(0, meaning: "boxes"), try operands.constant(1, meaning: "scores")
        )
        guard boxes.elementType == .float32, scores.elementType == .float32, boxes.shape.rank == 3, boxes.shape[2] == 4,
            scores.shape.rank == 3, scores.shape[0] == boxes.shape[0], scores.shape[2] == boxes.shape[1]
        else {
            throw operands.error(
                .shapeMismatch,
                "boxes are \(boxes.shape), scores \(scores.shape): expected [batch, boxes, 4] and [batch, classes, boxes]"
            )
        }
        let limit =
            operands.has(2) ? try operands.constantIntegers(2, meaning: "max_output_boxes_per_class").first ?? 0 : 0
        func threshold(_ index: Int, _ name: String) throws(GraphError) -> Float? {
            guard operands.has(index) else { return nil }
            let value = try operands.constant(index, meaning: name)
            guard value.elementType == .float32, value.shape.elementCount == 1 else {
                throw operands.error(.shapeMismatch, "\(name) is \(value.shape), expected one float32")
            }
            return value.withElements(Float.self) { $0[0] }
        }
        let overlap = try threshold(3, "iou_threshold") ?? 0
        let least = try threshold(4, "score_threshold")
        let (count, classes) = (boxes.shape[1], scores.shape[1])
        let corners = boxes.withElements(Float.self) { Array($0) }
        let values = scores.withElements(Float.self) { Array($0) }
        var selected: [Int64] = []
        for batch in 0..<boxes.shape[0] {
            for label in 0..<classes {
                let base = (batch * classes + label) * count
                let order = (0..<count).filter { index in least.map { values[base + index] > $0 } ?? true }
                    .sorted { (values[base + $1], $0) < (values[base + $0], $1) }
                var chosen: [Int] = []
                for index in order where chosen.count < limit {
                    let box = self.box(corners, batch * count + index)
                    let isFree = chosen.allSatisfy {
                        Self.overlap(box, self.box(corners, batch * count + $0)) <= overlap
                    }
                    if isFree { chosen.append(index) }
                }
                for index in chosen { selected += [Int64(batch), Int64(label), Int64(index)] }
            }
        }
        let shape = try operands.makeShape([selected.count / 3, 3])
        return [
            Tensor(.int64, shape: shape) { target in
                selected.withUnsafeBytes { if !$0.isEmpty { target.copyMemory(from: $0) } }
            }
        ]
    }

    /// The least and greatest coordinates.
    private func box(_ corners: [Float], _ index: Int) -> (Float, Float, Float, Float) {
        let (a, b, c, d) = (
            corners[4 * index], corners[4 * index + 1], corners[4 * index + 2], corners[4 * index + 3]
        )
        if isCentered { return (a - c / 2, b - d / 2, a + c / 2, b + d / 2) }
        return (min(a, c), min(b, d), max(a, c), max(b, d))
    }

    /// Intersection over union.
    private static func overlap(_ a: (Float, Float, Float, Float), _ b: (Float, Float, Float, Float)) -> Float {
        let width = max(0, min(a.2, b.2) - max(a.0, b.0))
        let height = max(0, min(a.3, b.3) - max(a.1, b.1))
        let common = width * height
        let union = (a.2 - a.0) * (a.3 - a.1) + (b.2 - b.0) * (b.3 - b.1) - common
        return union <= 0 ? 0 : common / union
    }
}
