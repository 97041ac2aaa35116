import JSONDocuments
import KafkaClient
package import ModelRegistry

/// How a request is to be answered that has been answered before.
package enum Precedent: Sendable {
    /// By this version, whatever the request asks for.
    case version(ModelReference)
    /// As the request asks. Deadlines do not count: they were judged when it was answered.
    case anew
    /// With this error, which was no function of the record: of the time, of what was known then, of a crash.
    case error(RequestError)
}

extension Precedent {
    /// Codes that say something of the moment of the answer and not of the request alone.
    private static let momentary: Set<String> = Set(
        [
            RequestErrorCode.deadlineExceeded, .overloaded, .notPermitted, .internal, .unknownModel, .unknownVersion,
        ].map(\.rawValue))

    /// The precedent that a recorded result sets.
    ///
    /// - Parameter model: answers every request in place of the version that answered it then.
    init(_ recorded: RecordedResult?, model: ModelReference?) {
        guard let recorded, !recorded.isPrediction, let status = recorded.status else {
            if let model {
                self = .version(model)
            } else if let version = recorded?.version {
                self = .version(ModelReference(name: version.name, version: .number(version.number)))
            } else {
                self = .anew
            }
            return
        }
        let isOfModel =
            status == RequestErrorCode.unknownModel.rawValue || status == RequestErrorCode.unknownVersion.rawValue
        if Self.momentary.contains(status), !(isOfModel && model != nil), let error = Self.error(recorded) {
            self = .error(error)
        } else {
            self = model.map { .version($0) } ?? .anew
        }
    }

    /// The error that a result holds; nil when it holds something else.
    private static func error(_ recorded: RecordedResult) -> RequestError? {
        guard let value = recorded.record.value, let document = try? JSONValue(parsing: Array(value)) else {
            return nil
        }
        let cursor = JSONCursor(document, path: "result")
        guard let error = try? cursor.member("error"), let code = try? error.member("code").string(),
            let message = try? error.member("message").string(), let known = RequestErrorCode(rawValue: code)
        else { return nil }
        return RequestError(known, message, requestID: try? cursor.optionalMember("id")?.string())
    }
}
