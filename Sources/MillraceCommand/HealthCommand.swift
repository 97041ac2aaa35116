import ArgumentParser

/// `millrace health`: asks a running instance, for containers that have no curl.
struct HealthCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health",
        abstract: "Ask a running instance whether it is live or ready.",
        discussion: """
            Exit codes: 0 a 2xx answer, 1 another answer or none in time.

            EXAMPLES
              millrace health
              millrace health --url http://127.0.0.1:8080/v2/health/live --timeout 5s
            """)

    @Option(help: "Address to ask; http only.")
    var url = "http://127.0.0.1:8080/v2/health/ready"

    @Option(help: "Longest wait, for example 2s.")
    var timeout = "2s"

    func run() throws {
        guard let target = HealthProbe.Target(url: url) else {
            throw ValidationError("found \"\(url)\" as --url, expected http://host[:port]/path")
        }
        guard let limit = DurationText.parse(timeout), limit > .zero, limit <= .seconds(300) else {
            throw ValidationError("found \"\(timeout)\" as --timeout, expected a duration up to 5m, such as 2s")
        }
        let answer: HealthProbe.Answer
        do throws(HealthProbe.Failure) {
            answer = try HealthProbe.ask(target, timeout: limit)
        } catch {
            StandardError.write("millrace health: \(url): \(error.reason)\n")
            throw ExitCode(1)
        }
        guard (200..<300).contains(answer.status) else {
            StandardError.write("millrace health: \(url): status \(answer.status)\n\(answer.body)\n")
            throw ExitCode(1)
        }
        print(answer.body)
    }
}
