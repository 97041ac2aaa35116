import JSONDocuments
import ModelRegistry

/// Reads the JSON object of a request (Open Inference Protocol V2, `$inference_request`).
///
/// Members that the protocol does not name are ignored; optional ones may be null; none that is read may come twice.
struct RequestReader {
    let limits: RequestLimits
    var inputs: InputReader

    init(limits: RequestLimits, jsonBytes: Int, binaryTail: UnsafeRawBufferPointer?) {
        self.limits = limits
        self.inputs = InputReader(limits: limits, jsonBytes: jsonBytes, binaryTail: binaryTail)
    }

    mutating func read(
        _ root: JSONElement, _ headers: some HeaderFields, _ attribution: inout Attribution
    ) throws(DecodeFailure) -> InferenceRequest {
        guard let members = root.members else {
            throw .malformed("value: found \(root.kind), expected an inference request object")
        }
        attribution.isRequest = true
        // Looked up first, so that an error further on can be attributed.
        if let id = root.member("id")?.utf8, id.count <= limits.maximumIDBytes {
            attribution.requestID = String(decoding: id, as: UTF8.self)
        }

        var id, modelName, modelVersion, parameters, inputList, outputList: JSONElement?
        for (key, value) in members {
            switch key {
            case "id": try once(&id, value, "id")
            case "model_name": try once(&modelName, value, "model_name")
            case "model_version": try once(&modelVersion, value, "model_version")
            case "parameters": try once(&parameters, value, "parameters")
            case "inputs": try once(&inputList, value, "inputs")
            case "outputs": try once(&outputList, value, "outputs")
            default: break
            }
        }
        try checkID(id)
        let (values, binaryByDefault) = try requestParameters(parameters)
        let outputs = try requestedOutputs(outputList, binaryByDefault: binaryByDefault)
        let encoding = Self.encoding(outputs, binaryByDefault: binaryByDefault)
        attribution.encoding = encoding
        let routing = try RoutingHeaders(
            headers, bodyModel: try name(modelName, "model_name"), bodyVersion: try version(modelVersion),
            limits: limits)
        let tensors = try inputs.readAll(inputList)
        return InferenceRequest(
            id: attribution.requestID, model: routing.model, inputs: tensors, texts: inputs.texts,
            requestedOutputs: outputs, encoding: encoding, parameters: values, deadline: routing.deadline,
            traceparent: routing.traceparent)
    }

    private func checkID(_ id: JSONElement?) throws(DecodeFailure) {
        guard let id, !id.isNull else { return }
        guard let text = id.utf8 else { throw .malformed("id: found \(id.summary), expected a string") }
        guard text.count <= limits.maximumIDBytes else {
            throw .tooLarge("id: found \(text.count) bytes, expected at most \(limits.maximumIDBytes)")
        }
    }

    /// A name of the body; nil when absent or null.
    private func name(_ element: JSONElement?, _ path: String) throws(DecodeFailure) -> String? {
        guard let element, !element.isNull else { return nil }
        return try requiredName(element, limits, path)
    }

    /// `model_version` is a string in the protocol; numbers are common enough to be read as well.
    private func version(_ element: JSONElement?) throws(DecodeFailure) -> String? {
        guard let element, !element.isNull else { return nil }
        if let number = element.int64, number > 0 { return String(number) }
        guard let text = element.utf8 else {
            throw .malformed("model_version: found \(element.summary), expected a version number or an alias")
        }
        guard text.count <= limits.maximumNameBytes else {
            throw .tooLarge("model_version: found \(text.count) bytes, expected at most \(limits.maximumNameBytes)")
        }
        return text.isEmpty ? nil : String(decoding: text, as: UTF8.self)
    }

    /// The scalar parameters, and `binary_data_output`.
    private func requestParameters(
        _ element: JSONElement?
    ) throws(DecodeFailure) -> (values: [String: JSONValue], binaryByDefault: Bool) {
        guard let element, !element.isNull else { return ([:], false) }
        guard let members = element.members else {
            throw .malformed("parameters: found \(element.kind), expected an object")
        }
        var values: [String: JSONValue] = [:]
        var binaryByDefault: Bool?
        var count = 0
        for (key, value) in members {
            count += 1
            guard count <= limits.maximumParameters else {
                throw .tooLarge("parameters: found more than \(limits.maximumParameters) members")
            }
            guard key.count <= limits.maximumNameBytes else {
                throw .tooLarge("parameters: a name of \(key.count) bytes, expected at most \(limits.maximumNameBytes)")
            }
            let name = String(decoding: key, as: UTF8.self)
            if let text = value.utf8, text.count > limits.maximumParameterBytes {
                throw .tooLarge(
                    "parameters.\(quoted(name)): found \(text.count) bytes, "
                        + "expected at most \(limits.maximumParameterBytes)")
            }
            if key == "binary_data_output" {
                guard binaryByDefault == nil else { throw duplicate("parameters.binary_data_output") }
                binaryByDefault = try flag(value, "parameters.binary_data_output")
            }
            // Some clients put whole objects here for extensions of their own.
            guard let scalar = value.scalar else { continue }
            guard values.updateValue(scalar, forKey: name) == nil else { throw duplicate("parameters.\(quoted(name))") }
        }
        return (values, binaryByDefault ?? false)
    }

    private func requestedOutputs(
        _ element: JSONElement?, binaryByDefault: Bool
    ) throws(DecodeFailure) -> [RequestedOutput]? {
        guard let element, !element.isNull else { return nil }
        guard let elements = element.elements else {
            throw .malformed("outputs: found \(element.kind), expected an array")
        }
        var outputs: [RequestedOutput] = []
        var names: Set<String> = []
        for (index, output) in elements.enumerated() {
            guard index < limits.maximumOutputs else {
                throw .tooLarge("outputs: found more than \(limits.maximumOutputs) elements")
            }
            let output = try requestedOutput(output, index, binaryByDefault: binaryByDefault)
            guard names.insert(output.name).inserted else {
                throw .invalid("outputs[\(index)].name: found \(quoted(output.name)) a second time")
            }
            outputs.append(output)
        }
        return outputs.isEmpty ? nil : outputs
    }

    private func requestedOutput(
        _ element: JSONElement, _ index: Int, binaryByDefault: Bool
    ) throws(DecodeFailure) -> RequestedOutput {
        guard let members = element.members else {
            throw .malformed("outputs[\(index)]: found \(element.summary), expected an object")
        }
        var nameElement, parameters: JSONElement?
        for (key, value) in members {
            switch key {
            case "name": try once(&nameElement, value, "outputs[\(index)].name")
            case "parameters": try once(&parameters, value, "outputs[\(index)].parameters")
            default: break
            }
        }
        let name = try requiredName(nameElement, limits, "outputs[\(index)].name")
        var binary: Bool?
        if let parameters, !parameters.isNull {
            guard let members = parameters.members else {
                throw .malformed("outputs[\(index)].parameters: found \(parameters.kind), expected an object")
            }
            for (key, value) in members where key == "binary_data" {
                guard binary == nil else { throw duplicate("outputs[\(index)].parameters.binary_data") }
                binary = try flag(value, "outputs[\(index)].parameters.binary_data")
            }
        }
        return RequestedOutput(name: name, binary: binary ?? binaryByDefault)
    }

    private func flag(_ element: JSONElement, _ path: @autoclosure () -> String) throws(DecodeFailure) -> Bool {
        guard let flag = element.bool else {
            throw .malformed("\(path()): found \(element.summary), expected true or false")
        }
        return flag
    }

    private static func encoding(_ outputs: [RequestedOutput]?, binaryByDefault: Bool) -> ResponseEncoding {
        let byName = Dictionary((outputs ?? []).map { ($0.name, $0.binary) }, uniquingKeysWith: { first, _ in first })
        guard binaryByDefault || byName.values.contains(true) else { return .json }
        return .jsonWithBinary(.init(byDefault: binaryByDefault, byName: byName))
    }
}

/// Fills a member that may come once. Document parsers disagree on which of two duplicates counts, so neither does.
func once(
    _ slot: inout JSONElement?, _ value: JSONElement, _ path: @autoclosure () -> String
) throws(DecodeFailure) {
    guard slot == nil else { throw duplicate(path()) }
    slot = value
}

func duplicate(_ path: String) -> DecodeFailure { .malformed("\(path): found twice, expected once") }

/// A name that must be there and not be empty.
func requiredName(
    _ element: JSONElement?, _ limits: RequestLimits, _ path: @autoclosure () -> String
) throws(DecodeFailure) -> String {
    guard let element else { throw .malformed("\(path()): missing") }
    guard let text = element.utf8, !text.isEmpty else {
        throw .malformed("\(path()): found \(element.summary), expected a name")
    }
    guard text.count <= limits.maximumNameBytes else {
        throw .tooLarge("\(path()): found \(text.count) bytes, expected at most \(limits.maximumNameBytes)")
    }
    return String(decoding: text, as: UTF8.self)
}
