import JSONDocuments
import KafkaClient
import ModelRegistry
import TensorEngine
package import Training

/// Why a job failed, as its `failed` event says it.
package struct TrainingFailure: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Code: String, Sendable, CaseIterable {
        case invalidRequest = "INVALID_REQUEST"
        /// Not there any more, not there yet, empty, or not to be read.
        case dataUnavailable = "DATA_UNAVAILABLE"
        case invalidData = "INVALID_DATA"
        case unknownBase = "UNKNOWN_BASE"
        /// The rows, the preprocessing, the model and the loss do not fit together.
        case notTrainable = "NOT_TRAINABLE"
        case diverged = "DIVERGED"
        /// No trial of a search has a result.
        case noResult = "NO_RESULT"
        case deadlineExceeded = "DEADLINE_EXCEEDED"
        /// It was begun too often: something in it ends the process.
        case tooManyAttempts = "TOO_MANY_ATTEMPTS"
        case `internal` = "INTERNAL"
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { "\(code.rawValue): \(message)" }

    /// Of a fit that judges, by what its `evaluated` event says.
    package init(_ fit: FitID, _ message: String) {
        let parts = message.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        if parts.count == 2, let code = Code(rawValue: String(parts[0])) {
            self.init(code, "fit \(fit):\(parts[1])")
        } else {
            self.init(.notTrainable, "fit \(fit): \(message)")
        }
    }

    /// What an error says of the job; nil when it says something of the moment, so that trying again may help.
    package init?(_ error: any Error) {
        switch error {
        case let error as TrainingFailure: self = error
        case let error as JSONError: self.init(.invalidRequest, "\(error)")
        case let error as DataError:
            switch error.reason {
            case .unwritable: return nil
            case .unreadable: self.init(.dataUnavailable, "\(error)")
            default: self.init(.invalidData, "\(error)")
            }
        case FitError.diverged(let epoch, let step, let loss):
            self.init(.diverged, "\(FitError.diverged(epoch: epoch, step: step, loss: loss))")
        case FitError.checkpoint: return nil
        case let error as FitError: self.init(.notTrainable, "\(error)")
        case let error as EarlyModelError: self.init(.notTrainable, "\(error)")
        case let error as GraphError: self.init(.notTrainable, "\(error)")
        case RangeError.outsideLog(let partition, let requested, let kept):
            self.init(
                .dataUnavailable, "\(RangeError.outsideLog(partition, requested: requested, kept: kept))")
        case let error as KafkaError where error.isOffsetReset || error.isUnknownTopicOrPartition:
            self.init(.dataUnavailable, "\(error)")
        case let error as RegistryError:
            switch error {
            case .unknownModel, .unknownVersion, .unknownAlias: self.init(.unknownBase, "\(error)")
            default: return nil
            }
        default: return nil
        }
    }
}
