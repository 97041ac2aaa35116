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
    /// CloudEvents `expirytime` in binary mode.
    public static let expiryTime = "ce_expirytime"
    /// W3C Trace Context.
    public static let traceparent = "traceparent"
}

/// The values of the `content-type` header.
public enum MediaType {
    public static let json = "application/json"
    /// JSON followed by raw tensors, as the binary tensor data extension names it.
    public static let octetStream = "application/octet-stream"
}
