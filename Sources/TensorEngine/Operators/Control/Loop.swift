/// Loop (opset 1 to 25): a graph repeated while a condition holds, a number of times, or both.
struct LoopOperator: WholeTensorOperator {
    /// Its graphs read them.
    static var strings: StringHandling { .read }

    private let body: Subgraph
    private let carriedCount: Int

    init(_ node: inout NodeReader) throws(GraphError) {
        body = try node.subgraph("body")
        let inputs = node.node.node.inputs.count - node.node.captures.count
        guard inputs >= 2, body.inputNames.count == inputs else {
            throw node.error(
                .invalidGraph,
                "the body has \(body.inputNames.count) inputs, the node \(inputs): expected as many, at least 2")
        }
        carriedCount = inputs - 2
        let outputs = node.node.node.outputs.count
        guard body.outputCount == outputs + 1, outputs >= carriedCount else {
            throw node.error(
                .invalidGraph,
                "the body has \(body.outputCount) outputs, expected the condition and the node's \(outputs)")
        }
    }

    func evaluate(_ operands: Operands) throws(GraphError) -> [Tensor] {
        let trips = operands.has(0) ? try operands.constantIntegers(0, meaning: "trip count").first ?? 0 : Int.max
        var holds = operands.has(1) ? try operands.condition(1) : true
        let captures = try operands.captures()
        var carried: [Tensor] = []
        for index in 0..<carriedCount { carried.append(try operands.constant(2 + index, meaning: "carried value")) }
        var scans = (carriedCount + 1..<body.outputCount).map { _ in SlicesAlongAxis() }
        var trip = 0
        while holds, trip < trips {
            guard trip < operands.options.maximumLoopTripCount else {
                throw operands.error(
                    .limitExceeded, "runs more than the \(operands.options.maximumLoopTripCount) times that are allowed"
                )
            }
            let inputs = [Tensor(scalar: Int64(trip)), Tensor(scalar: holds)] + carried
            let outputs = try body.run(inputs, captures: captures, operands)
            guard outputs[0].elementType == .bool, outputs[0].shape.elementCount == 1 else {
                throw operands.error(
                    .shapeMismatch,
                    "the body's condition is \(outputs[0].elementType.rawValue) \(outputs[0].shape), expected one bool")
            }
            // Without a condition the body's is not looked at (ONNX, "for loop").
            holds = operands.has(1) ? outputs[0].withElements(Bool.self) { $0[0] } : true
            carried = Array(outputs[1..<carriedCount + 1])
            for index in scans.indices { try scans[index].append(outputs[carriedCount + 1 + index], operands) }
            trip += 1
        }
        var results = carried
        for scan in scans { results.append(try scan.joined(axis: 0, reversed: false, operands)) }
        return results
    }
}

extension Tensor {
    init<Element: TensorElement>(scalar: Element) {
        self.init(Element.elementType, shape: []) { $0.storeBytes(of: scalar, as: Element.self) }
    }
}
