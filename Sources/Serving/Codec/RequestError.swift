/// Why a request got no prediction; the raw values are the codes on the wire.
public enum RequestErrorCode: String, Sendable, Hashable, CaseIterable {
    /// Not a request of the protocol: no JSON, a missing member, a member of the wrong type.
    case malformedRequest = "MALFORMED_REQUEST"
    case unknownModel = "UNKNOWN_MODEL"
    case unknownVersion = "UNKNOWN_VERSION"
    /// A readable request whose tensors contradict themselves or the model's signature.
    case invalidInput = "INVALID_INPUT"
    case unsupportedDatatype = "UNSUPPORTED_DATATYPE"
    /// Beyond a limit on size or number.
    case tooLarge = "TOO_LARGE"
    case deadlineExceeded = "DEADLINE_EXCEEDED"
    case overloaded = "OVERLOADED"
    case notPermitted = "NOT_PERMITTED"
    case `internal` = "INTERNAL"
}

/// The answer to a request that gets no prediction.
public struct RequestError: Error, Sendable, Hashable, CustomStringConvertible {
    public var code: RequestErrorCode
    /// Names the field, what was found and what was expected.
    public var message: String
    /// The request's `id`, when it could be read.
    public var requestID: String?
    /// Whether a request was recognised at all. False when nothing was decodable (no value, no JSON object, cut off, not
    /// UTF-8, too large to look at): such a record is dead-lettered besides being answered.
    public var isAttributable: Bool
    /// How the request wants its answers; errors are JSON all the same.
    public var encoding: ResponseEncoding
    /// The model is being loaded: the request may be tried again shortly. The code is what it gets if nobody waits.
    package var awaitsModel = false

    public init(
        _ code: RequestErrorCode, _ message: String, requestID: String? = nil, isAttributable: Bool = true,
        encoding: ResponseEncoding = .json
    ) {
        self.code = code
        self.message = message
        self.requestID = requestID
        self.isAttributable = isAttributable
        self.encoding = encoding
    }

    public var description: String { "\(code.rawValue): \(message)" }
}

/// A failure inside the decoder, before it is known whose request it is.
struct DecodeFailure: Error, Hashable {
    let code: RequestErrorCode
    let message: String

    init(_ code: RequestErrorCode, _ message: String) {
        self.code = code
        self.message = message
    }

    static func malformed(_ message: String) -> DecodeFailure { DecodeFailure(.malformedRequest, message) }
    static func invalid(_ message: String) -> DecodeFailure { DecodeFailure(.invalidInput, message) }
    static func tooLarge(_ message: String) -> DecodeFailure { DecodeFailure(.tooLarge, message) }
}

/// Foreign text for a message: in quotes, and cut so that a message stays readable.
func quoted(_ text: String) -> String {
    let head = text.prefix(64)
    return head.endIndex == text.endIndex ? "\"\(text)\"" : "\"\(head)…\""
}
