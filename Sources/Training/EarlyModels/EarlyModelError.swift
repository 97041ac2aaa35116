/// Why a model cannot be fitted. The description says what was found and what was expected:
/// `features: row 17, column 3 ('age') is nan, expected finite numbers`.
public struct EarlyModelError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Kind: Sendable, Hashable {
        case invalidFeatures, invalidTargets, invalidWeights
        /// A hyperparameter does not fit the data, as more neighbours than rows.
        case invalidHyperparameter
        /// The family cannot do what is asked of it.
        case unsupported
        /// More data, or a greater model, than is allowed.
        case limitExceeded
        /// The numbers do not allow a fit.
        case numerical
    }

    public let kind: Kind
    /// What is at fault: `features`, `targets`, `weights` or a hyperparameter.
    public let subject: String
    public let message: String

    public init(_ kind: Kind, _ subject: String, _ message: String) {
        self.kind = kind
        self.subject = subject
        self.message = message
    }

    public var description: String { "\(subject): \(message)" }
}
