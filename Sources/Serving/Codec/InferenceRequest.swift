public import JSONDocuments
public import ModelRegistry
public import TensorEngine

/// A tensor under the name that the model's signature gives it.
public struct NamedTensor: Sendable {
    public var name: String
    public var tensor: Tensor
    public var datatype: Datatype { Datatype(tensor.elementType) }

    public init(name: String, tensor: Tensor) {
        self.name = name
        self.tensor = tensor
    }
}

/// An output that the request asks for by name.
public struct RequestedOutput: Sendable, Hashable {
    public var name: String
    /// Whether it comes back as raw bytes behind the JSON.
    public var binary: Bool

    public init(name: String, binary: Bool = false) {
        self.name = name
        self.binary = binary
    }
}

/// How a request wants its response.
public enum ResponseEncoding: Sendable, Hashable {
    /// JSON throughout.
    case json
    /// JSON with raw tensors behind it, by the binary tensor data extension.
    case jsonWithBinary(BinaryOutputs)
    /// `ModelInferResponse`; its tensors as raw bytes or as typed numbers.
    case protobuf(raw: Bool)
    /// The bytes of one output and nothing else; headers describe it.
    case rawBody

    /// Which outputs are raw.
    public struct BinaryOutputs: Sendable, Hashable {
        /// The request's `binary_data_output`: what holds for an output that says nothing itself.
        public var byDefault: Bool
        /// The `binary_data` of single outputs.
        public var byName: [String: Bool]

        public init(byDefault: Bool, byName: [String: Bool] = [:]) {
            self.byDefault = byDefault
            self.byName = byName
        }
    }

    func isBinary(_ output: String) -> Bool {
        switch self {
        case .json: false
        case .protobuf(let raw): raw
        case .rawBody: true
        case .jsonWithBinary(let outputs): outputs.byName[output] ?? outputs.byDefault
        }
    }
}

/// An inference request, whatever it was written in.
public struct InferenceRequest: Sendable {
    public var id: String?
    /// Nil: the topic's binding decides.
    public var model: ModelReference?
    /// At least one, unless there is a ``rawInput`` or text; names are unique. Shapes and datatypes are the request's own, not yet
    /// checked against a model.
    public var inputs: [NamedTensor]
    /// Inputs of strings, for a model that has a tokenizer.
    public var texts: [NamedText]
    /// The only input, when it is bytes that the model's signature has to complete.
    public var rawInput: RawInput?
    /// Nil: all outputs of the model.
    public var requestedOutputs: [RequestedOutput]?
    public var encoding: ResponseEncoding
    /// The request's scalar parameters: strings, numbers and booleans.
    public var parameters: [String: JSONValue]
    /// Milliseconds since 1970-01-01T00:00:00Z (`ce_expirytime`, rounded down); after it the answer is of no use.
    public var deadline: Int64?
    /// W3C Trace Context of the caller, well-formed.
    public var traceparent: String?

    public init(
        id: String? = nil, model: ModelReference? = nil, inputs: [NamedTensor], texts: [NamedText] = [],
        rawInput: RawInput? = nil,
        requestedOutputs: [RequestedOutput]? = nil, encoding: ResponseEncoding = .json,
        parameters: [String: JSONValue] = [:], deadline: Int64? = nil, traceparent: String? = nil
    ) {
        self.id = id
        self.model = model
        self.inputs = inputs
        self.texts = texts
        self.rawInput = rawInput
        self.requestedOutputs = requestedOutputs
        self.encoding = encoding
        self.parameters = parameters
        self.deadline = deadline
        self.traceparent = traceparent
    }
}

/// A prediction.
public struct InferenceResponse: Sendable {
    public var modelName: String
    /// Nil for a model outside of the registry, which has none.
    public var modelVersion: Int?
    /// The request's id.
    public var id: String?
    public var outputs: [NamedTensor]

    public init(modelName: String, modelVersion: Int?, id: String? = nil, outputs: [NamedTensor]) {
        self.modelName = modelName
        self.modelVersion = modelVersion
        self.id = id
        self.outputs = outputs
    }
}

/// An answer as it goes out: the value of a record or the body of an HTTP response.
public struct EncodedMessage: Sendable {
    public var value: [UInt8]
    public var contentType: String
    /// Besides `content-type`.
    public var headers: [(name: String, value: [UInt8])]

    public init(value: [UInt8], contentType: String, headers: [(name: String, value: [UInt8])] = []) {
        self.value = value
        self.contentType = contentType
        self.headers = headers
    }
}
