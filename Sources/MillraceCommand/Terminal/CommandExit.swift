import ArgumentParser
import Gateway
import Glibc
import JSONDocuments
import KafkaClient
import ModelFormats
import ModelRegistry
import Serving
import TensorEngine
import Training

/// How an error ends the process: the one place that maps errors to messages and exit codes.
enum CommandExit {
    static func exit(with error: any Error) -> Never {
        switch error {
        case is CleanExit, is ExitCode, is ValidationError:
            leave(error)
        default:
            guard let status = status(of: error) else { leave(error) }
            Console.printError("millrace: \(error)")
            Glibc.exit(status.rawValue)
        }
    }

    /// Nil for the argument parser's own errors.
    static func status(of error: any Error) -> ExitStatus? {
        switch error {
        case let failure as CommandFailure: failure.status
        case is ConfigurationError, is KafkaConfigurationError, is GraphError, is RequestError, is TensorError,
            is JournalError, is GatewayError, is JSONError, is EarlyModelError:
            .usage
        case let error as DataError: error.reason == .unreadable ? .notFound : .usage
        case FitError.diverged: .difference
        case is FitError: .usage
        case let error as ModelFormatError: error.reason == .notFound ? .notFound : .usage
        case let error as RegistryError:
            switch error {
            case .unknownModel, .unknownVersion, .unknownAlias, .notLoaded, .missingEntry: .notFound
            case .invalidModelName, .invalidAlias, .loading, .loadFailed, .tooLarge, .storeUnusable, .storeFull,
                .storeReadOnly, .damagedEntry:
                .usage
            }
        case is RegistryRefusal: .refused
        case let error as RegistryLogError:
            switch error {
            case .missingTopic: .notFound
            case .newerFormat, .malformedEvent, .unsuitableTopic: .refused
            case .unwritableEvent: .usage
            case .blocked, .contended: .broker
            }
        case let error as ReplayError:
            switch error {
            case .resultsGone: .refused
            case .versionUnavailable: .notFound
            case .incomplete: .broker
            }
        case let error as RangeError:
            switch error {
            case .outsideLog: .refused
            case .stalled: .broker
            }
        case is KafkaError, is PipelineError: .broker
        default: nil
        }
    }

    /// As the argument parser says it, except that a wrong command line ends with ``ExitStatus/usage``.
    private static func leave(_ error: any Error) -> Never {
        let code = Millrace.exitCode(for: error)
        let message = Millrace.fullMessage(for: error)
        if !message.isEmpty {
            if code.isSuccess { Console.print(message) } else { Console.printError(message) }
        }
        Glibc.exit(code == .validationFailure ? ExitStatus.usage.rawValue : code.rawValue)
    }
}
