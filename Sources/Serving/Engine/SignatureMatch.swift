package import TensorEngine

/// A request's tensors checked against a model's signature and put in the model's order.
package struct SignatureMatch: Sendable {
    /// One tensor for each input of the model, in its order.
    package let inputs: [Tensor]
    /// Whether rows of several requests may run together; else the request runs alone and counts as one row.
    package let isBatched: Bool
    /// Extent of the batch dimension; 1 without one.
    package let rowCount: Int
    /// The shape of one row of each input; the whole shape when the model has no batch dimension.
    package let rowShapes: [Shape]
    /// Input bytes of one row.
    package let bytesPerRow: Int
    /// Positions among the model's outputs, in the order in which the response lists them.
    package let outputIndices: [Int]

    /// - Throws: ``RequestError`` with the code `INVALID_INPUT`; it names the input, what was found and what the
    ///   signature expects.
    package init(
        _ request: InferenceRequest, inputs signature: [ValueInfo], outputs: [ValueInfo]
    ) throws(RequestError) {
        let given = try request.rawInput.map { raw throws(RequestError) in [try raw.completed(by: signature)] }
        let isBatched = signature.allSatisfy(\.hasBatchDimension) && outputs.allSatisfy(\.hasBatchDimension)
        var matcher = InputMatcher(
            given ?? request.inputs, requestID: request.id, signature: signature, isBatched: isBatched)
        for declared in signature { try matcher.match(declared) }
        try matcher.refuseUnknownInputs()
        self.inputs = matcher.tensors
        self.isBatched = isBatched
        self.rowCount = matcher.rows?.count ?? 1
        self.rowShapes = matcher.rowShapes
        self.bytesPerRow = matcher.bytesPerRow
        self.outputIndices = try Self.outputIndices(of: request, among: outputs)
    }

    private static func outputIndices(
        of request: InferenceRequest, among outputs: [ValueInfo]
    ) throws(RequestError) -> [Int] {
        guard let requested = request.requestedOutputs, !requested.isEmpty else {
            guard request.encoding != .rawBody || outputs.count == 1 else {
                throw RequestError.rawOutputCount(outputs.map(\.name), requestID: request.id)
            }
            return Array(outputs.indices)
        }
        var indices: [Int] = []
        for (position, output) in requested.enumerated() {
            guard let index = outputs.firstIndex(where: { $0.name == output.name }) else {
                let field = request.encoding == .rawBody ? "header \(HeaderName.output)" : "outputs[\(position)].name"
                throw RequestError(
                    .invalidInput, "\(field): found \"\(output.name)\", expected \(list(outputs.map(\.name)))",
                    requestID: request.id)
            }
            guard !indices.contains(index) else {
                throw RequestError(
                    .invalidInput, "outputs[\(position)].name: \"\(output.name)\" is asked for twice",
                    requestID: request.id)
            }
            indices.append(index)
        }
        return indices
    }

    fileprivate static func list(_ names: [String]) -> String {
        names.isEmpty ? "none" : names.map { "\"\($0)\"" }.joined(separator: ", ")
    }
}

/// Goes through a signature input by input.
private struct InputMatcher {
    let given: [NamedTensor]
    let requestID: String?
    let signature: [ValueInfo]
    let isBatched: Bool
    var tensors: [Tensor] = []
    var rows: (count: Int, input: String)?
    var rowShapes: [Shape] = []
    var bytesPerRow = 0
    /// Extents that symbols stand for in this request.
    private var symbols: [String: (extent: Int, input: String)] = [:]

    init(_ given: [NamedTensor], requestID: String?, signature: [ValueInfo], isBatched: Bool) {
        self.given = given
        self.requestID = requestID
        self.signature = signature
        self.isBatched = isBatched
    }

    mutating func match(_ declared: ValueInfo) throws(RequestError) {
        guard let position = given.firstIndex(where: { $0.name == declared.name }) else {
            throw refusal(
                "inputs: found \(SignatureMatch.list(given.map(\.name))), "
                    + "expected \(SignatureMatch.list(signature.map(\.name))); \"\(declared.name)\" is missing")
        }
        let field = { "inputs[\(position)] (\"\(declared.name)\")" }
        let tensor = given[position].tensor
        guard tensor.elementType == declared.elementType else {
            throw refusal(
                "\(field()).datatype: found \(Datatype(tensor.elementType).rawValue), "
                    + "expected \(Datatype(declared.elementType).rawValue)")
        }
        try checkShape(tensor.shape, declared, field: field)
        tensors.append(tensor)
        guard isBatched, let count = tensor.shape.dimensions.first else {
            rowShapes.append(tensor.shape)
            bytesPerRow += tensor.byteCount
            return
        }
        guard count > 0 else {
            throw refusal("\(field()).shape: found \(tensor.shape), expected at least one row")
        }
        if let rows, rows.count != count {
            throw refusal("\(field()).shape: found \(count) rows, expected \(rows.count) as in input \"\(rows.input)\"")
        }
        rows = (count, declared.name)
        guard let rowShape = try? Shape(Array(tensor.shape.dimensions.dropFirst())) else {
            throw refusal("\(field()).shape: \(tensor.shape) is too large")
        }
        rowShapes.append(rowShape)
        bytesPerRow += tensor.byteCount / count
    }

    func refuseUnknownInputs() throws(RequestError) {
        for (position, input) in given.enumerated() where !signature.contains(where: { $0.name == input.name }) {
            throw refusal(
                "inputs[\(position)].name: found \"\(input.name)\", "
                    + "expected \(SignatureMatch.list(signature.map(\.name)))")
        }
    }

    /// Equal symbols must be equal extents throughout the request; the batch is compared by its rows.
    private mutating func checkShape(_ shape: Shape, _ declared: ValueInfo, field: () -> String) throws(RequestError) {
        // Made only when needed: this is every request's way.
        var mismatch: RequestError { refusal("\(field()).shape: found \(shape), expected \(declared.shapeText)") }
        guard shape.rank == declared.dimensions.count else { throw mismatch }
        for (extent, dimension) in zip(shape.dimensions, declared.dimensions) {
            switch dimension {
            case .fixed(let expected):
                guard extent == expected else { throw mismatch }
            case .symbolic(let name) where dimension != .batch:
                if let known = symbols[name], known.extent != extent {
                    throw refusal(
                        "\(field()).shape: found \(shape), expected \(declared.shapeText) "
                            + "with \(name) = \(known.extent) as in input \"\(known.input)\"")
                }
                symbols[name] = (extent, declared.name)
            case .symbolic:
                continue
            }
        }
    }

    private func refusal(_ message: String) -> RequestError {
        RequestError(
            .invalidInput, message, requestID: requestID)
    }
}

extension ValueInfo {
    /// The declared shape as messages show it: `[batch, 64]`.
    package var shapeText: String { "[\(dimensions.map(\.description).joined(separator: ", "))]" }
}
