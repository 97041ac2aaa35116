/// Names of the record headers that Millrace reads and writes; listed for clients in the AsyncAPI document.
package enum RecordHeaderName {
    package static let contentType = "content-type"
    package static let traceparent = "traceparent"
    // CloudEvents 1.0, Kafka protocol binding, binary content mode: attributes are headers named `ce_…`.
    package static let eventSpecificationVersion = "ce_specversion"
    package static let eventID = "ce_id"
    package static let eventType = "ce_type"
    package static let eventSource = "ce_source"
    // Provenance of a result.
    package static let status = "millrace-status"
    package static let model = "millrace-model"
    package static let version = "millrace-version"
    package static let weights = "millrace-weights"
    package static let source = "millrace-source"
    package static let activation = "millrace-activation"
    package static let engine = "millrace-engine"
}

extension RecordHeaderName {
    /// `ce_type` of a prediction and of a typed error.
    package static let predictionEventType = "millrace.inference.prediction"
    package static let errorEventType = "millrace.inference.error"
}
