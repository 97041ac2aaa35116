/// Scan (opset 8 to 25): a graph over the slices of its operands along an axis, with state.
struct ScanOperator: WholeTensorOperator {
    /// Its graphs read them.
    static var strings: StringHandling { .read }

    private let body: Subgraph
    private let scanCount: Int
    private let stateCount: Int
    private let inputAxes: [Int]
    private let outputAxes: [Int]
    private let reversesInput: [Bool]
    private let reversesOutput: [Bool]
    /// Opset 8 has a batch axis in front, and the lengths of its sequences as a first operand.
    private let isBatched: Bool

    init(_ node: inout NodeReader) throws(GraphError) {
        isBatched = node.operatorSetVersion < 9
        body = try node.subgraph("body")
        scanCount = try node.int("num_scan_inputs", default: 0)
        let inputs = node.node.node.inputs.count - node.node.captures.count - (isBatched ? 1 : 0)
        guard scanCount > 0, scanCount <= inputs, body.inputNames.count == inputs else {
            throw node.error(
                .invalidGraph,
                "num_scan_inputs is \(scanCount) of \(inputs) inputs, and the body has \(body.inputNames.count)")
        }
        stateCount = inputs - scanCount
        let outputs = node.node.node.outputs.count
        guard body.outputCount == outputs, outputs >= stateCount else {
            throw node.error(
                .invalidGraph, "the body has \(body.outputCount) outputs, the node \(outputs), expected as many")
        }
        let scanOutputs = outputs - stateCount
        func list(_ name: String, _ count: Int) throws(GraphError) -> [Int] {
            guard let values = try node.ints(name) else { return [Int](repeating: 0, count: count) }
            guard values.count == count else {
                throw node.error(.invalidGraph, "\(name) has \(values.count) values, expected \(count)")
            }
            return values
        }
        inputAxes = try list("scan_input_axes", scanCount)
        outputAxes = try list("scan_output_axes", scanOutputs)
        reversesInput = try list(isBatched ? "directions" : "scan_input_directions", scanCount).map { $0 != 0 }
        reversesOutput = try list("scan_output_directions", scanOutputs).map { $0 != 0 }
    }

    func evaluate(_ operands: Operands) throws(GraphError) -> [Tensor] {
        var values: [Tensor] = []
        for index in (isBatched ? 1 : 0)..<operands.explicitCount {
            values.append(try operands.constant(index, meaning: "value"))
        }
        guard isBatched else { return try scan(values, operands) }
        guard !operands.has(0) else {
            throw operands.error(.unsupported, "sequence lengths are not supported, expected them omitted")
        }
        // Each batch by itself, then one above the other.
        guard let batches = values.first?.shape.dimensions.first,
            values.allSatisfy({ $0.shape.dimensions.first == batches }), batches > 0
        else { throw operands.error(.shapeMismatch, "operands differ in their batch extent") }
        var results = (0..<body.outputCount).map { _ in SlicesAlongAxis() }
        for batch in 0..<batches {
            var parts: [Tensor] = []
            for value in values { parts.append(try value.slice(axis: 0, at: batch, operands)) }
            for (index, output) in try scan(parts, operands).enumerated() {
                try results[index].append(output, operands)
            }
        }
        var joined: [Tensor] = []
        for result in results { joined.append(try result.joined(axis: 0, reversed: false, operands)) }
        return joined
    }

    private func scan(_ values: [Tensor], _ operands: Operands) throws(GraphError) -> [Tensor] {
        let captures = try operands.captures()
        var state = Array(values[..<stateCount])
        let scanned = Array(values[stateCount...])
        var axes: [Int] = []
        for (value, axis) in zip(scanned, inputAxes) {
            axes.append(try operands.normalizedAxis(axis, rank: value.shape.rank))
        }
        let length = scanned[0].shape[axes[0]]
        guard zip(scanned, axes).allSatisfy({ $0.shape[$1] == length }) else {
            throw operands.error(.shapeMismatch, "operands differ in the extent that is scanned")
        }
        guard length <= operands.options.maximumLoopTripCount else {
            throw operands.error(
                .limitExceeded, "\(length) steps, at most \(operands.options.maximumLoopTripCount) are allowed")
        }
        var scans = outputAxes.map { _ in SlicesAlongAxis() }
        for step in 0..<length {
            var inputs = state
            for index in scanned.indices {
                let position = reversesInput[index] ? length - 1 - step : step
                inputs.append(try scanned[index].slice(axis: axes[index], at: position, operands))
            }
            let outputs = try body.run(inputs, captures: captures, operands)
            state = Array(outputs[..<stateCount])
            for index in scans.indices { try scans[index].append(outputs[stateCount + index], operands) }
        }
        var results = state
        for (index, scan) in scans.enumerated() {
            results.append(try scan.joined(axis: outputAxes[index], reversed: reversesOutput[index], operands))
        }
        return results
    }
}
