/// The exit codes of `millrace`, as `--help` and the documentation list them.
enum ExitStatus: Int32 {
    case success = 0
    /// The command ran and found something wrong: a difference, a missing answer, a failed check.
    case difference = 1
    /// The command line, a configuration or an input file cannot be used.
    case usage = 2
    /// The brokers cannot be reached or refused.
    case broker = 3
    /// A model, version, topic or file does not exist.
    case notFound = 4
    /// Refused because it would do harm.
    case refused = 5
}

/// Ends a command with a message on standard error and an exit code.
struct CommandFailure: Error, CustomStringConvertible {
    let status: ExitStatus
    let message: String

    init(_ status: ExitStatus, _ message: String) {
        self.status = status
        self.message = message
    }

    var description: String { message }
}
