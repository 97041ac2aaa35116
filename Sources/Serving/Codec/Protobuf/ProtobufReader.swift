import FoundationEssentials
import JSONDocuments
import SwiftProtobuf
import TensorEngine

/// Reads a `ModelInferRequest`. Raw tensors are copied once, from the value into their tensors.
struct ProtobufReader {
    /// Requests nest four deep; what lies deeper is unknown to the protocol.
    private static let maximumDepth = 8

    let limits: RequestLimits

    func read(
        _ value: UnsafeRawBufferPointer, _ headers: some HeaderFields, _ attribution: inout Attribution
    ) throws(DecodeFailure) -> InferenceRequest {
        let scan: ProtobufScan
        do throws(ProtobufDamage) {
            scan = try ProtobufScan(value, limits: limits)
        } catch {
            throw error.failure
        }
        let usesRaw = !scan.rawInputs.isEmpty
        let encoding = ResponseEncoding.protobuf(raw: usesRaw)
        let id = scan.id.flatMap { String(validating: $0, as: UTF8.self) } ?? ""
        let isIDReadable = !id.isEmpty && id.utf8.count <= limits.maximumIDBytes
        if let excess = scan.excess {
            attribution = Attribution(isRequest: true, requestID: isIDReadable ? id : nil, encoding: encoding)
            throw excess
        }
        let message = try decode(value, scan)
        attribution = Attribution(isRequest: true, requestID: isIDReadable ? id : nil, encoding: encoding)

        _ = try checked(message.id, limits.maximumIDBytes, "id")
        let parameters = try parameters(message.parameters)
        let outputs = try requestedOutputs(message.outputs)
        let routing = try RoutingHeaders(
            headers, bodyModel: try checked(message.modelName, limits.maximumNameBytes, "model_name"),
            bodyVersion: try checked(message.modelVersion, limits.maximumNameBytes, "model_version"), limits: limits)
        let (tensors, texts) = try inputs(message.inputs, scan.rawInputs)
        return InferenceRequest(
            id: attribution.requestID, model: routing.model, inputs: tensors, texts: texts,
            requestedOutputs: outputs, encoding: encoding, parameters: parameters, deadline: routing.deadline,
            traceparent: routing.traceparent)
    }

    private func decode(
        _ value: UnsafeRawBufferPointer, _ scan: ProtobufScan
    ) throws(DecodeFailure) -> Inference_ModelInferRequest {
        var options = BinaryDecodingOptions()
        options.messageDepthLimit = Self.maximumDepth
        options.discardUnknownFields = true
        do {
            if scan.rawInputs.isEmpty {
                return try Inference_ModelInferRequest(serializedBytes: value.bytes, options: options)
            }
            // A message without some of its fields is still a message.
            var head: [UInt8] = []
            head.reserveCapacity(scan.remainder.reduce(0) { $0 + $1.count })
            for range in scan.remainder { head.append(contentsOf: value[range]) }
            return try Inference_ModelInferRequest(serializedBytes: head, options: options)
        } catch BinaryDecodingError.invalidUTF8 {
            throw .malformed("value: not a ModelInferRequest: a text is not UTF-8")
        } catch BinaryDecodingError.truncated {
            throw ProtobufDamage.truncated.failure
        } catch {
            throw ProtobufDamage.malformed.failure
        }
    }

    // MARK: Members

    /// A text of the message; nil when absent, which protobuf cannot tell from empty.
    private func checked(_ text: String, _ maximum: Int, _ path: String) throws(DecodeFailure) -> String? {
        guard text.utf8.count <= maximum else {
            throw .tooLarge("\(path): found \(text.utf8.count) bytes, expected at most \(maximum)")
        }
        return text.isEmpty ? nil : text
    }

    private func name(_ text: String, _ path: String) throws(DecodeFailure) -> String {
        guard let name = try checked(text, limits.maximumNameBytes, path) else { throw .malformed("\(path): missing") }
        return name
    }

    /// In the order of their names, so that the same request always gets the same error.
    private func parameters(
        _ map: [String: Inference_InferParameter]
    ) throws(DecodeFailure) -> [String: JSONValue] {
        var values: [String: JSONValue] = [:]
        for (name, parameter) in map.sorted(by: { $0.key < $1.key }) {
            guard name.utf8.count <= limits.maximumNameBytes else {
                throw .tooLarge(
                    "parameters: a name of \(name.utf8.count) bytes, expected at most \(limits.maximumNameBytes)")
            }
            switch parameter.parameterChoice {
            case .boolParam(let value): values[name] = .bool(value)
            case .int64Param(let value): values[name] = .integer(value)
            case .doubleParam(let value): values[name] = .real(value)
            // As in JSON, where integers beyond `Int64` become reals.
            case .uint64Param(let value):
                values[name] = Int64(exactly: value).map { .integer($0) } ?? .real(Double(value))
            case .stringParam(let value):
                _ = try checked(value, limits.maximumParameterBytes, "parameters.\(quoted(name))")
                values[name] = .string(value)
            case nil: continue
            }
        }
        return values
    }

    private func requestedOutputs(
        _ list: [Inference_ModelInferRequest.InferRequestedOutputTensor]
    ) throws(DecodeFailure) -> [RequestedOutput]? {
        var outputs: [RequestedOutput] = []
        var names: Set<String> = []
        for (index, output) in list.enumerated() {
            let name = try name(output.name, "outputs[\(index)].name")
            guard names.insert(name).inserted else {
                throw .invalid("outputs[\(index)].name: found \(quoted(name)) a second time")
            }
            outputs.append(RequestedOutput(name: name))
        }
        return outputs.isEmpty ? nil : outputs
    }

    // MARK: Inputs

    private func inputs(
        _ list: [Inference_ModelInferRequest.InferInputTensor], _ raw: [UnsafeRawBufferPointer]
    ) throws(DecodeFailure) -> (tensors: [NamedTensor], texts: [NamedText]) {
        guard !list.isEmpty else { throw .malformed("inputs: found none, expected at least one input") }
        guard raw.isEmpty || raw.count == list.count else {
            throw .malformed(
                "raw_input_contents: found \(raw.count) elements, expected \(list.count), one for each input")
        }
        var budget = ElementBudget(limits)
        var inputs: [NamedTensor] = []
        var texts: [NamedText] = []
        for (index, input) in list.enumerated() {
            let path = "inputs[\(index)]"
            let name = try name(input.name, "\(path).name")
            guard !inputs.contains(where: { $0.name == name }), !texts.contains(where: { $0.name == name }) else {
                throw .invalid("\(path).name: found \(quoted(name)) a second time")
            }
            guard !input.datatype.isEmpty else { throw .malformed("\(path).datatype: missing") }
            let isText = input.datatype == Datatype.bytes.rawValue
            let datatype = isText ? .bytes : try Datatype(named: input.datatype, "\(path).datatype")
            let shape = try shape(input.shape, path)
            try budget.take(shape, "\(path).shape")
            let contents = TypedContents(input.hasContents ? input.contents : nil, "\(path).contents")
            if isText {
                let values = try strings(contents, shape, raw.isEmpty ? nil : raw[index], index)
                texts.append(NamedText(name: name, shape: shape, values: values))
                continue
            }
            let tensor: Tensor
            if raw.isEmpty {
                tensor = try contents.tensor(datatype, shape)
            } else {
                try contents.refuseBesidesRaw()
                tensor = try Tensor(rawBytes: raw[index], datatype, shape, "raw_input_contents[\(index)]")
            }
            inputs.append(NamedTensor(name: name, tensor: tensor))
        }
        return (inputs, texts)
    }

    private func strings(
        _ contents: TypedContents, _ shape: Shape, _ raw: UnsafeRawBufferPointer?, _ index: Int
    ) throws(DecodeFailure) -> [String] {
        guard let raw else { return try contents.texts(shape) }
        try contents.refuseBesidesRaw()
        let path = "raw_input_contents[\(index)]"
        let values = try NamedText.rawStrings(raw, most: shape.elementCount, path, size: path)
        guard values.count == shape.elementCount else {
            throw .invalid("\(path): found \(values.count) strings, expected \(shape.elementCount) for shape \(shape)")
        }
        return values
    }

    private func shape(_ extents: [Int64], _ path: String) throws(DecodeFailure) -> Shape {
        guard extents.count <= limits.maximumRank else {
            throw .tooLarge("\(path).shape: found more than \(limits.maximumRank) dimensions")
        }
        var dimensions: [Int] = []
        for (axis, value) in extents.enumerated() {
            guard let extent = Int(exactly: value), extent >= 0 else {
                throw .invalid("\(path).shape[\(axis)]: found \(value), expected an extent ≥ 0")
            }
            dimensions.append(extent)
        }
        do throws(TensorError) {
            return try Shape(dimensions)
        } catch {
            throw .invalid("\(path).\(error)")
        }
    }
}
