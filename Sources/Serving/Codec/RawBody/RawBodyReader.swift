import TensorEngine

/// Reads a request whose whole value is the bytes of its one input; headers say what the value does not.
struct RawBodyReader {
    let limits: RequestLimits

    func read(
        _ value: ArraySlice<UInt8>, _ headers: some HeaderFields
    ) throws(DecodeFailure) -> InferenceRequest {
        let reader = HeaderReader(limits: limits)
        let datatypeName = try reader.text(headers, HeaderName.datatype)
        let datatype: Datatype? =
            if let datatypeName { try Datatype(named: datatypeName, "header \(HeaderName.datatype)") } else { nil }
        let shape = try shape(headers)
        var budget = ElementBudget(limits)
        if let shape { try budget.take(shape, "header \(HeaderName.shape)") }
        if let shape, let datatype, datatype.byteCount(shape) != value.count {
            let expected = datatype.byteCount(shape).map(String.init) ?? "more"
            throw .invalid("value: found \(value.count) bytes, expected \(expected) for \(datatype.rawValue) \(shape)")
        }
        let output = try reader.text(headers, HeaderName.output)
        let routing = try RoutingHeaders(headers, bodyModel: nil, bodyVersion: nil, limits: limits)
        return InferenceRequest(
            model: routing.model, inputs: [],
            rawInput: RawInput(
                name: try reader.text(headers, HeaderName.input), datatype: datatype, shape: shape, bytes: value),
            requestedOutputs: output.map { [RequestedOutput(name: $0, binary: true)] }, encoding: .rawBody,
            deadline: routing.deadline, traceparent: routing.traceparent)
    }

    /// Extents such as `1,64`; nil when absent. A scalar has no extents to write: its shape is the signature's.
    private func shape(_ headers: some HeaderFields) throws(DecodeFailure) -> Shape? {
        guard let text = try HeaderReader(limits: limits).text(headers, HeaderName.shape) else { return nil }
        let path = "header \(HeaderName.shape)"
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        guard parts.count <= limits.maximumRank else {
            throw .tooLarge("\(path): found \(parts.count) dimensions, expected at most \(limits.maximumRank)")
        }
        var dimensions: [Int] = []
        for part in parts {
            let digits = part.trimmingSpaces
            guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let extent = Int(digits)
            else {
                throw .malformed("\(path): found \(quoted(text)), expected extents such as \"1,64\"")
            }
            dimensions.append(extent)
        }
        do throws(TensorError) {
            return try Shape(dimensions)
        } catch {
            throw .invalid("\(path): \(error)")
        }
    }
}

extension Substring {
    fileprivate var trimmingSpaces: Substring {
        var rest = self.drop { $0 == " " }
        while rest.last == " " { rest.removeLast() }
        return rest
    }
}
