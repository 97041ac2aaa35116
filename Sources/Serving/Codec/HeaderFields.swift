/// The headers of a record or of an HTTP message.
public protocol HeaderFields {
    /// The first value of the header, or nil when there is none. Names are given in lower case; a transport whose names
    /// ignore case compares them so.
    func firstValue(named name: String) -> ArraySlice<UInt8>?
}

/// The names of the headers that requests and answers carry.
public enum HeaderName {
    public static let contentType = "content-type"
    /// The length of the JSON that precedes binary tensors (the protocol's binary tensor data extension).
    public static let inferenceHeaderContentLength = "inference-header-content-length"
    public static let model = "millrace-model"
    public static let version = "millrace-version"
    public static let mlserverModel = "mlserver-model"
    public static let mlserverVersion = "mlserver-version"
    /// What describes the tensor of a raw body, in requests and answers: its name,
    public static let input = "millrace-input"
    /// extents such as `1,64`,
    public static let shape = "millrace-shape"
    /// and datatype.
    public static let datatype = "millrace-datatype"
    /// The output that a raw request asks for, and the one that a raw answer holds.
    public static let output = "millrace-output"
    /// CloudEvents `expirytime` in binary mode.
    public static let expiryTime = "ce_expirytime"
    /// W3C Trace Context.
    public static let traceparent = "traceparent"
}

/// The values of the `content-type` header.
public enum MediaType {
    public static let json = "application/json"
    /// With `Inference-Header-Content-Length`, JSON followed by raw tensors (the binary tensor data extension); without
    /// it, or when it is 0, the bytes of one tensor.
    public static let octetStream = "application/octet-stream"
    /// `ModelInferRequest` and `ModelInferResponse`.
    public static let protobuf = "application/x-protobuf"
    /// Other names for the same, in requests.
    static let protobufAliases = ["application/protobuf", "application/vnd.google.protobuf"]
}
